//! Documents that were written to break the reader, or by a cat on the keyboard.

use crate::catalog::TestCatalog;
use proptest::prelude::*;
use types::limits::{
    GOTO_NESTING_MAX, WORKFLOW_DOCUMENT_DEPTH_MAX, WORKFLOW_DOCUMENT_NODES_MAX, WORKFLOW_STEPS_MAX,
};
use workflow::{compile, parse};

/// The only thing said about `text` is `code`.
fn check(text: &str, code: &str) {
    let (plan, diagnostics) = compile(text, &TestCatalog::default());
    let said: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    assert!(plan.is_none());
    assert_eq!(said, [code]);
}

#[test]
fn ten_thousand_levels_are_too_deep() {
    check(&"[".repeat(10_000), "too_deep");
    check(&"{a: ".repeat(10_000), "too_deep");
    check(&"- ".repeat(10_000), "too_deep");
    check(&"? ".repeat(10_000), "too_deep");
    let stairs: String = (0..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    check(&stairs, "too_deep");
    check(&format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000)), "too_deep");
}

#[test]
fn block_and_flow_levels_count_together_and_aliases_bring_theirs() {
    let half = WORKFLOW_DOCUMENT_DEPTH_MAX / 2 + 10;
    check(&format!("{}{}{}", "- ".repeat(half), "[".repeat(half), "]".repeat(half)), "too_deep");
    let deep = format!("a: &a {}{}\n", "[".repeat(half), "]".repeat(half));
    check(&format!("{deep}b: {}*a{}\n", "[".repeat(half), "]".repeat(half)), "too_deep");
}

#[test]
fn a_billion_laughs_are_too_many_nodes() {
    let mut text = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    check(&text, "too_many_nodes");
}

#[test]
fn a_long_text_that_is_repeated_by_aliases_counts_in_full() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), "*a,".repeat(100));
    check(&text, "too_many_nodes");
}

#[test]
fn ten_megabytes_are_too_large_and_many_values_too_many() {
    check(&"a".repeat(10 * 1024 * 1024), "document_too_large");
    check(&format!("[{}]", "a,".repeat(WORKFLOW_DOCUMENT_NODES_MAX)), "too_many_nodes");
}

#[test]
fn the_largest_number_of_steps_is_read_and_one_more_is_not() {
    let document = |count: usize| {
        let steps: String = (0..count)
            .map(|step| format!("{{id: s{step}, action: internal.print, inputs: {{text: a}}}},"))
            .collect();
        format!("workflow: [{{section: Steps, steps: [{steps}]}}]")
    };
    let (plan, diagnostics) = compile(&document(WORKFLOW_STEPS_MAX), &TestCatalog::default());
    assert_eq!(diagnostics, []);
    assert_eq!(plan.unwrap().steps.len(), WORKFLOW_STEPS_MAX);
    check(&document(WORKFLOW_STEPS_MAX + 1), "too_many_steps");
}

#[test]
fn so_many_jumps_of_2021_may_lie_within_each_other_and_not_one_more() {
    // Each jumps over all that follow, the innermost over one step.
    let document = |jumps: usize| {
        let jump = |step: usize| {
            let target = 2 * jumps + 1 - step;
            format!(
                "{{id: s{step}, action: internal.print, inputs: {{text: a}}, goto: {{s{target}: '{{{{ inputs.x }}}}'}}}},"
            )
        };
        let jumping: String = (0..jumps).map(jump).collect();
        let others: String = (jumps..2 * jumps + 2)
            .map(|step| format!("{{id: s{step}, action: internal.print, inputs: {{text: a}}}},"))
            .collect();
        format!("inputs: {{x: false}}\nsteps: [{jumping}{others}]")
    };
    let (plan, diagnostics) = compile(&document(GOTO_NESTING_MAX), &TestCatalog::default());
    assert_eq!(diagnostics, []);
    assert_eq!(plan.unwrap().steps.len(), 5 * GOTO_NESTING_MAX + 2);
    check(&document(GOTO_NESTING_MAX + 1), "legacy_goto");
}

#[test]
fn steps_that_stand_for_a_goto_count_towards_the_largest_number() {
    let document = |count: usize| {
        let steps: String = (0..count)
            .map(|step| {
                format!("{{id: s{step}, action: internal.print, inputs: {{text: a}}, goto: {{end: '{{{{ inputs.x }}}}'}}}},")
            })
            .collect();
        format!("inputs: {{x: false}}\nsteps: [{steps}]")
    };
    // The step, the if, its two branches, the end.
    let (plan, diagnostics) = compile(&document(WORKFLOW_STEPS_MAX / 5), &TestCatalog::default());
    assert_eq!(diagnostics, []);
    assert_eq!(plan.unwrap().steps.len(), WORKFLOW_STEPS_MAX);
    check(&document(WORKFLOW_STEPS_MAX / 5 + 1), "too_many_steps");
}

#[test]
fn the_deepest_document_is_read_on_a_small_stack() {
    // 2 levels for the document, 2 for each loop, the rest in a value that ends in a deep expression.
    let loops = 20;
    let rest = WORKFLOW_DOCUMENT_DEPTH_MAX - 2 * loops - 6;
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(20), ")".repeat(20));
    let value = format!("{}'{deep}'{}", "[".repeat(rest), "]".repeat(rest));
    let mut steps = format!("{{id: last, action: internal.print, inputs: {{text: {value}}}}}");
    for step in 0..loops {
        steps = format!("{{id: s{step}, action: internal.for, inputs: {{list: 2}}, steps: [{steps}]}}");
    }
    let document = format!("workflow: [{{steps: [{steps}]}}]");
    let read = move || compile(&document, &TestCatalog::default()).1;
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(read).unwrap();
    assert_eq!(thread.join().unwrap(), []);
}

#[test]
fn the_novel_ends_after_two_hundred_problems() {
    let steps = "{id: a b, action: nope},".repeat(1_000);
    let (_, diagnostics) = compile(&format!("workflow: [{{steps: [{steps}]}}]"), &TestCatalog::default());
    assert!(diagnostics.len() <= 402, "{}", diagnostics.len());
    assert!(diagnostics.iter().any(|diagnostic| diagnostic.code == "more_problems"));
}

#[test]
fn a_text_full_of_wrong_references_is_read_in_reasonable_time() {
    let text = "{{ steps.a }}\\n".repeat(20_000);
    let document =
        format!("workflow: [{{steps: [{{id: S1, action: internal.print, inputs: {{text: \"{text}\"}}}}]}}]");
    assert!(!parse(&document).diagnostics.is_empty());
}

/// Lines that resemble workflows, so that chance reaches beyond the YAML parser.
fn resembling() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "workflow:",
        "- section: Steps",
        "steps:",
        "- id: S1",
        "action: internal.ifCondition",
        "inputs:",
        "- ",
        "action: internal.SetVariables",
        "Variables:",
        "- Name: a",
        "Type: List",
        "condition:",
        "sentence:",
        "- lvalue: '{{ inputs.x }}'",
        "op: Equals",
        "rvalue: {{ x }}",
        "&a",
        "*a",
        "<<: *a",
        "|",
        ">-",
        "'{{ steps.",
        "triggers:",
        "scheduled:",
        "- cron: '* * * * *'",
        "automation_type: event",
        "\"\\u00fc {{ a.b }}\"",
        "? ",
        "action: internal.Sleep",
        "duration: 5s",
        "action: internal.for",
        "list: [1, {a: b}]",
        "{{",
        "}}",
        "\t",
        "é",
    ]);
    let line = (0usize..12, words.clone(), words)
        .prop_map(|(indent, a, b)| format!("{}{a} {b}\n", " ".repeat(indent)));
    prop::collection::vec(line, 0..25).prop_map(|lines| lines.concat())
}

fn spans_are_in_order(text: &str) {
    for diagnostic in compile(text, &TestCatalog::default()).1 {
        let span = diagnostic.span;
        assert!(span.line >= 1 && span.column >= 1, "{diagnostic}");
        assert!((span.line, span.column) <= (span.end_line, span.end_column), "{diagnostic}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_panic(text in ".{0,200}") {
        spans_are_in_order(&text);
    }

    #[test]
    fn what_resembles_a_workflow_is_read_without_panic(text in resembling()) {
        spans_are_in_order(&text);
    }
}
