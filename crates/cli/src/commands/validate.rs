//! `nictate validate FILE...`: all problems of all files, offline.

use serde_json::{Value, json};

use crate::args::ValidateArgs;
use crate::diagnostics::counted;
use crate::documents::{Checked, catalog};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::{Printer, Target};
use crate::text::printable;

pub(crate) fn run(args: &ValidateArgs, printer: &Printer) -> Outcome {
    let catalog = catalog(args.connection_types.iter().cloned());
    let mut report = Vec::new();
    let mut total = (0, 0);
    let mut exit = Exit::Ok;
    for path in &args.files {
        // A file that cannot be read does not keep the others from being checked.
        match Checked::read(path, &catalog) {
            Ok(checked) => {
                let (errors, warnings) = checked.counts();
                total = (total.0 + errors, total.1 + warnings);
                if errors > 0 && exit == Exit::Ok {
                    exit = Exit::Invalid;
                }
                report.push(describe(&checked, errors));
                if !printer.is_json() {
                    checked.print(printer, Target::Out);
                }
            }
            Err(failure) => {
                total.0 += 1;
                exit = failure.exit;
                report
                    .push(json!({"file": path, "valid": false, "error": failure.message, "diagnostics": []}));
                printer.complain(&failure);
            }
        }
    }
    if printer.is_json() {
        printer.json(&json!({"valid": exit == Exit::Ok, "files": report}));
    } else {
        summarize(printer, args.files.len(), total);
    }
    Ok(exit)
}

fn describe(checked: &Checked, errors: usize) -> Value {
    json!({"file": checked.file, "valid": errors == 0, "diagnostics": checked.diagnostics})
}

fn summarize(printer: &Printer, files: usize, (errors, warnings): (usize, usize)) {
    let noun = if files == 1 { "file" } else { "files" };
    let found = match counted(errors, warnings) {
        found if found.is_empty() => "no problems".to_owned(),
        found => found,
    };
    printer.note(&printable(&format!("checked {files} {noun}: {found}")));
}
