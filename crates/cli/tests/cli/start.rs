//! What keeps a server from starting: told in one line, with a documented exit code, and nothing is changed.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use store::{Db, Options, Statement, StoreError};

use super::real::{Server, data};
use super::support::{nictate, run, run_with_input};

static NEWER: Statement = Statement::new(
    "schema_migrations.newer",
    "INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, '9999_of_tomorrow', '')",
);

/// Tries to start on the folder's data; the code and the line on stderr, without the folder's name.
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = nictate(&["serve", "--data", &data(folder)]);
    if !arguments.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(arguments);
    let ran = run_with_input(command, "");
    assert_eq!(ran.stdout, "");
    let lines = ran.stderr.lines().filter(|line| !line.starts_with("  hint: "));
    assert_eq!(lines.count(), 1, "{}", ran.stderr);
    (ran.code, ran.stderr.replace(folder.to_str().unwrap(), "DIR"))
}

/// A folder on which a server has been started and stopped.
fn used_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Server::start(folder.path(), &[]).stop();
    folder
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = Server::start(folder.path(), &[]);
    let (code, line) = refused(folder.path(), &[]);
    assert_eq!((code, line.as_str()), (1, "error: another server uses the database `DIR/data/nictate.db`\n"));
    // The same file by another way: with a data folder of its own, and the key file named.
    let database = format!("sqlite:{}/data/nictate.db", folder.path().display());
    let mut other = nictate(&["serve", "--listen", "127.0.0.1:0", "--database", &database]);
    other.arg("--data").arg(folder.path().join("other"));
    other.env("NICTATE_SECRETS_KEY_FILE", folder.path().join("data/keys/master.key"));
    let ran = run_with_input(other, "");
    assert_eq!(ran.code, 1, "{}", ran.transcript());
    assert!(ran.stderr.contains("another server uses the database"), "{}", ran.stderr);
    assert_eq!(first.run(&["workflows", "list"]).code, 0);
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, line) = refused(folder.path(), &["--listen", &address]);
    assert_eq!(code, 1);
    assert_eq!(line, format!("error: cannot listen on `{address}`: Address already in use (os error 98)\n"));
    assert!(!folder.path().join("data/nictate.db").exists(), "nothing was made");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let folder = used_folder();
    fs::set_permissions(folder.path().join("data/keys/master.key"), Permissions::from_mode(0o644)).unwrap();
    let (code, line) = refused(folder.path(), &[]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(line, @"error: key file `DIR/data/keys/master.key` has mode 0644, so that others can reach it; set it to 0600 (`chmod 600`)");
}

#[test]
fn a_key_file_that_is_gone_is_not_made_anew() {
    let folder = used_folder();
    let key_file = folder.path().join("data/keys/master.key");
    fs::remove_file(&key_file).unwrap();
    let (code, line) = refused(folder.path(), &[]);
    assert_eq!(code, 1);
    assert!(line.contains("the key file `DIR/data/keys/master.key` is missing"), "{line}");
    assert!(!key_file.exists());
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_left_alone() {
    let folder = used_folder();
    let url = format!("sqlite:{}/data/nictate.db", folder.path().display());
    let db = Db::open(&url.parse().unwrap(), &Options::default()).await.unwrap();
    db.write::<_, StoreError, _>(async |tx| tx.execute(&NEWER, &[]).await).await.unwrap();
    db.close().await;
    let (code, line) = refused(folder.path(), &[]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(line, @"error: the database has migration `9999_of_tomorrow`, which this program does not know: it was made by a newer one");
    let ran = run(&["migrate", "--data", &data(folder.path())]);
    assert_eq!(ran.code, 1, "{}", ran.transcript());
    assert!(ran.stderr.contains("9999_of_tomorrow"), "{}", ran.stderr);
}

#[test]
fn a_key_that_the_configuration_does_not_have_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nictate.toml");
    for (text, said) in [
        (
            "[server]\nlitsen = \"x\"\n",
            "in the configuration file `DIR/nictate.toml`, line 2: unknown field `litsen`",
        ),
        ("[servr]\n", "in the configuration file `DIR/nictate.toml`, line 1: unknown field `servr`"),
        ("\n[limits]\nrunner_capacity = \"x\"\n", "line 3: invalid type: string \"x\", expected usize"),
        ("[server\n", "no TOML in the configuration file `DIR/nictate.toml`, line 1: "),
    ] {
        fs::write(&file, text).unwrap();
        let (code, line) = refused(folder.path(), &["--config", file.to_str().unwrap()]);
        assert_eq!(code, 6, "{line}");
        assert!(line.contains(said), "{line}");
        assert!(line.ends_with("  hint: docs/reference/configuration.md lists every key\n"), "{line}");
    }
}
