//! Every document of `documents/` with all that is said about it, as snapshots.

use std::fmt::Write as _;

use crate::catalog::TestCatalog;
use workflow::{Diagnostic, compile};

/// What a person sees: the problem, the hint, and the text it points at.
fn explain(text: &str, diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<&str> = text.strip_prefix('\u{feff}').unwrap_or(text).lines().collect();
    let mut page = String::new();
    for diagnostic in diagnostics {
        let _ = writeln!(page, "{diagnostic}");
        let span = diagnostic.span;
        let line = lines.get(span.line as usize - 1).copied().unwrap_or_default();
        let end = if span.end_line == span.line { span.end_column } else { u32::MAX };
        let width = (end - span.column) as usize;
        let pointed: String = line.chars().skip(span.column as usize - 1).take(width).collect();
        let _ = writeln!(page, "  at: {pointed}");
        if let Some(hint) = &diagnostic.hint {
            let _ = writeln!(page, "  hint: {hint}");
        }
    }
    page
}

#[test]
fn every_document_is_explained() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/documents");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let (plan, diagnostics) = compile(&text, &TestCatalog::default());
        let outcome = match plan {
            Some(plan) => format!("a plan of {} steps", plan.steps.len()),
            None => "no plan".to_owned(),
        };
        let page = format!("{}=> {outcome}", explain(&text, &diagnostics));
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(name, page);
        });
    }
}
