//! Outputs that are kept as files.

use engine::{EffectResult, Execution, RunState, SaveFile, StepError};
use expr::Value;
use serde_json::{Value as Json, json};

use crate::support::{Driver, document, ended, plan, run_with};

/// Answers what it was given.
fn echo(_: &str, _: u32, inputs: &Json) -> EffectResult {
    EffectResult::Succeeded(Value::from(inputs["answer"].clone()))
}

/// The run, which does the same however it is cut, and its files.
fn files_of(document: &str, effect: &dyn Fn(&str, u32, &Json) -> EffectResult) -> (Execution, Vec<SaveFile>) {
    run_with(document, json!({}), effect);
    let (mut driver, first) = Driver::start(&plan(document), json!({}), effect);
    driver.run(first);
    (driver.execution, driver.files.into_iter().map(|(_, file)| file).collect())
}

#[test]
fn an_output_that_is_saved_is_a_file_in_the_commit_of_its_step_and_not_in_the_run() {
    let document = document(
        r#"
- {id: S1, action: test.effect, inputs: {answer: "a\0b"}, save_output_to_file: true}
- {id: S2, action: test.effect, inputs: {answer: {a: [1]}}, save_output_to_file: 'of {{ steps.S1.output.file.size_bytes }} "ü".csv'}
- {id: S3, action: test.effect, save_output_to_file: yes, mock_output_enabled: true, mock_output: mock}
- {id: S4, action: test.effect, inputs: {answer: 1}, save_output_to_file: yes, discard_output: true}
- {id: S5, action: test.effect, inputs: {answer: 1}, save_output_to_file: yes, when: 'false'}
"#,
        "outputs:\n  a: {value: '{{ steps.S1.output }}', index: 1}\n  b: {value: '{{ steps.S2.output }}', index: 2}\n  d: {value: '{{ steps.S4.output }}', index: 3}\n",
    );
    let (execution, files) = files_of(&document, &echo);
    let shown: Vec<_> = files
        .iter()
        .map(|file| (&*file.path, &*file.name, file.content_type, file.size_bytes, &*file.json))
        .collect();
    let text = "text/plain; charset=utf-8";
    let expected = [
        ("S1", "S1.txt", text, 3, r#""a\u0000b""#),
        ("S2", "of 3 \"ü\".csv", "application/json", 9, r#"{"a":[1]}"#),
        ("S3", "S3.txt", text, 4, r#""mock""#),
    ];
    assert_eq!(shown, expected);
    let output = |file: &SaveFile| {
        json!({"file": {
            "id": file.id.to_string(), "name": file.name,
            "content_type": file.content_type, "size_bytes": file.size_bytes,
        }})
    };
    let outputs = ended(&execution).outputs;
    assert_eq!(outputs, json!({"a": output(&files[0]), "b": output(&files[1]), "d": null}));
}

#[test]
fn each_turn_of_a_loop_leaves_a_file_of_its_own() {
    let document = document(
        r#"
- id: S1
  action: internal.for
  inputs: {list: [1, 2, 3], max_concurrency: 2}
  steps:
    - {id: S2, action: test.effect, inputs: {answer: '{{ steps.S1.item }}'}, save_output_to_file: '{{ steps.S1.item }}.json'}
"#,
        "",
    );
    let (_, mut files) = files_of(&document, &echo);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let shown: Vec<_> = files.iter().map(|file| (&*file.path, &*file.name, &*file.json)).collect();
    assert_eq!(
        shown,
        [("S1[0].S2", "1.json", "1"), ("S1[1].S2", "2.json", "2"), ("S1[2].S2", "3.json", "3")]
    );
    assert_ne!(files[0].id, files[1].id);
}

#[test]
fn a_name_that_no_file_can_have_fails_the_step_which_keeps_its_output() {
    let check = |name: &str, message: &str| {
        let steps = format!(
            "- {{id: S1, action: test.effect, inputs: {{answer: 5}}, save_output_to_file: \"{name}\", continue_on_error: true}}"
        );
        let rest = "outputs:\n  all: {value: '{{ [steps.S1.output, steps.S1.error] }}', index: 1}\n";
        let (execution, files) = files_of(&document(&steps, rest), &echo);
        assert_eq!(files, []);
        assert_eq!(execution.state(), RunState::Completed);
        assert_eq!(ended(&execution).outputs, json!({"all": [5, message]}), "{name}");
    };
    check("{{ 'a/b' }}", "the file name `a/b` has a path separator");
    check("{{ '' }}", "the file name `` is empty");
    check("{{ '..' }}", "the file name `..` is that of a folder");
    check("{{ 'a\\tb' }}", "the file name `a\\tb` has control characters");
    check("{{ 1 + 1 }}", "`save_output_to_file` must give a text, not `2`");
    let long = "n".repeat(256);
    let shown = format!("{}…", "n".repeat(120));
    check(
        &format!("{{{{ '{long}' }}}}"),
        &format!("the file name `{shown}` has 256 characters, more than 255"),
    );
}

#[test]
fn a_step_that_fails_leaves_no_file() {
    let failing = |_: &str, _: u32, _: &Json| EffectResult::Failed {
        error: StepError::new("http_status", "the server answered 500"),
        output: Value::from(json!("page")),
    };
    let document = document(
        "- {id: S1, action: test.effect, save_output_to_file: true, continue_on_error: true}",
        "outputs:\n  a: {value: '{{ steps.S1.output }}', index: 1}\n",
    );
    let (execution, files) = files_of(&document, &failing);
    assert_eq!((files, ended(&execution).outputs), (vec![], json!({"a": "page"})));
}
