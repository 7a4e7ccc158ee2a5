//! `nictate doctor`: looks at an installation and says what is not right. Changes nothing.

mod local;
mod remote;

use serde::Serialize;
use serde_json::json;

use crate::args::DoctorArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::{Printer, Target, Tone};
use crate::text::printable;

/// What came of looking at one thing.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
    detail: String,
    hints: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failed,
    /// There is nothing to look at here.
    Skipped,
}

impl Finding {
    fn new(what: &'static str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { what, verdict, detail: detail.into(), hints: Vec::new() }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn failed(what: &'static str, failure: Failure) -> Self {
        Self {
            what,
            verdict: Verdict::Failed,
            detail: failure.message,
            hints: failure.hints.into_iter().chain(failure.details).collect(),
        }
    }
}

pub(crate) async fn run(args: &DoctorArgs, printer: &Printer) -> Outcome {
    let mut findings = local::look(&args.database).await;
    findings.extend(remote::look(&args.api).await);
    let sound = findings.iter().all(|finding| finding.verdict != Verdict::Failed);
    if printer.is_json() {
        printer.json(&json!({"ok": sound, "checks": findings}));
    } else {
        findings.iter().for_each(|finding| print(finding, printer));
    }
    Ok(if sound { Exit::Ok } else { Exit::Failed })
}

fn print(finding: &Finding, printer: &Printer) {
    let (word, tone) = match finding.verdict {
        Verdict::Ok => ("ok", Tone::Success),
        Verdict::Warning => ("warning", Tone::Warning),
        Verdict::Failed => ("failed", Tone::Error),
        Verdict::Skipped => ("skipped", Tone::Muted),
    };
    let word = printer.paint(Target::Out, tone, &format!("{word:<8}"));
    printer.line(&format!("{word} {:<15} {}", finding.what, printable(&finding.detail)));
    for hint in &finding.hints {
        let label = printer.paint(Target::Out, Tone::Hint, "hint:");
        printer.line(&format!("         {label} {}", printable(hint)));
    }
}
