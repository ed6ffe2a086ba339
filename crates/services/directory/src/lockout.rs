//! Whose failed sign-ins are counted, and who has to wait.
//!
//! The counts are this process's own and in memory: they protect against guessing now, and are worthless a day
//! later. Each table is bounded; what is counted of users that exist is apart from what is counted of made-up
//! names, so that made-up names cannot push a user's count out.
//!
//! SECURITY: a made-up name is counted, and locked, just as a user is: the refusals tell nobody which it is.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gatepost_clock::{Clock, Timestamp, from_micros};
use gatepost_credentials::lockout::{ADDRESS, Attempts, FAMILIAR, MAILER, Policy, USER};
use gatepost_names::{ObjectId, TenantId};

use crate::Directory;

/// Users whose failures are kept. There are never more entries than users.
const MOST_USERS: usize = 1_000_000;
/// Made-up names, addresses, and pairs of both whose failures are kept.
const MOST_OTHERS: usize = 65_536;

/// Where attempts come from: an IPv4 address, or the network of an IPv6 one, whose owner has all the rest.
/// `None` is this machine: its address tells nobody apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Source(u64);

impl Source {
    pub(crate) fn of(address: Option<IpAddr>) -> Option<Source> {
        match address?.to_canonical() {
            address if address.is_loopback() => None,
            IpAddr::V4(address) => Some(Source(u64::from(address.to_bits()))),
            IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).ok().map(Source),
        }
    }
}

/// Who is being signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// A user that exists.
    User(TenantId, ObjectId),
    /// A keyed hash of a name that nobody has.
    Name(u64),
}

/// Whether the source has signed in as this user before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Familiar,
    Stranger,
}

/// Failures by key, bounded.
struct Table<K> {
    policy: Policy,
    most: usize,
    kept: Mutex<HashMap<K, Attempts>>,
}

impl<K: Copy + Eq + Hash> Table<K> {
    fn new(policy: Policy, most: usize) -> Table<K> {
        Table { policy, most, kept: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Attempts>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked(&self, key: K, now: i64) -> Option<i64> {
        self.lock().get(&key)?.locked(now)
    }

    fn knows(&self, key: K, now: i64) -> bool {
        self.lock().get(&key).is_some_and(|attempts| !attempts.is_forgotten(&self.policy, now))
    }

    fn change(&self, key: K, now: i64, change: impl FnOnce(&mut Attempts, &Policy)) {
        let mut kept = self.lock();
        if kept.len() >= self.most && !kept.contains_key(&key) {
            make_room(&mut kept, &self.policy, now);
        }
        change(kept.entry(key).or_default(), &self.policy);
    }

    fn fail(&self, key: K, now: i64, guess: u64) {
        self.change(key, now, |attempts, policy| attempts.fail(policy, now, guess));
    }

    fn forget(&self, key: K) {
        self.lock().remove(&key);
    }
}

/// Forgets what no longer matters; if that is little, the older half as well.
fn make_room<K: Copy + Eq + Hash>(kept: &mut HashMap<K, Attempts>, policy: &Policy, now: i64) {
    let before = kept.len();
    kept.retain(|_, attempts| !attempts.is_forgotten(policy, now));
    if kept.len() > before - before / 8 {
        let mut ages: Vec<i64> = kept.values().map(Attempts::last).collect();
        let middle = ages.len() / 2;
        let (_, median, _) = ages.select_nth_unstable(middle);
        let median = *median;
        kept.retain(|_, attempts| attempts.last() > median);
    }
}

pub(crate) struct Lockout {
    clock: Clock,
    hasher: RandomState,
    users: Table<(TenantId, ObjectId)>,
    names: Table<u64>,
    addresses: Table<Source>,
    familiar: Table<(u64, Option<Source>)>,
    mailers: Table<(u64, Option<Source>)>,
    second_factors: Table<(TenantId, ObjectId)>,
}

impl Lockout {
    pub(crate) fn new(clock: Clock) -> Lockout {
        Lockout {
            clock,
            hasher: RandomState::new(),
            users: Table::new(USER, MOST_USERS),
            names: Table::new(USER, MOST_OTHERS),
            addresses: Table::new(ADDRESS, MOST_OTHERS),
            familiar: Table::new(FAMILIAR, MOST_OTHERS),
            mailers: Table::new(MAILER, MOST_OTHERS),
            second_factors: Table::new(USER, MOST_USERS),
        }
    }

    /// A keyed hash of a login name that nobody has.
    pub(crate) fn name(&self, tenant: TenantId, login: &str) -> Who {
        Who::Name(self.hasher.hash_one((tenant, login.to_lowercase())))
    }

    /// A keyed hash of what was guessed; it is never 0.
    pub(crate) fn guess(&self, text: &str) -> u64 {
        self.hasher.hash_one(("guess", text)).max(1)
    }

    fn pair(&self, who: impl Hash, source: Option<Source>) -> (u64, Option<Source>) {
        (self.hasher.hash_one(who), source)
    }

    /// Whether an attempt is looked at, and in which lane.
    ///
    /// # Errors
    /// The time until which it is refused unseen.
    pub(crate) fn check(&self, who: Who, source: Option<Source>) -> Result<Lane, Timestamp> {
        let now = self.clock.micros();
        let pair = self.pair(who, source);
        if self.familiar.knows(pair, now) {
            return refuse_until(self.familiar.locked(pair, now)).map(|()| Lane::Familiar);
        }
        let target = match who {
            Who::User(tenant, user) => self.users.locked((tenant, user), now),
            Who::Name(name) => self.names.locked(name, now),
        };
        let source = source.and_then(|source| self.addresses.locked(source, now));
        refuse_until(target.max(source)).map(|()| Lane::Stranger)
    }

    pub(crate) fn failed(&self, who: Who, source: Option<Source>, guess: u64) {
        let now = self.clock.micros();
        let pair = self.pair(who, source);
        if self.familiar.knows(pair, now) {
            return self.familiar.fail(pair, now, guess);
        }
        match who {
            Who::User(tenant, user) => self.users.fail((tenant, user), now, guess),
            Who::Name(name) => self.names.fail(name, now, guess),
        }
        if let Some(source) = source {
            self.addresses.fail(source, now, 0);
        }
    }

    pub(crate) fn succeeded(&self, who: Who, source: Option<Source>) {
        let now = self.clock.micros();
        let pair = self.pair(who, source);
        self.familiar.change(pair, now, |attempts, _| attempts.succeed(now));
    }

    /// Forgets a user's failures, for a password that was set anew.
    pub(crate) fn forget(&self, tenant: TenantId, user: ObjectId) {
        self.users.forget((tenant, user));
        self.second_factors.forget((tenant, user));
    }

    /// Whether a user's one-time password is looked at.
    ///
    /// # Errors
    /// The time until which it is refused unseen.
    pub(crate) fn check_second(&self, tenant: TenantId, user: ObjectId) -> Result<(), Timestamp> {
        refuse_until(self.second_factors.locked((tenant, user), self.clock.micros()))
    }

    pub(crate) fn second_failed(&self, tenant: TenantId, user: ObjectId) {
        self.second_factors.fail((tenant, user), self.clock.micros(), 0);
    }

    pub(crate) fn second_succeeded(&self, tenant: TenantId, user: ObjectId) {
        self.second_factors.forget((tenant, user));
    }
}

fn refuse_until(until: Option<i64>) -> Result<(), Timestamp> {
    until.map_or(Ok(()), |until| Err(from_micros(until)))
}

/// For protocols whose clients sign in with client secrets under a name: SMTP. A secret of 40 random characters
/// cannot be guessed, so a name is never locked for everybody; who guesses is slowed, over all its connections.
impl Directory {
    /// Whether an attempt under this name, from this address, is looked at.
    ///
    /// # Errors
    /// The time until which it is refused unseen.
    pub fn mailer_may_try(&self, name: &str, address: IpAddr) -> Result<(), Timestamp> {
        let lockout = &self.0.lockout;
        let (now, source) = (lockout.clock.micros(), Source::of(Some(address)));
        let pair = lockout.pair(("mailer", name.to_lowercase()), source);
        let own = lockout.mailers.locked(pair, now);
        if lockout.familiar.knows(pair, now) {
            return refuse_until(own);
        }
        refuse_until(own.max(source.and_then(|source| lockout.addresses.locked(source, now))))
    }

    /// Notes how an attempt ended that was looked at: whether the credentials were right.
    pub fn mailer_tried(&self, name: &str, address: IpAddr, right: bool) {
        let lockout = &self.0.lockout;
        let (now, source) = (lockout.clock.micros(), Source::of(Some(address)));
        let pair = lockout.pair(("mailer", name.to_lowercase()), source);
        if right {
            lockout.mailers.forget(pair);
            return lockout.familiar.change(pair, now, |attempts, _| attempts.succeed(now));
        }
        lockout.mailers.fail(pair, now, 0);
        if let Some(source) = source.filter(|_| !lockout.familiar.knows(pair, now)) {
            lockout.addresses.fail(source, now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;
    use uuid::Uuid;

    fn lockout() -> (Clock, Lockout) {
        let clock = Clock::fixed(from_micros(1_000_000_000_000_000));
        (clock.clone(), Lockout::new(clock))
    }

    fn user(n: u128) -> Who {
        Who::User(TenantId(Uuid::from_u128(1)), ObjectId(Uuid::from_u128(n)))
    }

    fn source(n: u32) -> Option<Source> {
        Source::of(Some(IpAddr::V4(Ipv4Addr::from_bits(0x0102_0000 + n))))
    }

    #[test]
    fn networks_are_what_is_told_apart() {
        let of = |text: &str| Source::of(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("127.0.0.1").or(of("::1")).or(Source::of(None)), None);
    }

    #[test]
    fn guessing_at_one_user_locks_strangers_not_the_user() {
        let (clock, lockout) = lockout();
        lockout.succeeded(user(1), source(1));
        let mut seen = 0;
        for n in 0..10_000_u32 {
            if lockout.check(user(1), source(100 + n)).is_ok() {
                seen += 1;
                lockout.failed(user(1), source(100 + n), u64::from(n) + 1);
            }
        }
        assert_eq!(seen, 10, "whatever the number of addresses");
        assert!(lockout.check(user(1), source(2)).is_err());
        assert_eq!(lockout.check(user(1), source(1)), Ok(Lane::Familiar), "the user goes on");
        assert_eq!(lockout.check(user(2), source(100)), Ok(Lane::Stranger), "other users too");
        clock.advance(Duration::from_secs(60));
        assert_eq!(lockout.check(user(1), source(2)), Ok(Lane::Stranger));
    }

    #[test]
    fn guessing_at_many_users_from_one_address_stops_the_address() {
        let (_, lockout) = lockout();
        lockout.succeeded(user(7), source(1));
        let mut seen = 0;
        for n in 0..10_000_u128 {
            let who =
                if n % 2 == 0 { user(100 + n) } else { lockout.name(TenantId(Uuid::nil()), &n.to_string()) };
            if lockout.check(who, source(1)).is_ok() {
                seen += 1;
                lockout.failed(who, source(1), 9);
            }
        }
        assert_eq!(seen, 100);
        assert_eq!(lockout.check(user(7), source(1)), Ok(Lane::Familiar));
        assert_eq!(lockout.check(user(8), source(2)), Ok(Lane::Stranger));
    }

    #[test]
    fn a_name_that_nobody_has_is_locked_like_a_user() {
        let (_, lockout) = lockout();
        let name = lockout.name(TenantId(Uuid::nil()), "Nobody@a.example");
        assert_eq!(name, lockout.name(TenantId(Uuid::nil()), "nobody@A.example"));
        for n in 0..10 {
            assert_eq!(lockout.check(name, source(n)).is_ok(), lockout.check(user(1), source(n)).is_ok());
            lockout.failed(name, source(n), u64::from(n) + 1);
            lockout.failed(user(1), source(n), u64::from(n) + 1);
        }
        assert_eq!(lockout.check(name, source(50)), lockout.check(user(1), source(50)));
        assert!(lockout.check(name, source(50)).is_err());
    }

    #[test]
    fn tables_stay_bounded_and_keep_the_recent() {
        let (clock, lockout) = lockout();
        for n in 0..200_000 {
            clock.advance(Duration::from_micros(1));
            lockout.names.fail(n, clock.micros(), 0);
        }
        assert!(lockout.names.lock().len() <= MOST_OTHERS);
        assert!(lockout.names.lock().contains_key(&199_999));
        // Users that exist were not touched by it.
        lockout.failed(user(1), None, 1);
        for n in 0..200_000 {
            lockout.names.fail(n, clock.micros(), 0);
        }
        assert!(
            lockout.users.knows((TenantId(Uuid::from_u128(1)), ObjectId(Uuid::from_u128(1))), clock.micros())
        );
    }
}
