//! A problem inside an expression points at its characters, however the text around it is written.

use proptest::prelude::*;
use workflow::parse;

const WRONG: &str = "steps.X.output";

/// The text of the step's `text`, written with `scalar` in a document; the one problem must point at [`WRONG`].
fn check(scalar: &str) {
    let document = format!(
        "workflow:\n  - section: Steps\n    steps:\n      - id: S1\n        action: internal.print\n        inputs:\n          text: {scalar}\n          # end\n"
    );
    let diagnostics = parse(&document).diagnostics;
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}\n{document}");
    let diagnostic = &diagnostics[0];
    assert_eq!(diagnostic.code, "unknown_step", "{document}");
    let span = diagnostic.span;
    let line = document.split('\n').nth(span.line as usize - 1).unwrap_or_default();
    let pointed: String = line
        .chars()
        .skip(span.column as usize - 1)
        .take(span.end_column.saturating_sub(span.column) as usize)
        .collect();
    assert_eq!((pointed.as_str(), span.line), (WRONG, span.end_line), "{document}");
}

#[test]
fn every_way_to_write_a_text_keeps_its_places() {
    for scalar in [
        "a {{ steps.X.output }} b",
        "ü {{ steps.X.output }}",
        "a\n            b {{ steps.X.output }} c",
        "a\n\n\n            b\n            {{ steps.X.output }}",
        "'it''s ü {{ steps.X.output }}'",
        "'it''s\n\n   a {{ steps.X.output }}'",
        r#""\t\u00fc \"quoted\" \x41 {{ steps.X.output }}""#,
        "\"a \\\n     b   \n\n  \\  {{ steps.X.output }}\"",
        "|\n            a\n            b {{ steps.X.output }}",
        "|\n\n\n            a\n\n              more {{ steps.X.output }}\n            c",
        "|2\n              a\n             {{ steps.X.output }}",
        "|-\r\n            a\r\n            {{ steps.X.output }}\r",
        ">\n            a\n            b\n\n            c {{ steps.X.output }}",
        ">+\n            a\n              more\n              again {{ steps.X.output }}\n            b\n",
        ">-\n\n            a\n\n\n            {{ steps.X.output }}",
        "{a: [b, 'c {{ steps.X.output }}']}",
        "!!str a {{ steps.X.output }}",
        "&anchor 'a {{ steps.X.output }}'",
    ] {
        check(scalar);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn so_does_any_block_of_lines(
        header in prop::sample::select(vec!["|", "|-", "|+", ">", ">-", ">+"]),
        first in "[a-zü:#'\"]{1,5}",
        lines in prop::collection::vec("[ ]{0,3}[a-zü:#'\" ]{0,6}", 0..6),
    ) {
        let lines: String = lines.iter().map(|line| format!("            {line}\n")).collect();
        check(&format!("{header}\n            {first}\n{lines}            {{{{ {WRONG} }}}}"));
    }

    #[test]
    fn so_does_any_double_quoted_text(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", " ", "ü", "\\n", "\\\"", "\\u00fc", "\\x41", "\\U0001F600", "\\ud83d\\ude00", "\n            ", "\n\n   ", "\\\n    ", "\\\\",
        ]), 0..12),
    ) {
        check(&format!("\"x{} {{{{ {WRONG} }}}}\"", parts.concat()));
    }
}
