//! What a simulated server decided, made durable: journal lines, called runs, runs that are to stop and files, all in one
//! commit. Follows `server/src/driver/commit.rs` and `store/src/runs.rs`.

use std::collections::VecDeque;

use engine::{Command, Entry, Execution, RunState, SaveFile, StepFinished, StepState};
use types::FileId;

use crate::calls::Child;
use crate::driver::Live;
use crate::mutation::Mutation;
use crate::server::Key;
use crate::store::{Appended, RunId, ServerId};
use crate::world::{Happening, World};

/// The commands of one `advance`, taken apart.
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    pub(crate) rest: VecDeque<Command>,
    pub(crate) state: RunState,
    /// The commit that accepts the run.
    pub(crate) first: bool,
    /// Somebody waits to hear that the run will stop.
    pub(crate) acknowledge: bool,
    pub(crate) tried_before: bool,
    /// Runs that the commit accepts besides.
    pub(crate) calls: Vec<Child>,
    /// Runs that are to stop.
    pub(crate) unwanted: Vec<RunId>,
    pub(crate) files: Vec<SaveFile>,
    /// The run that it goes on from, and how many of the lines are that run's.
    pub(crate) copied: Option<(RunId, usize)>,
}

impl Batch {
    /// Of commands that call no run and stop none.
    pub(crate) fn of_commands(commands: Vec<Command>, execution: &Execution) -> Self {
        let (mut entries, mut rest, mut effects) = (Vec::new(), VecDeque::new(), VecDeque::new());
        let mut files = Vec::new();
        for command in commands {
            match command {
                Command::Append(entry) => entries.push(entry),
                Command::SaveFile(file) => files.push(*file),
                Command::Dispatch(_) | Command::CallSubflow(_) => effects.push_back(command),
                Command::CancelSubflow { ref path, attempt } => {
                    let is_it = |effect: &Command| match effect {
                        Command::CallSubflow(call) => call.path == *path && call.attempt == attempt,
                        _ => false,
                    };
                    match effects.iter().position(is_it) {
                        Some(place) => drop(effects.remove(place)),
                        None => rest.push_back(command),
                    }
                }
                Command::CancelAttempt { ref path, attempt } => {
                    let is_it = |effect: &Command| match effect {
                        Command::Dispatch(dispatch) => dispatch.path == *path && dispatch.attempt == attempt,
                        _ => false,
                    };
                    match effects.iter().position(is_it) {
                        Some(place) => drop(effects.remove(place)),
                        None => rest.push_back(command),
                    }
                }
                _ => rest.push_back(command),
            }
        }
        rest.append(&mut effects);
        let state = execution.state();
        Self {
            entries,
            rest,
            state,
            first: false,
            acknowledge: false,
            tried_before: false,
            calls: Vec::new(),
            unwanted: Vec::new(),
            files,
            copied: None,
        }
    }
}

impl Batch {
    /// The lines that are another run's.
    fn copies(&self) -> &[Entry] {
        &self.entries[..self.copied.map_or(0, |(_, copied)| copied)]
    }

    pub(crate) fn own(&self) -> &[Entry] {
        &self.entries[self.copies().len()..]
    }
}

impl World {
    /// The commands with the runs that they call and stop.
    pub(crate) fn batch(
        &mut self,
        id: ServerId,
        run: RunId,
        commands: Vec<Command>,
        execution: &Execution,
    ) -> Batch {
        let mut batch = Batch::of_commands(commands, execution);
        for command in &batch.rest {
            match command {
                Command::CallSubflow(call) => batch.calls.extend(self.prepare_call(id, run, call)),
                Command::CancelSubflow { path, attempt } => {
                    batch.unwanted.extend(self.child(run, path, *attempt));
                }
                _ => {}
            }
        }
        batch
    }
}

pub(crate) enum Answer {
    Written,
    Fenced,
    Unavailable,
}

impl World {
    /// Writes to the store, in whatever weather.
    pub(crate) fn append(&mut self, id: ServerId, key: Key, live: &Live, batch: &Batch) -> Answer {
        if batch.entries.is_empty() && batch.state == live.stored_state && !batch.first {
            return Answer::Written;
        }
        if self.trouble(60) {
            self.ledger.count("commit refused");
            self.tell(|| format!("a commit of run {} is refused", key.0));
            return Answer::Unavailable;
        }
        if self.mutation == Some(Mutation::AppendLost) && self.dice.one_in(20) {
            return Answer::Written;
        }
        if batch.first {
            self.store.insert(key.0, id, batch.state);
        }
        let mut first_seq = live.next_seq;
        if self.mutation == Some(Mutation::RetryRenumbered) && batch.tried_before {
            first_seq = self.store.rows.get(&key.0).map_or(1, |row| row.lines.len() + 1);
        }
        if self.mutation == Some(Mutation::CommitTorn) && batch.entries.len() > 1 && self.trouble(4) {
            let (half, _) = batch.entries.split_at(batch.entries.len() / 2);
            let lines: Vec<String> = half.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
            let _ = self.store.append(key.0, key.1, first_seq, &lines, live.stored_state);
            self.ledger.written(key.0, half);
            self.servers.remove(&id);
            self.later(1_000, Happening::Restart);
            return Answer::Unavailable;
        }
        let appended = self.write(id, key, first_seq, batch);
        match appended {
            Appended::Written if self.trouble(60) => {
                self.ledger.count("answer of a commit lost");
                self.tell(|| format!("the answer to a commit of run {} is lost", key.0));
                Answer::Unavailable
            }
            Appended::Written => Answer::Written,
            Appended::Fenced => Answer::Fenced,
            // The same commit, done before its answer got lost.
            Appended::Duplicate if batch.tried_before => Answer::Written,
            Appended::Duplicate => {
                self.ledger.fail(format!("run {}: two write line {first_seq}", key.0));
                Answer::Fenced
            }
        }
    }

    /// One transaction: the lines and whatever belongs to them.
    fn write(&mut self, id: ServerId, key: Key, first_seq: usize, batch: &Batch) -> Appended {
        let entries = &batch.entries;
        let lines: Vec<String> = entries.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        let appended = self.store.append(key.0, key.1, first_seq, &lines, batch.state);
        if appended == Appended::Written {
            self.tell(|| {
                let kinds: Vec<String> = entries.iter().map(shown).collect();
                format!("server {id} writes run {} from line {first_seq}: {}", key.0, kinds.join(", "))
            });
            self.written_besides(id, key.0, batch);
            self.ledger.copied(key.0, batch.copies());
            self.ledger.written(key.0, batch.own());
            for path in batch.own().iter().filter_map(ended_path) {
                self.check_call_ended(key.0, path);
            }
            if batch.state.is_terminal() {
                self.tell_caller(key.0);
            }
        }
        appended
    }

    fn written_besides(&mut self, id: ServerId, run: RunId, batch: &Batch) {
        if self.mutation != Some(Mutation::CallApart) {
            for child in &batch.calls {
                self.accept_child(id, run, child);
            }
        }
        if self.mutation != Some(Mutation::WishForgotten) {
            for unwanted in &batch.unwanted {
                self.store.unwanted.entry(*unwanted).or_insert(self.now);
            }
        }
        if self.mutation != Some(Mutation::FileApart) {
            self.save_files(run, batch.files.clone());
        }
        if let Some((from, _)) = batch.copied.filter(|_| self.mutation != Some(Mutation::FilesLeftBehind)) {
            for id in batch.copies().iter().filter_map(file_of) {
                if let Some(file) = self.store.files.get(&(from, id)).cloned() {
                    self.store.files.insert((run, id), file);
                }
            }
        }
    }

    pub(crate) fn save_files(&mut self, run: RunId, files: Vec<SaveFile>) {
        for file in files {
            self.ledger.count("file");
            let path = file.path.clone();
            if self.store.files.insert((run, file.id), (file.path, file.json)).is_some() {
                self.ledger.fail(format!("run {run}: the file of `{path}` is kept twice"));
            }
        }
    }

    /// A step that waits for the run that it has called is done when that run is.
    fn check_call_ended(&mut self, run: RunId, finished: &StepFinished) {
        let Some(child) = self.child(run, &finished.path, finished.attempt) else { return };
        let gave_up = finished.error.as_ref().is_some_and(|error| error.code == "subflow_timeout");
        let cut_off = gave_up || finished.state == StepState::Cancelled;
        let is_async = self.ledger.asynchronous.contains(&child);
        let over = self.store.rows.get(&child).is_some_and(|row| row.state.is_terminal());
        if !over && !cut_off && !is_async {
            self.ledger.fail(format!("run {run}: `{}` ends before the run that it waits for", finished.path));
        }
    }
}

pub(crate) fn resolved_path(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Resolved { path, .. } => Some(path.clone()),
        _ => None,
    }
}

fn ended_path(entry: &Entry) -> Option<&StepFinished> {
    match entry {
        Entry::StepFinished(finished) => Some(finished),
        _ => None,
    }
}

/// The file that a step has left.
pub(crate) fn file_of(entry: &Entry) -> Option<FileId> {
    let file = ended_path(entry)?.output.get("file")?.get("id")?;
    file.as_str()?.parse().ok()
}

/// An entry in a word or two, for the story.
fn shown(entry: &Entry) -> String {
    match entry {
        Entry::StepStarted { path, attempt, .. } => format!("{path} starts ({attempt})"),
        Entry::StepFinished(finished) => format!("{} {}", finished.path, finished.state.as_str()),
        Entry::LoopStarted { path, items, .. } => format!("{path} has {} turns", items.len()),
        Entry::BranchesStarted { path, branches, needed, .. } => {
            format!("{path} has {} branches and needs {needed}", branches.len())
        }
        Entry::AttemptFailed { path, attempt, .. } => format!("{path} fails ({attempt})"),
        Entry::AttemptLost { path, attempt, .. } => format!("{path} is lost ({attempt})"),
        Entry::TimerSet { path, .. } => format!("{path} waits"),
        Entry::Finished { state, .. } => format!("finished {}", state.as_str()),
        other => other.kind().to_owned(),
    }
}
