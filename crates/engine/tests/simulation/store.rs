//! The simulated database: rows of runs, their journals, the servers' leases. Each call is one transaction.

use std::collections::BTreeMap;

use engine::{Entry, RunState};
use types::FileId;

use crate::mutation::Mutation;

pub(crate) type RunId = usize;
/// One life of a server: a restart makes another.
pub(crate) type ServerId = u64;

/// One line of a journal.
pub(crate) struct Line {
    pub(crate) seq: usize,
    /// The epoch of who wrote it.
    pub(crate) epoch: u64,
    /// The epoch of who owned the run at that moment.
    pub(crate) owner_epoch: u64,
    pub(crate) body: String,
}

pub(crate) struct Row {
    pub(crate) owner: ServerId,
    pub(crate) epoch: u64,
    pub(crate) state: RunState,
    pub(crate) lines: Vec<Line>,
}

impl Row {
    /// The journal, read back.
    pub(crate) fn journal(&self) -> Vec<Entry> {
        let read = |line: &Line| serde_json::from_str(&line.body).unwrap();
        self.lines.iter().map(read).collect()
    }
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    Written,
    Fenced,
    /// A line of that number is there already.
    Duplicate,
}

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) rows: BTreeMap<RunId, Row>,
    /// Server -> the moment its lease ends, by its own clock.
    pub(crate) leases: BTreeMap<ServerId, i64>,
    /// Runs that are to stop, and since when.
    pub(crate) unwanted: BTreeMap<RunId, i64>,
    /// The files of each run: the path of the step, the content.
    pub(crate) files: BTreeMap<(RunId, FileId), (String, String)>,
    pub(crate) mutation: Option<Mutation>,
}

impl Store {
    pub(crate) fn insert(&mut self, run: RunId, owner: ServerId, state: RunState) {
        self.rows.insert(run, Row { owner, epoch: 1, state, lines: Vec::new() });
    }

    /// Writes all lines, numbered from `first_seq`, and the row's state; or nothing.
    pub(crate) fn append(
        &mut self,
        run: RunId,
        epoch: u64,
        first_seq: usize,
        lines: &[String],
        state: RunState,
    ) -> Appended {
        let fenced = self.mutation != Some(Mutation::NoFence);
        let Some(row) = self.rows.get_mut(&run) else { return Appended::Fenced };
        if fenced && row.epoch != epoch {
            return Appended::Fenced;
        }
        if !lines.is_empty() && row.lines.iter().any(|line| line.seq >= first_seq) {
            return Appended::Duplicate;
        }
        let owner_epoch = row.epoch;
        let numbered = lines.iter().enumerate();
        row.lines.extend(numbered.map(|(offset, body)| Line {
            seq: first_seq + offset,
            epoch,
            owner_epoch,
            body: body.clone(),
        }));
        row.state = state;
        Appended::Written
    }

    /// Makes `server` the owner of every unfinished run of others whose lease is over at `now`.
    pub(crate) fn adopt(&mut self, server: ServerId, now: i64) -> Vec<(RunId, u64)> {
        // A server whose lease has ended is forgotten along with it.
        self.leases.retain(|other, until| *other == server || *until > now);
        let leases = &self.leases;
        let alive = |owner: ServerId| leases.get(&owner).is_some_and(|until| *until > now);
        let orphans = self
            .rows
            .iter_mut()
            .filter(|(_, row)| !row.state.is_terminal() && row.owner != server && !alive(row.owner));
        let adopted = orphans.map(|(run, row)| {
            (row.owner, row.epoch) = (server, row.epoch + 1);
            (*run, row.epoch)
        });
        adopted.collect()
    }

    /// Makes `server` the owner of a run, whoever owns it; none if it has ended.
    pub(crate) fn take_over(&mut self, server: ServerId, run: RunId) -> Option<u64> {
        let row = self.rows.get_mut(&run).filter(|row| !row.state.is_terminal())?;
        (row.owner, row.epoch) = (server, row.epoch + 1);
        Some(row.epoch)
    }
}
