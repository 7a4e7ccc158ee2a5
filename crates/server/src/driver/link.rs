//! Links to runners: hands assignments to the runner of the right group that has room, routes reports back to their runs,
//! and keeps what waits for a runner.
//!
//! Speaks `protocol` messages only, to the embedded runner as to any other. Each link has at most as many attempts under
//! way as its runner has capacity; the rest waits here, in the order in which it came.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{Assignment, AttemptToken, Outcome, PROTOCOL_VERSION, SecretUse, ToRunner, ToServer};
use secrets::session::SessionKey;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use types::{Lease, RunnerGroupId, RunnerId};

use super::lines::{InFlight, Link, Place, State, Waiting, seal_anew};
use super::said::Said;

/// Heartbeats of a runner that may be missing before it counts as gone.
const MISSED_MAX: u32 = 3;
/// The newest version whose runners do not follow the server's lease.
const VERSION_WITHOUT_LEASE: u32 = 2;

/// The two ends of the channel to a runner, and the key that both share.
pub struct RunnerChannel {
    /// To the runner.
    pub to_runner: mpsc::UnboundedSender<ToRunner>,
    /// From the runner.
    pub from_runner: mpsc::Receiver<ToServer>,
    /// Grants are sealed under it.
    pub session: SessionKey,
    /// What the runner looks at before it begins an attempt: this server's lease.
    pub lease: Arc<Lease>,
}

/// What a runner says of one attempt.
#[derive(Debug)]
pub(crate) enum Report {
    /// Its turn has come.
    Began(AttemptToken),
    /// How it went.
    Ended(Ended),
    /// The runner is gone; nobody knows how it went.
    Lost(AttemptToken),
    /// It was not begun and will not be.
    NotBegun(AttemptToken),
    /// It waits, and no runner of its group is connected any more.
    NoRunner(AttemptToken),
    /// It waited for a runner and has been handed to one.
    HandedOut(AttemptToken),
    /// No runner's word: what became of a run that the attempt called.
    Called(engine::Event),
    /// No runner's word: how a step went that the server carried out itself.
    Done(AttemptToken, engine::EffectResult),
}

/// A runner's last word on one attempt.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) token: AttemptToken,
    pub(crate) outcome: Outcome,
    pub(crate) secret_uses: Vec<SecretUse>,
    /// What it said meanwhile.
    pub(crate) said: Option<Said>,
}

/// Where the reports of an attempt go.
pub(crate) type Reports = mpsc::UnboundedSender<Report>;

/// Whose runners may carry an attempt out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The group; none: the embedded runner's.
    pub(crate) group: Option<RunnerGroupId>,
    /// Its name, for people.
    pub(crate) name: Arc<str>,
}

/// Where an attempt is after it was given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// With a runner, or in line for one.
    InHand,
    /// In line, and no runner of the group is connected.
    NoRunner,
    /// The embedded runner is gone.
    Gone,
}

/// A runner that has connected, or come back.
pub(crate) struct NewLink {
    /// None: it is the embedded runner.
    pub(crate) group: Option<RunnerGroupId>,
    /// Absent: a runner that cannot be told again.
    pub(crate) runner: Option<RunnerId>,
    /// The protocol's version that both speak.
    pub(crate) version: u32,
    pub(crate) capacity: usize,
    /// None: the embedded runner's, under which everything is sealed already.
    pub(crate) session: Option<SessionKey>,
    pub(crate) to_runner: mpsc::UnboundedSender<ToRunner>,
    /// The attempts that it knows of.
    pub(crate) held: Vec<AttemptToken>,
}

/// One connection of a link. A link may have several, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Connected {
    pub(super) link: u64,
    pub(super) generation: u64,
    /// Ends the connection.
    pub(crate) cut: CancellationToken,
}

/// All links of this server.
#[derive(Clone)]
pub(crate) struct Links(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// The embedded runner's: what waits is sealed under it.
    session: SessionKey,
    lease: Arc<Lease>,
    heartbeat: Duration,
}

impl Links {
    /// Takes the embedded runner's channel over and starts routing what comes from it.
    pub(crate) fn new(channel: RunnerChannel, heartbeat: Duration) -> Self {
        let RunnerChannel { to_runner, from_runner, session, lease } = channel;
        let links = Self(Arc::new(Inner { state: Mutex::default(), session, lease, heartbeat }));
        tokio::spawn(links.clone().route(from_runner, to_runner));
        links
    }

    /// Under which grants are sealed for attempts whose runner is not known yet.
    pub(crate) fn session(&self) -> &SessionKey {
        &self.0.session
    }

    /// Milliseconds between two heartbeats.
    pub(crate) fn heartbeat_ms(&self) -> u64 {
        u64::try_from(self.0.heartbeat.as_millis()).unwrap_or(u64::MAX)
    }

    /// For how long a runner may be silent.
    pub(crate) fn silence(&self) -> Duration {
        self.0.heartbeat * MISSED_MAX
    }

    /// Gives an attempt to a runner of its group, now or when there is one that has room.
    pub(crate) fn assign(&self, target: &Target, assignment: Box<Assignment>, reports: Reports) -> Placed {
        let mut state = self.lock();
        if target.group.is_none() && state.gone {
            return Placed::Gone;
        }
        let token = assignment.token.clone();
        state.places.insert(token.clone(), Place::Waiting(target.group));
        let line = state.lines.entry(target.group).or_default();
        line.push_back(Waiting { assignment, reports, told: false });
        self.hand_out(&mut state, target.group);
        let waits = matches!(state.places.get(&token), Some(Place::Waiting(_)));
        // The embedded runner is about to say hello.
        if !waits || target.group.is_none() || state.has_runner(target.group) {
            return Placed::InHand;
        }
        state.tell_last(target.group);
        Placed::NoRunner
    }

    /// Takes an attempt back that has not been handed out; false if it has been.
    pub(crate) fn withdraw(&self, token: &AttemptToken) -> bool {
        let mut state = self.lock();
        let Some(Place::Waiting(group)) = state.places.get(token).copied() else { return false };
        state.places.remove(token);
        if let Some(line) = state.lines.get_mut(&group) {
            line.retain(|waiting| waiting.assignment.token != *token);
        }
        true
    }

    /// Has an attempt stopped whose report no longer matters.
    pub(crate) fn cancel(&self, token: AttemptToken) {
        if self.withdraw(&token) {
            return;
        }
        let mut state = self.lock();
        let Some(Place::With(link)) = state.places.remove(&token) else { return };
        let Some(link) = state.links.get_mut(&link) else { return };
        if let Some(in_flight) = link.in_flight.get_mut(&token) {
            *in_flight = InFlight::default();
        }
        // A runner that is gone has nothing to stop.
        let _ = link.to_runner.send(ToRunner::Cancel { token });
    }

    /// Attempts that wait for a runner of the group.
    pub(crate) fn waiting(&self, group: Option<RunnerGroupId>) -> usize {
        self.lock().lines.get(&group).map_or(0, VecDeque::len)
    }

    /// A runner has connected. One that comes back goes on with what it had; what never reached it is tried again.
    pub(crate) fn connect(&self, new: NewLink) -> Connected {
        let mut state = self.lock();
        let group = new.group;
        let known = new.runner.and_then(|runner| {
            let mut links = state.links.iter();
            links.find(|(_, link)| link.runner == Some(runner) && link.group == group).map(|(id, _)| *id)
        });
        let id = known.unwrap_or(state.last + 1);
        state.last = state.last.max(id);
        let before = state.links.remove(&id);
        let generation = before.as_ref().map_or(0, |before| before.generation + 1);
        let mut in_flight = HashMap::new();
        if let Some(before) = before {
            before.cut.cancel();
            in_flight = before.in_flight;
        }
        let welcome = ToRunner::Welcome { version: new.version, heartbeat_ms: self.heartbeat_ms() };
        let _ = new.to_runner.send(welcome);
        let lost: Vec<AttemptToken> =
            in_flight.keys().filter(|token| !new.held.contains(token)).cloned().collect();
        for token in lost {
            state.places.remove(&token);
            // The assignment was under way when the connection was cut.
            if let Some(reports) = in_flight.remove(&token).and_then(|attempt| attempt.reports) {
                let _ = reports.send(Report::NotBegun(token));
            }
        }
        for token in new.held.into_iter().filter(|token| !in_flight.contains_key(token)) {
            // It has been given up here, or another server gave it: nobody waits for it.
            let _ = new.to_runner.send(ToRunner::Cancel { token });
        }
        let cut = CancellationToken::new();
        let link = Link {
            group,
            runner: new.runner,
            version: new.version,
            to_runner: new.to_runner,
            session: new.session,
            capacity: new.capacity,
            in_flight,
            is_up: true,
            is_draining: false,
            generation,
            cut: cut.clone(),
        };
        state.links.insert(id, link);
        self.hand_out(&mut state, group);
        Connected { link: id, generation, cut }
    }

    /// The connection is cut. What its runner had is believed to go on for a while; then it is lost.
    pub(crate) fn disconnect(&self, connected: &Connected) {
        let mut state = self.lock();
        let Some(link) = state.link(connected) else { return };
        link.is_up = false;
        let group = link.group;
        let idle = link.in_flight.is_empty();
        if idle {
            state.links.remove(&connected.link);
        }
        state.tell_if_alone(group);
        drop(state);
        if !idle {
            let (links, connected, silence) = (self.clone(), connected.clone(), self.silence());
            tokio::spawn(async move {
                tokio::time::sleep(silence).await;
                links.forget(&connected);
            });
        }
    }

    /// The runner does not come back: whatever it has not reported on is lost.
    pub(crate) fn forget(&self, connected: &Connected) {
        let mut state = self.lock();
        if state.link(connected).is_none() {
            return;
        }
        let Some(link) = state.links.remove(&connected.link) else { return };
        for (token, InFlight { reports, .. }) in link.in_flight {
            state.places.remove(&token);
            if let Some(reports) = reports {
                // The run may have ended meanwhile.
                let _ = reports.send(Report::Lost(token));
            }
        }
        state.tell_if_alone(link.group);
    }

    /// Cuts every runner of the group off.
    pub(crate) fn cut_off(&self, group: RunnerGroupId) {
        for link in self.lock().links.values().filter(|link| link.group == Some(group)) {
            link.cut.cancel();
        }
    }

    /// Cuts every remote runner off: the server stops.
    pub(crate) fn cut_all_off(&self) {
        for link in self.lock().links.values().filter(|link| link.group.is_some()) {
            link.cut.cancel();
        }
    }

    /// What a runner says; the attempt whose report has arrived.
    pub(crate) fn hear(&self, connected: &Connected, message: ToServer) -> Option<AttemptToken> {
        let mut state = self.lock();
        let link = state.link(connected)?;
        match message {
            ToServer::Finished { token, outcome, secret_uses } => {
                let InFlight { reports, said } = link.in_flight.remove(&token).unwrap_or_default();
                let ended = Ended { token: token.clone(), outcome, secret_uses, said };
                self.end(state, connected, &token, reports, Report::Ended(ended));
                Some(token)
            }
            ToServer::NotBegun { token } => {
                let InFlight { reports, .. } = link.in_flight.remove(&token).unwrap_or_default();
                self.end(state, connected, &token, reports, Report::NotBegun(token.clone()));
                Some(token)
            }
            ToServer::Log { token, at, line } => {
                // Nobody waits for what was cancelled to end.
                if let Some(attempt) =
                    link.in_flight.get_mut(&token).filter(|attempt| attempt.reports.is_some())
                {
                    attempt.said.get_or_insert_default().hear(at, line);
                }
                None
            }
            ToServer::Started { token, .. } => {
                if let Some(reports) = link.in_flight.get(&token).and_then(|attempt| attempt.reports.as_ref())
                {
                    // The run may have ended meanwhile.
                    let _ = reports.send(Report::Began(token));
                }
                None
            }
            ToServer::Heartbeat { beat, .. } => {
                // One that is not numbered wants no answer.
                if beat > 0 {
                    let _ = link.to_runner.send(self.beat(beat));
                }
                None
            }
            ToServer::Draining => {
                link.is_draining = true;
                let group = link.group;
                state.tell_if_alone(group);
                None
            }
            // They are answered where the connection begins and ends.
            ToServer::Hello { .. } | ToServer::Goodbye => None,
        }
    }

    /// How long the runner may begin what it has been given: as long as this server's lease holds and this server
    /// believes in the runner.
    fn beat(&self, beat: u64) -> ToRunner {
        let holds = self.0.lease.remaining().unwrap_or(Duration::MAX).min(self.silence());
        let holds_ms = u64::try_from(holds.as_millis()).unwrap_or(u64::MAX);
        ToRunner::Beat { beat, term: self.0.lease.term(), holds_ms }
    }

    fn end(
        &self,
        mut state: MutexGuard<'_, State>,
        connected: &Connected,
        token: &AttemptToken,
        reports: Option<Reports>,
        report: Report,
    ) {
        if let Some(reports) = reports {
            state.places.remove(token);
            // The run may have ended meanwhile; its attempt is of no interest then.
            let _ = reports.send(report);
        }
        let group = state.link(connected).map(|link| link.group);
        if let Some(group) = group {
            self.hand_out(&mut state, group);
        }
    }

    /// Gives what waits for the group's runners to those that have room, the least busy one first.
    fn hand_out(&self, state: &mut State, group: Option<RunnerGroupId>) {
        loop {
            let State { links, lines, places, .. } = &mut *state;
            let Some(line) = lines.get_mut(&group).filter(|line| !line.is_empty()) else { return };
            let has_room = |link: &Link| {
                link.group == group && link.is_up && !link.is_draining && link.in_flight.len() < link.capacity
            };
            let free = links.iter_mut().filter(|(_, link)| has_room(link));
            let Some((id, link)) =
                free.min_by_key(|(_, link)| link.in_flight.len() * 1_000 / link.capacity.max(1))
            else {
                return;
            };
            let Some(Waiting { mut assignment, reports, told }) = line.pop_front() else { return };
            let token = assignment.token.clone();
            places.insert(token.clone(), Place::With(*id));
            if told {
                let _ = reports.send(Report::HandedOut(token.clone()));
            }
            if let Some(session) = &link.session {
                seal_anew(&self.0.session, session, &mut assignment);
            }
            if link.version <= VERSION_WITHOUT_LEASE && link.group.is_some() {
                assignment.lease_term = 0;
            }
            link.in_flight.insert(token, InFlight { reports: Some(reports), said: None });
            // A connection that has just been cut is about to say so.
            let _ = link.to_runner.send(ToRunner::Assign { assignment });
        }
    }

    async fn route(
        self,
        mut from_runner: mpsc::Receiver<ToServer>,
        to_runner: mpsc::UnboundedSender<ToRunner>,
    ) {
        let mut embedded = None;
        while let Some(message) = from_runner.recv().await {
            if let ToServer::Hello { version, capacity, .. } = message {
                tracing::debug!(runner.version = version, runner.capacity = capacity, "runner connected");
                embedded = Some(self.connect(NewLink {
                    group: None,
                    runner: None,
                    version: PROTOCOL_VERSION,
                    capacity: usize::try_from(capacity.max(1)).unwrap_or(usize::MAX),
                    session: None,
                    to_runner: to_runner.clone(),
                    held: Vec::new(),
                }));
            } else if let Some(connected) = &embedded {
                self.hear(connected, message);
            }
        }
        // Whoever waits for it waits in vain.
        let mut state = self.lock();
        state.gone = true;
        let line = state.lines.remove(&None).unwrap_or_default();
        for Waiting { assignment, reports, .. } in line {
            state.places.remove(&assignment.token);
            // The run may have ended meanwhile.
            let _ = reports.send(Report::Lost(assignment.token));
        }
        drop(state);
        if let Some(connected) = embedded {
            self.forget(&connected);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
