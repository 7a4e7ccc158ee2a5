//! The simulated runners: they take their time, die before or after the deed, and report late, twice or never.

use engine::{Dispatch, EffectResult};

use crate::mutation::Mutation;
use crate::requests::{answer, is_repeatable};
use crate::server::{Key, Signal};
use crate::store::ServerId;
use crate::world::{Happening, World};

/// Names one handing out of an attempt.
pub(crate) type Token = u64;

/// What a runner says.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) token: Token,
    pub(crate) path: String,
    pub(crate) attempt: u32,
    pub(crate) result: EffectResult,
}

/// An attempt at a runner.
pub(crate) struct Attempt {
    server: ServerId,
    key: Key,
    dispatch: Dispatch,
    /// The runner still has it.
    pub(crate) at_work: bool,
    /// The term of the server's lease in which it was handed out.
    term: u64,
    /// Milliseconds from its beginning to its deed.
    takes: i64,
}

impl World {
    /// Hands an attempt to a runner.
    pub(crate) fn assign(&mut self, server: ServerId, key: Key, dispatch: Dispatch) -> Token {
        let is_owner = self.store.rows.get(&key.0).is_some_and(|row| row.epoch == key.1);
        self.ledger.assigned(key.0, &dispatch, is_owner);
        let token = self.next_token;
        self.next_token += 1;
        let term = self.servers.get(&server).map_or(0, |server| server.lease.term);
        let takes = match self.dice.below(10) {
            0 => self.dice.between(5_000, 60_000),
            _ => self.dice.between(1, 3_000),
        };
        let turn = self.dice.between(0, takes);
        let takes = takes - turn;
        self.attempts.insert(token, Attempt { server, key, dispatch, at_work: true, term, takes });
        self.later(turn, Happening::TakeUp(token));
        let patience = self.dice.between(2_000, 30_000);
        self.signal_later(patience, server, key, Signal::Watch(token));
        token
    }

    /// The runner's turn has come. It begins nothing that was handed out under a term of the lease that has ended: the
    /// run may be another's.
    pub(crate) fn take_up(&mut self, token: Token) {
        let Some(attempt) = self.attempts.get(&token).filter(|attempt| attempt.at_work) else { return };
        let (id, key, term, takes) = (attempt.server, attempt.key, attempt.term, attempt.takes);
        let Some(server) = self.servers.get(&id) else {
            // The runner lives in the same process.
            drop(self.attempts.remove(&token));
            return;
        };
        let (steady, wall) = (self.now, self.clock(id).as_millis());
        let same_term = server.lease.term == term || self.mutation == Some(Mutation::TermIgnored);
        let holds = same_term && server.lease.holds(steady, wall);
        if !holds && self.mutation != Some(Mutation::LeaseUnchecked) {
            if let Some(attempt) = self.attempts.get_mut(&token) {
                attempt.at_work = false;
            }
            self.ledger.count("not begun");
            self.tell(|| format!("the runner does not begin with an attempt of run {}", key.0));
            return self.signal_later(1, id, key, Signal::NotBegun(token));
        }
        self.ledger.taken_up(key);
        self.later(takes, Happening::Perform(token));
        self.signal_later(0, id, key, Signal::Began(token));
    }

    /// The engine no longer wants it; the runner may hear of it too late.
    pub(crate) fn cancel_attempt(&mut self, token: Token) {
        if self.dice.one_in(2)
            && let Some(attempt) = self.attempts.get_mut(&token)
        {
            attempt.at_work = false;
        }
    }

    /// The moment at which the runner does it, if it lives to see it.
    pub(crate) fn perform(&mut self, token: Token) {
        let unlucky = self.trouble(12);
        let Some(attempt) = self.attempts.get_mut(&token) else { return };
        if !attempt.at_work {
            return;
        }
        attempt.at_work = false;
        let (server, key, dispatch) = (attempt.server, attempt.key, attempt.dispatch.clone());
        if unlucky {
            self.ledger.count("runner died");
            return self.tell(|| format!("runner dies before `{}` of run {}", dispatch.path, key.0));
        }
        self.ledger.performed(key.0, &dispatch.path, is_repeatable(&dispatch.action));
        if self.trouble(12) {
            self.ledger.count("report lost");
            return self.tell(|| format!("report of `{}` of run {} is lost", dispatch.path, key.0));
        }
        let result = answer(&dispatch.action, &dispatch.path, &dispatch.inputs);
        let report = Report { token, path: dispatch.path, attempt: dispatch.attempt, result };
        let copies = if self.trouble(10) { 2 } else { 1 };
        for _ in 0..copies {
            let delay =
                if self.trouble(8) { self.dice.between(500, 200_000) } else { self.dice.between(0, 20) };
            self.later(delay, Happening::Reported { server, key, report: report.clone() });
        }
    }

    /// A report arrives: at the server that asked for it, or at whichever drives the run by now.
    pub(crate) fn reported(&mut self, server: ServerId, key: Key, report: Report) {
        self.tell(|| format!("report on `{}`, attempt {}, of run {}", report.path, report.attempt, key.0));
        let drivers = self.drivers_of(key.0);
        for (driver, driven) in drivers {
            if (driver, driven) == (server, key) || self.dice.one_in(2) {
                self.signal(driver, driven, Signal::Report(report.clone()));
            }
        }
    }
}
