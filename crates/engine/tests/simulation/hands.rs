//! What people do to simulated runs: have them stop, pause, go on or end, decide on steps in doubt, and begin anew with a
//! step. Follows `server/src/driver/{control,restart}.rs`.

use std::sync::Arc;

use engine::{
    Command, Control, Decision, Entry, Event, Execution, Refusal, Restart, RunState, restart_point,
};
use expr::{Map, Value};
use serde_json::json;

use crate::driver::Live;
use crate::mutation::Mutation;
use crate::requests::Request;
use crate::server::{Key, Signal};
use crate::store::{RunId, ServerId};
use crate::world::{Happening, World};

/// How long somebody asks after a run of which there is nothing yet.
const FIRST_COMMIT_MS_MAX: i64 = 10_000_000;
/// How long somebody asks for a run to go on: longer than any of them takes.
const PATIENCE_MS_MAX: i64 = 10_000_000_000;

impl World {
    /// Somebody asks for a run to stop.
    pub(crate) fn ask_to_stop(&mut self, run: RunId) {
        let Some(id) = self.any_server() else { return self.later(1_000, Happening::Cancel(run)) };
        if !self.store.rows.contains_key(&run) {
            return;
        }
        self.tell(|| format!("run {run} is to stop, says somebody to server {id}"));
        self.ledger.asked_to_stop.insert(run);
        let here = self.servers.get(&id).and_then(|server| server.live.keys().rfind(|key| key.0 == run));
        let over = self.store.rows.get(&run).is_none_or(|row| row.state.is_terminal());
        if self.mutation == Some(Mutation::CancelBeforeDurable) && !over {
            self.ledger.stopped.insert(run);
        }
        if let Some(&key) = here {
            return self.signal(id, key, Signal::Cancel);
        }
        let Some(epoch) = self.store.take_over(id, run) else { return };
        self.ledger.count("runs taken over");
        self.tell(|| format!("server {id} takes run {run} over in epoch {epoch}"));
        self.boundary(id, "between taking over and reading back");
        self.resume(id, (run, epoch), Some("somebody asked"));
    }

    /// Somebody asks whichever server drives the run to pause it.
    pub(crate) fn ask_to_pause(&mut self, run: RunId) {
        self.decide_by_hand(run, Control::Pause { reason: "somebody asked".to_owned() });
    }

    /// Somebody says that a run is complete as it is.
    pub(crate) fn ask_to_complete(&mut self, run: RunId) {
        self.decide_by_hand(run, Control::Complete { reason: "somebody asked".to_owned() });
    }

    /// Somebody asks for a run to go on, until it has ended, or has to be decided on first.
    pub(crate) fn ask_to_go_on(&mut self, run: RunId, pause: i64) {
        // Its first commit may come late, and what was asked before stands in line behind it.
        let again = Happening::GoOn(run, pause.saturating_mul(2));
        if !self.store.rows.contains_key(&run) {
            if pause <= FIRST_COMMIT_MS_MAX {
                self.later(pause, again);
            }
            return;
        }
        let Some(execution) = self.stored(run).filter(|execution| !execution.state().is_terminal()) else {
            return;
        };
        let resume = Control::Resume { inputs: None, by: "somebody".to_owned() };
        if matches!(execution.refusal(&resume), Some(Refusal::InDoubt(_))) && self.ledger.is_left(run) {
            return;
        }
        self.decide_by_hand(run, resume);
        // Whoever was asked may crash, or be asked to pause it only now. It may wait for ever for a run that nobody is going
        // to decide on.
        if pause <= PATIENCE_MS_MAX {
            self.later(pause, again);
        }
    }

    /// A run stands still for a step in doubt: now and then somebody decides on it.
    pub(crate) fn stands_in_doubt(&mut self, run: RunId) {
        if self.ledger.is_left(run) || self.ledger.is_decided_on(run) {
            return;
        }
        if self.dice.one_in(2) {
            return self.ledger.leave(run);
        }
        self.ledger.decide_on(run);
        let pause = self.dice.between(500, 60_000);
        self.later(pause, Happening::Resolve(run));
    }

    /// Somebody decides on a step in doubt, until there is none.
    pub(crate) fn resolve(&mut self, run: RunId) {
        let Some(execution) = self.stored(run).filter(|execution| !execution.state().is_terminal()) else {
            return;
        };
        let Some(path) = execution.pending_effects().find(|it| it.in_doubt).map(|it| it.path.clone()) else {
            return;
        };
        let decision = match self.dice.below(3) {
            0 => Decision::Retry { inputs: Map::new() },
            1 => Decision::Done { output: Value::from(json!({"n": 1})) },
            _ => Decision::Failed { message: "it did not happen".to_owned() },
        };
        self.ledger.count("resolved");
        let (step, by) = (Some(path), "somebody".to_owned());
        self.decide_by_hand(run, Control::Resolve { step, decision, by });
        self.later(5_000, Happening::Resolve(run));
    }

    pub(crate) fn stored(&self, run: RunId) -> Option<Execution> {
        let row = self.store.rows.get(&run).filter(|row| !row.lines.is_empty())?;
        Execution::restore(Arc::clone(&self.requests[run].plan), &row.journal()).ok()
    }

    fn decide_by_hand(&mut self, run: RunId, control: Control) {
        let drives = |(id, server): (&ServerId, &crate::server::Server)| {
            server.live.keys().rfind(|key| key.0 == run).map(|key| (*id, *key))
        };
        let found: Vec<(ServerId, Key)> = self.servers.iter().filter_map(drives).collect();
        let Some((id, key)) = found.into_iter().max_by_key(|(_, key)| key.1) else { return };
        self.ledger.count("decided by hand");
        if self.mutation == Some(Mutation::ResolveBeforeDurable)
            && let Control::Resolve { step: Some(path), .. } = &control
        {
            self.ledger.told_resolved.insert((run, path.clone()));
        }
        self.signal(id, key, Signal::Decided(control));
    }

    /// Somebody has a run begin anew with a step of it, if it has ended or is paused by then.
    pub(crate) fn repeat(&mut self, run: RunId) {
        let Some(row) = self.store.rows.get(&run) else { return };
        let (state, journal) = (row.state, row.journal());
        if !state.is_terminal() && state != RunState::Paused {
            return;
        }
        let paths: Vec<&str> = journal.iter().filter_map(path_of).collect();
        let Some(id) = self.any_server().filter(|_| !paths.is_empty()) else { return };
        let path = (*self.dice.pick(&paths)).to_owned();
        let plan = Arc::clone(&self.requests[run].plan);
        let Ok((path, before)) = restart_point(Arc::clone(&plan), &journal, Some(&path)) else {
            return self.ledger.count("restart refused");
        };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.dice.below(u64::MAX).to_le_bytes());
        let old = self.requests[run].again();
        let (name, new) = (format!("{} again", old.name), self.requests.len());
        let start = engine::Start { seed, ..old.start };
        self.requests.push(Request { name, start, restarted_from: Some(run), parent: None, ..old });
        self.ledger.count("restarted");
        let of = self.requests[run].name.clone();
        self.tell(|| format!("run {new} goes on from `{path}` of run {run}, {of}"));
        let copied = &journal[..before];
        let request = &self.requests[new];
        let restart =
            Restart { from: of, path, metadata: Map::new(), seed, run_time: request.start.run_time };
        let now = self.clock(id);
        let (mut execution, mut commands) = Execution::restart(plan, copied, restart, now).unwrap();
        commands.extend(execution.advance(Event::Continue, now));
        let mut lines: Vec<Command> = copied.iter().cloned().map(Command::Append).collect();
        if self.mutation == Some(Mutation::CopyLost) {
            lines.pop();
        }
        let copied_lines = lines.len();
        lines.append(&mut commands);
        let mut batch = self.batch(id, new, lines, &execution);
        batch.first = true;
        batch.copied = Some((run, copied_lines));
        self.drive(id, (new, 1), Live::new(execution, 1, batch));
        if state == RunState::Paused {
            self.later(1, Happening::Cancel(run));
        }
    }
}

fn path_of(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::StepStarted { path, .. } | Entry::TimerSet { path, .. } | Entry::LoopStarted { path, .. } => {
            Some(path)
        }
        Entry::StepFinished(finished) => Some(&finished.path),
        _ => None,
    }
}
