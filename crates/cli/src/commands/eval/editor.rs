//! `--check` and `--complete`: what an editor asks while an expression is being written, without evaluating it.

use expr::{CandidateKind, Problem, Severity, Shape};
use serde_json::{Value, json};

use super::drawn;
use crate::exit::Exit;
use crate::printer::{Printer, Target, Tone};
use crate::text::printable;

/// Everything that is wrong with the source.
pub(super) fn check(source: &str, is_template: bool, env: &Shape, printer: &Printer) -> Exit {
    let problems = if is_template { expr::check_template(source, env) } else { expr::check(source, env) };
    if printer.is_json() {
        printer.json(&problems.iter().map(as_json).collect::<Vec<_>>());
    } else {
        problems.iter().for_each(|problem| show(source, problem, printer));
    }
    let is_wrong = problems.iter().any(|problem| problem.severity == Severity::Error);
    if is_wrong { Exit::Invalid } else { Exit::Ok }
}

fn as_json(problem: &Problem) -> Value {
    json!({
        "severity": severity(problem),
        "message": problem.message,
        "span": {"start": problem.span.start, "end": problem.span.end},
        "hint": problem.hint,
    })
}

fn show(source: &str, problem: &Problem, printer: &Printer) {
    let tone = if problem.severity == Severity::Error { Tone::Error } else { Tone::Warning };
    let label = printer.paint(Target::Out, tone, &format!("{}:", severity(problem)));
    let (message, excerpt) = drawn(problem, source);
    printer.line(&format!("{label} {}", printable(&message)));
    excerpt.iter().for_each(|line| printer.line(&format!("  {}", printable(line))));
    if let Some(hint) = &problem.hint {
        let label = printer.paint(Target::Out, Tone::Hint, "hint:");
        printer.line(&format!("  {label} {}", printable(hint)));
    }
}

fn severity(problem: &Problem) -> &'static str {
    match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// What may be written at byte `position`.
pub(super) fn complete(
    source: &str,
    position: usize,
    is_template: bool,
    env: &Shape,
    printer: &Printer,
) -> Exit {
    let completion = if is_template {
        expr::complete_template(source, position, env)
    } else {
        expr::complete(source, position, env)
    };
    if printer.is_json() {
        let candidates: Vec<Value> = completion
            .candidates
            .iter()
            .map(|found| {
                json!({
                    "text": found.text,
                    "kind": kind(found.kind),
                    "detail": found.detail,
                    "about": found.about,
                })
            })
            .collect();
        let span = json!({"start": completion.span.start, "end": completion.span.end});
        printer.json(&json!({"span": span, "candidates": candidates}));
        return Exit::Ok;
    }
    let width = completion.candidates.iter().map(|found| found.text.chars().count()).max().unwrap_or(0);
    for found in &completion.candidates {
        let line =
            format!("{:width$}  {:8}  {}  {}", found.text, kind(found.kind), found.detail, found.about);
        printer.line(&printable(line.trim_end()));
    }
    Exit::Ok
}

fn kind(kind: CandidateKind) -> &'static str {
    match kind {
        CandidateKind::Scope => "scope",
        CandidateKind::Member => "member",
        CandidateKind::Function => "function",
        CandidateKind::Variable => "variable",
        CandidateKind::Keyword => "keyword",
        CandidateKind::Method => "method",
    }
}
