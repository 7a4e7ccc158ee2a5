//! Waiting for a run on the server: asks again and again, tells of each step once, stops when nothing can
//! happen any more without somebody's doing.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::client::{Client, results};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::Printer;
use crate::signals::StopSignals;

/// The first pause between two questions, and the longest: each is a quarter longer than the one before.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Steps asked for at a time.
const STEPS_PER_PAGE: u64 = 1_000;

/// How the waiting ended.
pub(crate) enum Watched {
    /// The execution as it is now that it is over, or paused.
    Over(Value),
    /// The time given is used up.
    OutOfTime,
    /// Ctrl-C, or nobody reads any more.
    Interrupted,
}

/// Waits for the execution; `tell` gets each step that has ended, once, in the order of their ending as far
/// as it is seen.
pub(crate) async fn watch(
    client: &Client,
    printer: &Printer,
    execution: &str,
    time: Option<Duration>,
    mut tell: impl FnMut(&Value),
) -> Outcome<Watched> {
    let deadline = time.map(|time| Instant::now() + time);
    let mut stop = StopSignals::listen()?;
    let mut told = HashSet::new();
    let mut pause = PAUSE.0;
    loop {
        // The run first: steps that are asked for after it was over are all of them.
        let row = client.get(&["executions", execution], &[]).await?;
        let mut ended = steps(client, execution).await?;
        ended.retain(|step| has_ended(step) && told.insert(key(step)));
        // They come in the order in which they began; a loop ends after its turns.
        ended.sort_by_key(|step| step["finished_at"].as_i64());
        ended.iter().for_each(&mut tell);
        if is_over(&row) {
            return Ok(Watched::Over(row));
        }
        if printer.is_closed() {
            return Ok(Watched::Interrupted);
        }
        let left = deadline.map_or(pause, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(Watched::OutOfTime);
        }
        tokio::select! {
            () = sleep(pause.min(left)) => {}
            () = stop.received() => return Ok(Watched::Interrupted),
        }
        pause = (pause * 5 / 4).min(PAUSE.1);
    }
}

/// Every step of a run, page by page.
pub(crate) async fn steps(client: &Client, execution: &str) -> Outcome<Vec<Value>> {
    let mut steps = Vec::new();
    loop {
        let q = json!({"limit": STEPS_PER_PAGE, "offset": steps.len()}).to_string();
        let page = client.get(&["executions", execution, "steps"], &[("q", q)]).await?;
        let rows = results(&page);
        steps.extend_from_slice(rows);
        let total = page["total"].as_u64().unwrap_or(0);
        if rows.is_empty() || steps.len() as u64 >= total {
            return Ok(steps);
        }
    }
}

/// The exit code that tells how the run ended.
pub(crate) fn exit_of(execution: &Value) -> Exit {
    if state(execution) == "Completed" { Exit::Ok } else { Exit::RunIncomplete }
}

/// `state_ui`, or the inner state where that is all there is.
pub(crate) fn state(execution: &Value) -> &str {
    let names = [&execution["state_ui"], &execution["state"]];
    names.into_iter().find_map(|name| name.as_str().filter(|name| !name.is_empty())).unwrap_or_default()
}

/// Whether nothing happens any more by itself: a paused run waits for somebody.
fn is_over(execution: &Value) -> bool {
    matches!(state(execution), "Completed" | "Failed" | "Cancelled" | "Timeout" | "Skipped" | "Paused")
}

fn has_ended(step: &Value) -> bool {
    step["finished_at"].as_i64().is_some_and(|at| at > 0)
}

/// What tells a step from every other of the same run.
fn key(step: &Value) -> String {
    let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
    match text("id") {
        id if id.is_empty() => format!("{} {} {}", text("step_id"), text("path"), step["started_at"]),
        id => id,
    }
}
