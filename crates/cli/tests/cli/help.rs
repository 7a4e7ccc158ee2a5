//! `--help` of every command, word for word, and the pages made from the same words.

use super::support::run;

/// Every command that the reference page describes.
fn commands() -> Vec<Vec<String>> {
    let page = run(&["generate", "cli-reference"]).stdout;
    let headings = page.lines().filter_map(|line| line.strip_prefix("## `nictate ")?.strip_suffix('`'));
    headings.map(|heading| heading.split(' ').map(str::to_owned).collect()).collect()
}

#[test]
fn every_command_has_help() {
    let ran = run(&["--help"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("help", ran.stdout);
    for command in commands() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let ran = run(&arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{command:?}");
        insta::assert_snapshot!(format!("help_{}", command.join("_")), ran.stdout);
    }
}

#[test]
fn the_reference_lists_commands_flags_variables_and_exit_codes() {
    let page = run(&["generate", "cli-reference"]).stdout;
    for part in [
        "## `nictate connections create`",
        "| `-a, --attribute <NAME=VALUE>` |",
        "| `--url <URL>` | `NICTATE_URL` | `http://127.0.0.1:8700` |",
        "| `<FILE>...` |",
        "| 7 | The server does not answer",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
    assert!(!page.contains("nictate generate"), "hidden commands stay hidden");
}

#[test]
fn the_key_in_the_environment_is_not_shown_by_help() {
    let mut command = super::support::nictate(&["connections", "list", "--help"]);
    command.env("NICTATE_API_KEY", super::support::API_KEY);
    let ran = super::support::run_with_input(command, "");
    assert!(ran.stdout.contains("NICTATE_API_KEY"));
}

#[test]
fn every_shell_has_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("connection-types"), "{shell}");
    }
}
