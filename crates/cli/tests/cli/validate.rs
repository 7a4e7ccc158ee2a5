//! `nictate validate`.

use insta::assert_snapshot;

use super::support::{nictate, run, run_with_input};

#[test]
fn a_good_file_is_said_to_be_one() {
    assert_snapshot!(run(&["validate", "good.yaml"]).transcript(), @r"
    exit 0
    ---- stdout
    ---- stderr
    checked 1 file: no problems
    ");
}

#[test]
fn problems_are_shown_with_their_place() {
    assert_snapshot!(run(&["validate", "good.yaml", "wrong.yaml"]).transcript(), @r"
    exit 6
    ---- stdout
    error[unknown_action]: there is no action `http.requestV3`
     --> wrong.yaml:6:17
      |
    6 |         action: http.requestV3
      |                 ^^^^^^^^^^^^^^
      = hint: did you mean `http.requestV2`?

    error[unknown_step]: there is no step `S9`
      --> wrong.yaml:10:28
       |
    10 |         inputs: {text: '{{ steps.S9.output }}'}
       |                            ^^^^^^^^^^^^^^^

    ---- stderr
    checked 2 files: 2 errors
    ");
}

#[test]
fn with_json_every_file_has_its_diagnostics() {
    let ran = run(&["validate", "--json", "good.yaml", "wrong.yaml", "missing.yaml"]);
    assert_eq!(ran.code, 3);
    let report = ran.json();
    assert_eq!(report["valid"], false);
    assert_eq!(report["files"][0]["valid"], true);
    assert_eq!(report["files"][1]["diagnostics"][0]["code"], "unknown_action");
    assert_eq!(report["files"][1]["diagnostics"][0]["span"]["line"], 6);
    assert_eq!(report["files"][2]["file"], "missing.yaml");
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_others() {
    assert_snapshot!(run(&["validate", "missing.yaml", "not-utf8.yaml", "good.yaml"]).transcript(), @r"
    exit 6
    ---- stdout
    ---- stderr
    error: cannot read the workflow file `missing.yaml`: No such file or directory (os error 2)
    error: the workflow file `not-utf8.yaml` is no text in UTF-8: byte 6 is not valid
    checked 3 files: 2 errors
    ");
}

#[test]
fn a_document_may_come_from_stdin() {
    let ran = run_with_input(nictate(&["validate", "-"]), "name: [\n");
    assert_eq!(ran.code, 6);
    assert!(ran.stdout.contains("--> <stdin>:"), "{}", ran.stdout);
}

#[test]
fn hostile_documents_are_refused_in_a_line_or_two() {
    let deep = format!("workflow: {}", "[".repeat(10_000));
    let large = format!("name: {}\n", "x".repeat(10 * 1024 * 1024));
    for document in [deep.as_str(), large.as_str(), "", "\u{0}", "&a [*a, *a]", "- 1"] {
        let ran = run_with_input(nictate(&["validate", "-"]), document);
        assert_eq!(ran.code, 6, "{}", ran.transcript());
        assert!(ran.stdout.len() < 20_000, "{}", ran.stdout.len());
    }
}

#[test]
fn types_of_the_servers_own_can_be_named() {
    let document = "workflow: [{section: S, steps: [{id: S1, action: http.requestV2, \
                    connections: {acme: mine}, inputs: {url: /x}}]}]\n";
    assert_eq!(run_with_input(nictate(&["validate", "-"]), document).code, 6);
    let ran = run_with_input(nictate(&["validate", "-", "--connection-type", "acme"]), document);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
}
