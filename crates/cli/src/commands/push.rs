//! `nictate push`: a workspace becomes what a folder says. The plan is shown first; what somebody has changed on the
//! server since the last pull is never overwritten without `--force`.

mod agents;
mod apps;
mod check;
mod packs;
mod plan;
mod run;
mod tables;
mod workflows;

use std::io::{BufRead as _, IsTerminal as _};

use crate::args::PushArgs;
use crate::client::Client;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::{Printer, Target as Stream};
use crate::sync::compare::compare;
use crate::sync::folder::Folder;
use crate::sync::report::{self, Action, Line};
use crate::sync::state::State;
use crate::sync::{Target, remote};
use crate::text::printable;
use run::Push;

pub(crate) async fn run(args: &PushArgs, printer: &Printer) -> Outcome {
    let folder = Folder::read(&args.folder)?;
    if folder.manifest.is_none() && folder.locals.is_empty() {
        let place = args.folder.display();
        let message = format!("`{place}` holds no workspace: there is no `nictate.yaml` in it");
        return Err(Failure::new(Exit::NotFound, message).hint("`nictate pull` writes one"));
    }
    let target = Target::find(Client::new(&args.api)?, folder.manifest.as_ref()).await?;
    let mut state = State::read(&folder, &target)?;
    let compared = compare(&folder, remote::all(&target.client).await?, &state);
    let lines: Vec<Line> = compared.pairs.iter().map(|pair| plan::line(pair, &compared, args)).collect();
    report::show(printer, &lines);
    check::documents(printer, &target, &compared, &lines).await?;
    check::refuse_impossible(&compared, &lines)?;
    if lines.iter().any(|line| line.action == Action::Conflict) {
        return Err(report::conflict(&lines, "pull first; --force overwrites what is on the server"));
    }
    plan::explain_missing(printer, &lines, &compared);
    let is_due = lines.iter().any(|line| line.action.is_due());
    if args.dry_run || (is_due && !args.yes && !confirm(printer, &target)?) {
        if printer.is_json() {
            printer.json(&report::to_json(&target, &lines, false));
        }
        let is_pending = is_due && (args.exit_code || !args.dry_run);
        return Ok(if is_pending { Exit::Pending } else { Exit::Ok });
    }
    Push::new(printer, args, &folder, &target, &mut state, compared).run(&lines).await?;
    if printer.is_json() {
        printer.json(&report::to_json(&target, &lines, true));
    }
    Ok(Exit::Ok)
}

/// Whether a person says yes; without one nobody does.
fn confirm(printer: &Printer, target: &Target) -> Outcome<bool> {
    let (name, address) = (printable(&target.name), target.client.address());
    if !std::io::stdin().is_terminal() {
        printer.note("nothing was changed: there is nobody to ask");
        printer.hint("--yes pushes without asking");
        return Ok(false);
    }
    printer.write(Stream::Err, &format!("push this to workspace `{name}` of {address}? [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    crate::failure::Context::context(read, Exit::Failed, || "read the answer".to_owned())?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
