//! What really happened, noted by the world itself and not by those who take part in it: what is durable, what
//! runners did, what callers were told. Breaking a promise is noticed here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::{Dispatch, Entry, Execution, RunState, StepState};

use crate::reference::{Reference, end, facts};
use crate::store::{Row, RunId, Store};
use crate::workflows::{Request, is_repeatable};

type Step = (RunId, String);

#[derive(Default)]
pub(crate) struct Ledger {
    /// Attempts whose start is durable.
    started: BTreeMap<Step, u32>,
    /// Steps whose end is durable.
    finished: BTreeSet<Step>,
    assigned: BTreeSet<(RunId, String, u32)>,
    performed: BTreeMap<Step, u32>,
    /// Runs that somebody was told are accepted.
    pub(crate) accepted: BTreeSet<RunId>,
    /// Runs that somebody was told will stop.
    pub(crate) stopped: BTreeSet<RunId>,
    /// Runs that somebody asked to stop.
    pub(crate) asked_to_stop: BTreeSet<RunId>,
    /// Runs of which an attempt was lost, or thought to be.
    pub(crate) disturbed: BTreeSet<RunId>,
    /// Runs of which an attempt was given up because its runner said nothing: that is a failure that no run without
    /// crashes has.
    pub(crate) given_up: BTreeSet<RunId>,
    /// A clock has jumped by so much that a run may have no time left.
    pub(crate) clock_leapt: bool,
    /// What came to pass, how often: a simulation in which nothing happens proves nothing.
    pub(crate) seen: BTreeMap<&'static str, u64>,
    /// The first promise that was broken.
    pub(crate) broken: Option<String>,
}

impl Ledger {
    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        self.broken.get_or_insert_with(|| what.into());
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// These entries are durable.
    pub(crate) fn written(&mut self, run: RunId, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::StepStarted { path, attempt, .. } => {
                    let step = (run, path.clone());
                    if self.finished.contains(&step) {
                        self.fail(format!("run {run}: `{path}` is started after its end was journaled"));
                    }
                    let before = self.started.insert(step, *attempt).unwrap_or(0);
                    if *attempt != before + 1 {
                        self.fail(format!(
                            "run {run}: attempt {attempt} of `{path}` follows attempt {before}"
                        ));
                    }
                }
                Entry::StepFinished(finished) if !self.finished.insert((run, finished.path.clone())) => {
                    self.fail(format!("run {run}: `{}` ends twice", finished.path));
                }
                _ => {}
            }
        }
    }

    /// The engine has heard of an attempt and decides on this first.
    pub(crate) fn decided(&mut self, run: RunId, path: &str, attempt: u32, entry: &Entry) {
        let Entry::StepFinished(finished) = entry else { return };
        // Attempt 0 is a step that the engine itself ran.
        if finished.attempt > 0 && (finished.path != path || finished.attempt != attempt) {
            let (ended, other) = (&finished.path, finished.attempt);
            self.fail(format!(
                "run {run}: a report on attempt {attempt} of `{path}` ends attempt {other} of `{ended}`"
            ));
        }
    }

    /// A server hands an attempt to a runner.
    pub(crate) fn assigned(&mut self, run: RunId, dispatch: &Dispatch, is_owner: bool) {
        let Dispatch { path, attempt, action, .. } = dispatch;
        let step = (run, path.clone());
        if self.started.get(&step).is_none_or(|started| started < attempt) {
            self.fail(format!("run {run}: `{path}` is handed out before its start is durable"));
        }
        if is_owner && self.finished.contains(&step) {
            self.fail(format!("run {run}: `{path}` is handed out after its end was journaled"));
        }
        if !self.assigned.insert((run, path.clone(), *attempt)) {
            self.fail(format!("run {run}: attempt {attempt} of `{path}` is handed out twice"));
        }
        if !is_repeatable(action) && *attempt > 1 {
            self.fail(format!("run {run}: `{path}` must happen once at most and is tried again"));
        }
    }

    /// A runner did it.
    pub(crate) fn performed(&mut self, run: RunId, path: &str, repeatable: bool) {
        let times = self.performed.entry((run, path.to_owned())).or_default();
        *times += 1;
        if *times > 1 && !repeatable {
            self.fail(format!("run {run}: `{path}` must happen once at most and has happened twice"));
        }
    }

    /// The state that a server holds in memory must be what its journal tells.
    pub(crate) fn compare(&mut self, run: RunId, request: &Request, live: &Execution, row: &Row) {
        match Execution::restore(Arc::clone(&request.plan), &row.journal()) {
            Ok(folded) if format!("{folded:?}") == format!("{live:?}") => {}
            Ok(_) => self.fail(format!("run {run}: the fold of the journal is not the live state")),
            Err(error) => self.fail(format!("run {run}: {error}")),
        }
    }

    /// All that can be said when nothing happens any more.
    pub(crate) fn close(&mut self, requests: &[Request], store: &Store) {
        for run in self.accepted.clone() {
            if !store.rows.contains_key(&run) {
                self.fail(format!("run {run} was accepted and is lost"));
            }
        }
        for (&run, row) in &store.rows {
            self.close_journal(run, row);
            if self.broken.is_none() {
                self.close_run(run, &requests[run], row);
            }
        }
    }

    fn close_journal(&mut self, run: RunId, row: &Row) {
        for (place, line) in row.lines.iter().enumerate() {
            if line.seq != place + 1 {
                return self.fail(format!("run {run}: line {} stands at place {}", line.seq, place + 1));
            }
            if line.epoch != line.owner_epoch {
                let (wrote, owned) = (line.epoch, line.owner_epoch);
                return self.fail(format!("run {run}: epoch {wrote} wrote while epoch {owned} owned it"));
            }
        }
    }

    fn close_run(&mut self, run: RunId, request: &Request, row: &Row) {
        let journal = row.journal();
        let execution = match Execution::restore(Arc::clone(&request.plan), &journal) {
            Ok(execution) => execution,
            Err(error) => return self.fail(format!("run {run}: {error}")),
        };
        let state = execution.state();
        self.count(state.as_str());
        if row.state != state {
            self.fail(format!("run {run}: its row says {:?}, its journal {state:?}", row.state));
        }
        match state {
            RunState::Completed | RunState::Failed => {}
            RunState::Cancelled if self.asked_to_stop.contains(&run) => {}
            RunState::TimedOut if self.had_no_time(&execution, request) => {}
            RunState::Paused if self.in_doubt(run, &execution) => {}
            _ => self.fail(format!("run {run} is {state:?} for no reason when nothing happens any more")),
        }
        if self.stopped.contains(&run) && state != RunState::Cancelled {
            self.fail(format!("run {run} was said to stop and is {state:?}"));
        }
        self.sleeps_lasted(run, &journal);
        self.nothing_is_open(run, &execution);
        self.compare_with_crash_free(run, request, &execution, &journal);
    }

    /// Nothing is under way any more but what somebody has to decide on.
    fn in_doubt(&self, run: RunId, execution: &Execution) -> bool {
        let doubtful = |effect: &engine::PendingEffect| {
            effect.in_doubt
                && !is_repeatable(&effect.action)
                && !self.finished.contains(&(run, effect.path.clone()))
        };
        let mut pending = execution.pending_effects().peekable();
        self.disturbed.contains(&run) && pending.peek().is_some() && pending.all(doubtful)
    }

    /// A run that nobody drove for hours does not count as one that had too much to do.
    fn had_no_time(&self, execution: &Execution, request: &Request) -> bool {
        let net = u128::try_from(execution.net_runtime_ms()).unwrap_or(0);
        net >= request.start.run_time.as_millis() && (self.clock_leapt || request.is_hasty())
    }

    fn sleeps_lasted(&mut self, run: RunId, journal: &[Entry]) {
        let mut until = BTreeMap::new();
        for entry in journal {
            match entry {
                Entry::TimerSet { path, due, .. } => drop(until.insert(path, *due)),
                Entry::StepFinished(finished) => {
                    let cut_off = finished.state == StepState::Cancelled;
                    if until.remove(&finished.path).is_some_and(|due| finished.at < due) && !cut_off {
                        self.fail(format!("run {run}: the wait `{}` ended early", finished.path));
                    }
                }
                _ => {}
            }
        }
    }

    fn compare_with_crash_free(
        &mut self,
        run: RunId,
        request: &Request,
        execution: &Execution,
        journal: &[Entry],
    ) {
        let reference = Reference::of(request);
        let facts = facts(&request.plan, journal);
        let ended_by_itself = matches!(execution.state(), RunState::Completed | RunState::Failed);
        let worn_out = journal.iter().any(|entry| match entry {
            Entry::StepFinished(finished) => {
                finished.error.as_ref().is_some_and(|error| error.code == "attempts_lost")
            }
            _ => false,
        });
        if request.is_race || worn_out || self.given_up.contains(&run) {
            return self.count("not compared");
        }
        let none = Vec::new();
        for (strand, facts) in &facts {
            let expected = reference.facts.get(strand).unwrap_or(&none);
            let differs = facts.iter().zip(expected).find(|(fact, expected)| fact != expected);
            if let Some((fact, expected)) = differs {
                return self.fail(format!("run {run}: {fact:?}, but without crashes {expected:?}"));
            }
            if let Some(fact) = facts.get(expected.len()) {
                return self.fail(format!("run {run}: {fact:?} does not happen without crashes"));
            }
        }
        if !ended_by_itself {
            return;
        }
        for (strand, expected) in &reference.facts {
            let facts = facts.get(strand).unwrap_or(&none);
            if let Some(missing) = expected.get(facts.len()) {
                return self.fail(format!("run {run}: {missing:?} is missing"));
            }
        }
        let ended = end(&request.plan, execution);
        if ended != reference.end {
            self.fail(format!("run {run} ended {ended}, but without crashes {}", reference.end));
        }
    }

    /// A run that is over leaves no step under way.
    fn nothing_is_open(&mut self, run: RunId, execution: &Execution) {
        let running = StepState::Running.as_number();
        let mut open = execution.step_results().iter().filter(|(_, state)| **state == running);
        if let Some((step, _)) = open.next().filter(|_| execution.state().is_terminal()) {
            self.fail(format!("run {run} is over and its step `{step}` is not"));
        }
    }
}
