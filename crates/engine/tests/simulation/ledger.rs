//! What really happened, noted by the world itself and not by those who take part in it: what is durable, what
//! runners did, what callers were told. Breaking a promise is noticed here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::{DecisionKind, Dispatch, Entry, Execution, RunState, StepState};

use crate::commit::file_of;
use crate::reference::{Reference, end, facts};
use crate::requests::{Callee, Request, is_repeatable};
use crate::store::{Row, RunId, Store};

type Step = (RunId, String);
/// The run that each attempt of a step has called.
pub(crate) type Called = BTreeMap<(RunId, String, u32), RunId>;

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
    /// So many attempts of a step may happen besides the first: those before them have failed, or somebody said so.
    licences: BTreeMap<Step, u32>,
    /// Attempts with which no runner has begun.
    pub(crate) not_begun: BTreeSet<(RunId, String, u32)>,
    /// Runs that nobody waits for.
    pub(crate) asynchronous: BTreeSet<RunId>,
    /// Attempts that have called a run.
    called: BTreeSet<(RunId, String, u32)>,
    /// Epochs of runs whose owner's lease was said to have ended.
    pub(crate) adopted: BTreeSet<(RunId, u64)>,
    /// Steps of which somebody was told that what he decided holds.
    pub(crate) told_resolved: BTreeSet<Step>,
    /// Steps of which a decision is durable.
    resolved: BTreeSet<Step>,
    /// Runs with a step in doubt on which nobody is going to decide.
    left: BTreeSet<RunId>,
    /// Runs with a step in doubt on which somebody is going to decide.
    decided_on: BTreeSet<RunId>,
    /// Runs that somebody has said are complete.
    completed: BTreeSet<RunId>,
    /// Some clock has been moved.
    pub(crate) clock_moved: bool,
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
                Entry::AttemptFailed { path, .. } => {
                    *self.licences.entry((run, path.clone())).or_default() += 1;
                }
                Entry::Resolved { path, decision, .. } => {
                    let step = (run, path.clone());
                    self.given_up.insert(run);
                    if *decision == DecisionKind::Retry {
                        *self.licences.entry(step.clone()).or_default() += 1;
                    }
                    self.resolved.insert(step);
                }
                Entry::CompleteRequested { .. } => drop(self.completed.insert(run)),
                Entry::StepFinished(finished) if !self.finished.insert((run, finished.path.clone())) => {
                    self.fail(format!("run {run}: `{}` ends twice", finished.path));
                }
                _ => {}
            }
        }
    }

    /// What a run has copied from the one that it goes on from: done, and never to be done again.
    pub(crate) fn copied(&mut self, run: RunId, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::StepStarted { path, attempt, .. } => {
                    self.started.insert((run, path.clone()), *attempt);
                }
                Entry::StepFinished(finished) => {
                    self.finished.insert((run, finished.path.clone()));
                }
                _ => {}
            }
        }
    }

    /// A run is accepted that a step calls.
    pub(crate) fn called(&mut self, run: RunId, path: &str, attempt: u32) {
        if self.started.get(&(run, path.to_owned())).is_some_and(|started| *started > attempt) {
            self.fail(format!("run {run}: attempt {attempt} of `{path}` is over and calls a run"));
        }
        if !self.called.insert((run, path.to_owned(), attempt)) {
            self.fail(format!("run {run}: attempt {attempt} of `{path}` calls two runs"));
        }
    }

    /// Nobody is going to decide on what is in doubt in this run.
    pub(crate) fn leave(&mut self, run: RunId) {
        self.left.insert(run);
    }

    pub(crate) fn decide_on(&mut self, run: RunId) {
        self.decided_on.insert(run);
    }

    pub(crate) fn is_decided_on(&self, run: RunId) -> bool {
        self.decided_on.contains(&run)
    }

    pub(crate) fn is_left(&self, run: RunId) -> bool {
        self.left.contains(&run)
    }

    /// A runner begins with an attempt that was handed out in that epoch. If no clock was ever wrong, an owner whose lease
    /// others believe to have ended knows it.
    pub(crate) fn taken_up(&mut self, (run, epoch): (RunId, u64)) {
        if !self.clock_moved && self.adopted.contains(&(run, epoch)) {
            self.fail(format!("run {run}: begun after the lease ended under which epoch {epoch} owned it"));
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
        let not_begun = (1..*attempt).filter(|before| self.not_begun.contains(&(run, path.clone(), *before)));
        let free = self.licences.get(&step).copied().unwrap_or(0) as usize + not_begun.count();
        if !is_repeatable(action) && *attempt as usize > 1 + free {
            self.fail(format!("run {run}: `{path}` must happen once at most and is tried again"));
        }
    }

    /// A runner did it.
    pub(crate) fn performed(&mut self, run: RunId, path: &str, repeatable: bool) {
        let step = (run, path.to_owned());
        let free = self.licences.get(&step).copied().unwrap_or(0);
        let times = self.performed.entry(step).or_default();
        *times += 1;
        if *times > 1 + free && !repeatable {
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
    pub(crate) fn close(&mut self, requests: &[Request], callees: &[Callee], called: &Called, store: &Store) {
        self.mark_odd(requests, store);
        for (run, path) in self.told_resolved.difference(&self.resolved).cloned().collect::<Vec<_>>() {
            self.fail(format!("run {run}: somebody was told that `{path}` is decided on, and it is not"));
        }
        for run in self.accepted.clone() {
            if !store.rows.contains_key(&run) {
                self.fail(format!("run {run} was accepted and is lost"));
            }
        }
        for (&run, row) in &store.rows {
            self.close_journal(run, row);
            if self.broken.is_none() {
                self.close_run(run, (requests, callees), called, store);
                self.close_files(run, requests, callees, store);
            }
        }
    }

    /// What befell a run that it would not meet without crashes, its caller meets too.
    fn mark_odd(&mut self, requests: &[Request], store: &Store) {
        let odd = |run: RunId, row: &Row| {
            let gave_in = row.journal().iter().any(|entry| match entry {
                Entry::StepFinished(finished) => {
                    finished.error.as_ref().is_some_and(|error| error.code == "attempts_lost")
                }
                _ => false,
            });
            gave_in
                || requests[run].is_race
                || self.given_up.contains(&run)
                || row.state == RunState::TimedOut
        };
        let found: Vec<RunId> =
            store.rows.iter().filter(|(run, row)| odd(**run, row)).map(|(run, _)| *run).collect();
        for run in found {
            let callers = std::iter::successors(Some(run), |run| requests[*run].parent);
            self.given_up.extend(callers);
        }
    }

    /// Each file that a step speaks of is there, and no other; as without crashes.
    fn close_files(&mut self, run: RunId, requests: &[Request], callees: &[Callee], store: &Store) {
        let Some(row) = store.rows.get(&run) else { return };
        let named: BTreeSet<_> = row.journal().iter().filter_map(file_of).collect();
        let kept: BTreeSet<_> = store.files.keys().filter(|(of, _)| *of == run).map(|(_, id)| *id).collect();
        if named != kept {
            return self.fail(format!("run {run} speaks of the files {named:?} and has {kept:?}"));
        }
        if named.is_empty() || requests[run].restarted_from.is_some() || self.given_up.contains(&run) {
            return;
        }
        let reference = Reference::of(&requests[run], callees);
        for ((_, _), (path, content)) in store.files.iter().filter(|((of, _), _)| *of == run) {
            if reference.files.get(path) != Some(content) {
                self.fail(format!("run {run}: the file of `{path}` is another one without crashes"));
            }
        }
    }

    /// A run that does not wait any more has stopped whatever it waited for; one that waits does so for a run that goes on.
    fn close_calls(&mut self, run: RunId, execution: &Execution, called: &Called, store: &Store) {
        let waits_for: BTreeSet<RunId> = execution
            .pending_effects()
            .filter(|effect| effect.subflow.is_some())
            .filter_map(|effect| called.get(&(run, effect.path.clone(), effect.attempt)).copied())
            .collect();
        for ((caller, path, _), child) in called.iter().filter(|((caller, _, _), _)| *caller == run) {
            let Some(row) = store.rows.get(child) else { continue };
            let is_over = row.state.is_terminal();
            let is_awaited = waits_for.contains(child);
            if is_over && is_awaited {
                self.fail(format!("run {caller}: `{path}` waits for a run that is over"));
            }
            if !is_over && !is_awaited && !self.asynchronous.contains(child) {
                self.fail(format!(
                    "run {caller}: nobody waits any more for the run that `{path}` has called, and it goes on"
                ));
            }
        }
    }

    /// Whether the run waits for one that somebody has to decide on, and for nothing else.
    fn waits_for_doubt(&self, run: RunId, execution: &Execution, called: &Called, store: &Store) -> bool {
        let mut pending = execution.pending_effects().peekable();
        pending.peek().is_some()
            && pending.all(|effect| {
                let child = called.get(&(run, effect.path.clone(), effect.attempt));
                let child = child.and_then(|child| store.rows.get(child));
                let stands = child.is_some_and(|row| !row.state.is_terminal());
                (effect.subflow.is_some() && stands) || self.is_doubtful(run, effect)
            })
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

    fn close_run(
        &mut self,
        run: RunId,
        (requests, callees): (&[Request], &[Callee]),
        called: &Called,
        store: &Store,
    ) {
        let (request, Some(row)) = (&requests[run], store.rows.get(&run)) else { return };
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
            RunState::Paused | RunState::Waiting | RunState::Running
                if self.waits_for_doubt(run, &execution, called, store) => {}
            _ => self.fail(format!("run {run} is {state:?} for no reason when nothing happens any more")),
        }
        if self.stopped.contains(&run) && state != RunState::Cancelled {
            self.fail(format!("run {run} was said to stop and is {state:?}"));
        }
        self.sleeps_lasted(run, &journal);
        self.nothing_is_open(run, &execution);
        self.close_calls(run, &execution, called, store);
        self.compare_with_crash_free(run, (request, callees), &execution, &journal);
    }

    /// Nothing is under way any more but what somebody has to decide on.
    fn in_doubt(&self, run: RunId, execution: &Execution) -> bool {
        let mut pending = execution.pending_effects().peekable();
        pending.peek().is_some() && pending.all(|effect| self.is_doubtful(run, effect))
    }

    fn is_doubtful(&self, run: RunId, effect: &engine::PendingEffect) -> bool {
        effect.in_doubt
            && self.disturbed.contains(&run)
            && !is_repeatable(&effect.action)
            && !self.finished.contains(&(run, effect.path.clone()))
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
        (request, callees): (&Request, &[Callee]),
        execution: &Execution,
        journal: &[Entry],
    ) {
        if request.restarted_from.is_some() || self.given_up.contains(&run) {
            return self.count("not compared");
        }
        let reference = Reference::of(request, callees);
        // What ends with a run that somebody says is complete would not have ended so.
        let by_itself = journal.split(|entry| matches!(entry, Entry::CompleteRequested { .. })).next();
        let facts = facts(&request.plan, by_itself.unwrap_or_default());
        let by_hand = self.completed.contains(&run);
        let ended_by_itself = matches!(execution.state(), RunState::Completed | RunState::Failed) && !by_hand;
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
