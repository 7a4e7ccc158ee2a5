//! Where output goes, and that a reader who leaves is no failure.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::json;

use super::support::{Fake, nictate, page};

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    for arguments in [&["completions", "zsh"][..], &["connections", "--help"], &["generate", "cli-reference"]]
    {
        let mut child = nictate(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn names_from_the_server_cannot_move_the_cursor() {
    let fake = Fake::start(|_| page(&json!([{"name": "a\u{1b}[2J\nb", "type_name": "slack", "id": "1"}])));
    let ran = fake.run(&["connections", "list"]);
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
}
