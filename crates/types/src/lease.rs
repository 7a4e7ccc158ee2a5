//! A server's lease as its own process knows it: until when no other server may take its runs.
//!
//! What must not happen once a run may be another's asks here at the last moment, for a process can be stopped
//! between any two of its instructions. Two clocks must agree that the lease holds: the steady one, which nobody
//! sets, and the wall's, which goes on while the machine sleeps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Clock, Timestamp};

/// The part of a lease that is not relied on: for clocks that differ between machines, and for what happens
/// between the last look and the deed.
const MARGIN: u32 = 5;

/// What both clocks say.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    steady: Duration,
    wall: Timestamp,
}

/// A lease. It consists of terms: within one, nobody else can have taken the runs.
pub struct Lease {
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    term: u64,
    /// Until when; none if it does not end.
    until: Option<Moment>,
    /// From when on it has held without a gap.
    since: Moment,
}

impl Lease {
    /// A lease that does not end: of a server that is alone with its database, until it says otherwise.
    pub fn boundless(clock: Arc<dyn Clock>) -> Self {
        let since = moment(&*clock);
        Self { clock, held: Mutex::new(Held { term: 0, until: None, since }) }
    }

    /// A lease that does not hold until somebody says so.
    pub fn ended(clock: Arc<dyn Clock>) -> Self {
        let since = moment(&*clock);
        Self { clock, held: Mutex::new(Held { term: 0, until: Some(since), since }) }
    }

    /// Its holder has said that its term holds for `length` from `asked` on: for who is not the holder.
    pub fn follow(&self, asked: Moment, term: u64, length: Duration) {
        let mut held = self.lock();
        if held.term != term || !self.reaches(&held) {
            held.since = asked;
        }
        held.term = term;
        held.until = Some(asked.after(length - length / MARGIN));
    }

    /// It holds no longer, until somebody says so anew.
    pub fn end(&self) {
        let now = self.moment();
        self.lock().until = Some(now);
    }

    /// For how long the present term holds yet; none if it does not end.
    pub fn remaining(&self) -> Option<Duration> {
        let (now, held) = (self.moment(), *self.lock());
        let until = held.until?;
        let by_wall = Duration::from_millis(
            u64::try_from(until.wall.as_millis().saturating_sub(now.wall.as_millis())).unwrap_or(0),
        );
        Some(until.steady.saturating_sub(now.steady).min(by_wall))
    }

    /// Now; to be asked for before the database is.
    pub fn moment(&self) -> Moment {
        moment(&*self.clock)
    }

    /// The database has said that the lease holds for `length` from `asked` on, and that nobody has taken it for
    /// ended before.
    pub fn renewed(&self, asked: Moment, length: Duration) {
        let mut held = self.lock();
        if !self.reaches(&held) {
            held.since = asked;
        }
        held.until = Some(asked.after(length - length / MARGIN));
    }

    /// The database has said that the lease holds anew for `length` from `asked` on: others may have taken runs in
    /// between.
    pub fn began(&self, asked: Moment, length: Duration) {
        let mut held = self.lock();
        held.term += 1;
        held.since = asked;
        held.until = Some(asked.after(length - length / MARGIN));
    }

    /// The present term, whether it still holds or not.
    pub fn term(&self) -> u64 {
        self.lock().term
    }

    /// Whether it is that term, and it holds.
    pub fn holds(&self, term: u64) -> bool {
        let held = *self.lock();
        held.term == term && self.reaches(&held)
    }

    /// For how long it has held without a gap: zero if it does not hold, for ever if it does not end.
    pub fn held_for(&self) -> Duration {
        let held = *self.lock();
        match held.until {
            None => Duration::MAX,
            Some(_) if self.reaches(&held) => self.moment().steady.saturating_sub(held.since.steady),
            Some(_) => Duration::ZERO,
        }
    }

    fn reaches(&self, held: &Held) -> bool {
        let now = self.moment();
        held.until.is_none_or(|until| now.steady < until.steady && now.wall < until.wall)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lease").field(&*self.lock()).finish()
    }
}

impl Moment {
    fn after(self, time: Duration) -> Self {
        Self { steady: self.steady.saturating_add(time), wall: self.wall.saturating_add(time) }
    }
}

fn moment(clock: &dyn Clock) -> Moment {
    Moment { steady: clock.steady(), wall: clock.now() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);

    /// Two clocks that a test moves by themselves.
    #[derive(Default)]
    struct Clocks(Mutex<(Duration, i64)>);

    impl Clocks {
        fn pass(&self, steady: Duration, wall_ms: i64) {
            let mut clocks = self.0.lock().unwrap();
            clocks.0 += steady;
            clocks.1 += wall_ms;
        }
    }

    impl Clock for Clocks {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.lock().unwrap().1)
        }

        fn steady(&self) -> Duration {
            self.0.lock().unwrap().0
        }
    }

    fn lease() -> (Arc<Clocks>, Lease) {
        let clocks = Arc::new(Clocks::default());
        (Arc::clone(&clocks), Lease::boundless(clocks))
    }

    #[test]
    fn a_lease_ends_when_either_clock_says_so_and_a_bit_before() {
        for (steady, wall_ms) in [(8, 8_000), (8, 0), (0, 8_000), (8, -100_000)] {
            let (clocks, lease) = lease();
            lease.began(lease.moment(), LENGTH);
            clocks.pass(Duration::from_millis(7_999), 7_999);
            assert!(lease.holds(1));
            clocks.pass(
                Duration::from_secs(steady).saturating_sub(Duration::from_millis(7_999)),
                wall_ms - 7_999,
            );
            assert!(!lease.holds(1), "{steady} s, {wall_ms} ms");
        }
    }

    #[test]
    fn it_counts_from_the_question_not_from_the_answer() {
        let (clocks, lease) = lease();
        let asked = lease.moment();
        clocks.pass(Duration::from_secs(9), 9_000);
        lease.began(asked, LENGTH);
        assert!(!lease.holds(1));
    }

    #[test]
    fn a_renewal_goes_on_with_the_term_and_a_new_beginning_does_not() {
        let (clocks, lease) = lease();
        assert!(lease.holds(0) && lease.held_for() == Duration::MAX, "boundless");
        lease.began(lease.moment(), LENGTH);
        assert!(!lease.holds(0) && lease.holds(1));
        clocks.pass(LENGTH, 10_000);
        lease.renewed(lease.moment(), LENGTH);
        assert!(lease.holds(1), "nobody has noticed the gap");
        lease.began(lease.moment(), LENGTH);
        assert!(!lease.holds(1) && lease.term() == 2);
    }

    #[test]
    fn who_follows_a_lease_holds_it_from_the_question_on_and_not_longer_than_it_was_told() {
        let (clocks, own) = lease();
        let lease = Lease::ended(Arc::clone(&clocks) as Arc<dyn Clock>);
        assert!(!lease.holds(0), "nobody has said so");
        own.began(own.moment(), LENGTH);
        let asked = lease.moment();
        clocks.pass(Duration::from_secs(3), 3_000);
        assert_eq!(own.remaining(), Some(Duration::from_secs(5)));
        lease.follow(asked, own.term(), LENGTH);
        assert!(lease.holds(1) && !lease.holds(0));
        clocks.pass(Duration::from_secs(5), 5_000);
        assert!(!lease.holds(1), "counted from the question");
        assert_eq!(own.remaining(), Some(Duration::ZERO));
        lease.follow(lease.moment(), 2, LENGTH);
        assert!(lease.holds(2));
        lease.end();
        assert!(!lease.holds(2) && lease.term() == 2);
    }

    #[test]
    fn a_gap_is_remembered() {
        let (clocks, lease) = lease();
        lease.began(lease.moment(), LENGTH);
        for _ in 0..3 {
            clocks.pass(Duration::from_secs(3), 3_000);
            lease.renewed(lease.moment(), LENGTH);
        }
        assert_eq!(lease.held_for(), Duration::from_secs(9));
        clocks.pass(LENGTH, 10_000);
        assert_eq!(lease.held_for(), Duration::ZERO);
        lease.renewed(lease.moment(), LENGTH);
        clocks.pass(Duration::from_secs(1), 1_000);
        assert_eq!(lease.held_for(), Duration::from_secs(1));
    }
}
