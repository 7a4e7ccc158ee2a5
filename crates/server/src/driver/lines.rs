//! What is known of the links at the moment: which runners are there, what each has, and what waits for one. Numbers, lines
//! and channels; `link.rs` decides.

use std::collections::{HashMap, VecDeque};

use protocol::{Assignment, AttemptToken, ToRunner};
use secrets::session::SessionKey;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use types::{RunnerGroupId, RunnerId, SystemRng};

use super::link::{Connected, Report, Reports};
use super::said::Said;

pub(super) struct Link {
    pub(super) group: Option<RunnerGroupId>,
    pub(super) runner: Option<RunnerId>,
    pub(super) version: u32,
    pub(super) to_runner: mpsc::UnboundedSender<ToRunner>,
    /// None: that of the embedded runner, under which everything is sealed already.
    pub(super) session: Option<SessionKey>,
    pub(super) capacity: usize,
    /// What it has been given and not reported on.
    pub(super) in_flight: HashMap<AttemptToken, InFlight>,
    pub(super) is_up: bool,
    pub(super) is_draining: bool,
    pub(super) generation: u64,
    pub(super) cut: CancellationToken,
}

/// An attempt that a runner has.
#[derive(Default)]
pub(super) struct InFlight {
    /// None: nobody waits for the report.
    pub(super) reports: Option<Reports>,
    /// What it has said so far.
    pub(super) said: Option<Said>,
}

pub(super) struct Waiting {
    pub(super) assignment: Box<Assignment>,
    pub(super) reports: Reports,
    /// Its run knows that there is no runner.
    pub(super) told: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Place {
    Waiting(Option<RunnerGroupId>),
    With(u64),
}

#[derive(Default)]
pub(super) struct State {
    pub(super) links: HashMap<u64, Link>,
    pub(super) lines: HashMap<Option<RunnerGroupId>, VecDeque<Waiting>>,
    pub(super) places: HashMap<AttemptToken, Place>,
    pub(super) last: u64,
    /// The embedded runner will not report any more.
    pub(super) gone: bool,
}

impl State {
    /// The link, as long as that connection is its last one.
    pub(super) fn link(&mut self, connected: &Connected) -> Option<&mut Link> {
        self.links.get_mut(&connected.link).filter(|link| link.generation == connected.generation)
    }

    pub(super) fn has_runner(&self, group: Option<RunnerGroupId>) -> bool {
        self.links.values().any(|link| link.group == group && link.is_up && !link.is_draining)
    }

    /// Tells those in line if no runner of the group is connected any more.
    pub(super) fn tell_if_alone(&mut self, group: Option<RunnerGroupId>) {
        if group.is_none() || self.has_runner(group) {
            return;
        }
        for waiting in self.lines.entry(group).or_default().iter_mut().filter(|waiting| !waiting.told) {
            waiting.told = true;
            let _ = waiting.reports.send(Report::NoRunner(waiting.assignment.token.clone()));
        }
    }

    /// The one that has just come knows by the answer.
    pub(super) fn tell_last(&mut self, group: Option<RunnerGroupId>) {
        if let Some(last) = self.lines.get_mut(&group).and_then(VecDeque::back_mut) {
            last.told = true;
        }
    }
}

/// Seals the grants under the key of the connection over which they go.
pub(super) fn seal_anew(from: &SessionKey, to: &SessionKey, assignment: &mut Assignment) {
    let token = assignment.token.as_str();
    for grant in &mut assignment.connections {
        // Sealed by this very process; the runner says so if it cannot open it.
        if let Ok(attributes) = from.open(token, grant.id, &grant.sealed_attributes) {
            grant.sealed_attributes = to.seal(token, grant.id, &attributes, &mut SystemRng);
        }
    }
}
