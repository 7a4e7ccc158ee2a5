//! How often somebody may try: for an account, whoever tries, and for a network, whichever account.
//!
//! A few failures cost nothing; each further one doubles the time in which nothing is tried. An attempt counts before it
//! is made, so that many at once are no way around it. One that succeeds clears the account; of the network it takes back
//! itself alone, or an attacker with one account of their own would never be slowed down.

use std::net::IpAddr;
use std::time::Duration;

use store::sign_in_failures::{self, Failures};
use types::{TenantId, Timestamp, UserId};

use crate::App;
use crate::error::{ApiError, ApiResult, code};

/// Failures of one account that cost nothing.
pub(super) const ACCOUNT_FREE: i64 = 5;
/// The longest time in which an account is not tried: whoever wants to lock others out locks them out for that long.
pub(super) const ACCOUNT_DELAY_MAX: Duration = Duration::from_secs(5 * 60);
/// Failures from one network that cost nothing: many people may share an address.
pub(super) const NETWORK_FREE: i64 = 20;
/// The longest time in which nothing from a network is tried.
pub(super) const NETWORK_DELAY_MAX: Duration = Duration::from_secs(60 * 60);
/// The time in which nothing is tried after the first failure that costs something.
const DELAY_FIRST: Duration = Duration::from_secs(1);
/// How long after the last failure all of them are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Bits of an IPv6 address that name a network: one subscriber has all addresses below.
const IPV6_NETWORK_BITS: u32 = 64;

/// Whose failures are counted.
#[derive(Clone)]
pub(super) struct Subject {
    key: String,
    free: i64,
    delay_max: Duration,
}

impl Subject {
    /// The account of that address, be there one or not.
    pub(super) fn account(app: &App, tenant: TenantId, email: &str) -> Self {
        let name = format!("{tenant} {}", email.to_ascii_lowercase());
        Self::of(app, "sign-in account", &name, ACCOUNT_FREE, ACCOUNT_DELAY_MAX)
    }

    /// Somebody who has been let in and is asked for the password again.
    pub(super) fn user(app: &App, user: UserId) -> Self {
        Self::of(app, "sign-in user", &user.to_string(), ACCOUNT_FREE, ACCOUNT_DELAY_MAX)
    }

    /// The network of that address; callers whose address is not known are one.
    pub(super) fn network(app: &App, peer: Option<IpAddr>) -> Self {
        let name = peer.map(network_of).unwrap_or_default();
        Self::of(app, "sign-in network", &name, NETWORK_FREE, NETWORK_DELAY_MAX)
    }

    fn of(app: &App, kind: &str, name: &str, free: i64, delay_max: Duration) -> Self {
        Self { key: app.identity().hash_of(kind, name), free, delay_max }
    }

    fn delay(&self, failures: i64) -> Duration {
        let beyond = u32::try_from((failures - self.free).max(0)).unwrap_or(u32::MAX);
        let Some(doublings) = beyond.checked_sub(1) else { return Duration::ZERO };
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        DELAY_FIRST.saturating_mul(factor).min(self.delay_max)
    }
}

fn network_of(peer: IpAddr) -> String {
    match peer {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => (address.to_bits() >> (128 - IPV6_NETWORK_BITS)).to_string(),
    }
}

/// Attempts that have been counted; dropped, they are failures.
pub(super) struct Counted {
    subjects: Vec<Subject>,
}

/// Counts an attempt of each subject, as a failure for now.
///
/// # Errors
/// If one of them has failed too often; then nothing is counted.
pub(super) async fn count(app: &App, subjects: Vec<Subject>) -> ApiResult<Counted> {
    let now = app.clock().now();
    let tried = subjects.clone();
    let anew = app
        .db()
        .write(async move |tx| {
            let mut found = Vec::new();
            // In this order everywhere, so that nobody waits for one another in a circle.
            for subject in &tried {
                let known = sign_in_failures::lock(tx, &subject.key).await?;
                let known = known.filter(|known| now.since(known.last_at) < FORGOTTEN_AFTER);
                if let Some(known) = known.filter(|known| known.blocked_until > now) {
                    return Err(too_often(known.blocked_until, now));
                }
                found.push((subject, known.map_or(0, |known| known.count)));
            }
            let mut anew = false;
            for (subject, before) in &found {
                let blocked_until = now.saturating_add(subject.delay(before + 1));
                let failures = Failures { count: before + 1, last_at: now, blocked_until };
                sign_in_failures::set(tx, &subject.key, failures).await?;
                anew |= *before == 0;
            }
            Ok::<_, ApiError>(anew)
        })
        .await?;
    if anew {
        let before = now.saturating_sub(FORGOTTEN_AFTER);
        app.db().write(async move |tx| sign_in_failures::forget_old(tx, before).await).await?;
    }
    Ok(Counted { subjects })
}

impl Counted {
    /// It was no failure: the first subject starts anew, of the others the attempt is taken back.
    pub(super) async fn succeeded(self, app: &App) -> ApiResult<()> {
        self.undo(app, true).await
    }

    /// It was neither: the attempt is taken back.
    pub(super) async fn take_back(self, app: &App) -> ApiResult<()> {
        self.undo(app, false).await
    }

    async fn undo(self, app: &App, forget_first: bool) -> ApiResult<()> {
        let now = app.clock().now();
        let keys: Vec<String> = self.subjects.into_iter().map(|subject| subject.key).collect();
        let written = app.db().write(async move |tx| {
            for (index, key) in keys.iter().enumerate() {
                if index == 0 && forget_first {
                    sign_in_failures::forget(tx, key).await?;
                } else {
                    sign_in_failures::take_back(tx, key, now).await?;
                }
            }
            Ok::<_, store::StoreError>(())
        });
        Ok(written.await?)
    }
}

fn too_often(until: Timestamp, now: Timestamp) -> ApiError {
    let seconds = until.since(now).as_millis().div_ceil(1000);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    let message = format!("signing in has failed too often; try again in {seconds} s");
    ApiError::new(&code::SIGN_IN_THROTTLED, message).with_retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_its_bound() {
        let account = Subject { key: String::new(), free: ACCOUNT_FREE, delay_max: ACCOUNT_DELAY_MAX };
        for (failures, seconds) in
            [(0, 0), (5, 0), (6, 1), (7, 2), (8, 4), (14, 256), (15, 300), (1_000, 300)]
        {
            assert_eq!(account.delay(failures).as_secs(), seconds, "{failures}");
        }
        let network = Subject { key: String::new(), free: NETWORK_FREE, delay_max: NETWORK_DELAY_MAX };
        assert_eq!(network.delay(20), Duration::ZERO);
        assert_eq!(network.delay(i64::MAX), NETWORK_DELAY_MAX);
    }

    #[test]
    fn a_network_of_ipv6_is_one_subscriber() {
        let of = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
