//! The hash of users' passwords, and the line before it.
//!
//! Argon2id takes 19 MiB and some hundredths of a second on purpose. So only a few run at once, only so many
//! wait, and one place is kept for those who have signed in from their address before: whoever floods the server
//! with guesses uses up neither its memory nor its processors, and does not keep the honest out.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use gatepost_store::StoreError;
use subtle::ConstantTimeEq;

use crate::DirectoryError;
use crate::lockout::{Lane, Source};

/// How long somebody waits in line.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many wait in line, in each lane.
const LONGEST_LINE: usize = 24;
/// How many of one source wait in line.
const MOST_OF_A_SOURCE: usize = 6;

/// More are waiting than may, or it took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub(crate) struct Busy;

pub(crate) struct Hashing {
    /// How many run at once. One place is not for strangers.
    places: usize,
    line: Mutex<Line>,
    moved: Condvar,
    /// What the password of a user that does not exist is compared with.
    nobody: OnceLock<String>,
    /// What hashes are computed in, at most one a place. Kept: the allocator would keep it anyway, for each thread
    /// that ever hashed.
    memory: Mutex<Vec<Vec<Block>>>,
}

#[derive(Default)]
struct Line {
    running: usize,
    running_strangers: usize,
    waiting_familiar: usize,
    waiting_strangers: usize,
    waiting_of: HashMap<Option<Source>, usize>,
}

impl Hashing {
    pub(crate) fn new() -> Hashing {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Hashing {
            places: processors.clamp(2, 8),
            line: Mutex::default(),
            moved: Condvar::new(),
            nobody: OnceLock::new(),
            memory: Mutex::default(),
        }
    }

    /// Does work that hashes, once there is a place for it.
    pub(crate) fn run<T>(
        &self,
        lane: Lane,
        source: Option<Source>,
        work: impl FnOnce() -> T,
    ) -> Result<T, Busy> {
        self.enter(lane, source)?;
        let _place = Place { hashing: self, lane };
        Ok(work())
    }

    fn enter(&self, lane: Lane, source: Option<Source>) -> Result<(), Busy> {
        let mut line = self.lock();
        if self.has_place(&line, lane) {
            line.begin(lane);
            return Ok(());
        }
        let waiting_of = line.waiting_of.get(&source).copied().unwrap_or_default();
        if line.waiting(lane) >= LONGEST_LINE || (lane == Lane::Stranger && waiting_of >= MOST_OF_A_SOURCE) {
            return Err(Busy);
        }
        line.wait(lane, source, true);
        let due = Instant::now() + PATIENCE;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            (line, _) = self.moved.wait_timeout(line, left).unwrap_or_else(PoisonError::into_inner);
            if self.has_place(&line, lane) {
                line.wait(lane, source, false);
                line.begin(lane);
                return Ok(());
            }
            if Instant::now() >= due {
                line.wait(lane, source, false);
                return Err(Busy);
            }
        }
    }

    fn has_place(&self, line: &Line, lane: Lane) -> bool {
        line.running < self.places
            && (lane == Lane::Familiar || line.running_strangers < self.places.saturating_sub(1))
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the password has this hash; `None` stands for a user without a password, or for no user, and
    /// takes the same time. Call it inside [`Hashing::run`].
    pub(crate) fn verifies(&self, password: &str, kept: Option<&str>) -> Result<bool, StoreError> {
        let nobody = match self.nobody.get() {
            Some(nobody) => nobody,
            None => {
                let made = self.hash("a password that nobody has");
                let made = made.map_err(|error| StoreError::Engine(error.to_string()))?;
                self.nobody.get_or_init(|| made)
            }
        };
        let corrupt = || StoreError::Corrupt("a password's hash cannot be read".to_owned());
        let compared = PasswordHash::new(kept.unwrap_or(nobody)).map_err(|_| corrupt())?;
        let algorithm = Algorithm::try_from(compared.algorithm.as_str()).map_err(|_| corrupt())?;
        let version = compared.version.map_or(Ok(Version::default()), Version::try_from);
        let params = Params::try_from(&compared).map_err(|_| corrupt())?;
        let argon = Argon2::new(algorithm, version.map_err(|_| corrupt())?, params);
        let (salt, expected) = compared.salt.zip(compared.hash).ok_or_else(corrupt)?;
        let mut computed = vec![0; expected.len()];
        self.compute(&argon, password, &salt, &mut computed).map_err(|_| corrupt())?;
        let same: bool = computed.ct_eq(expected.as_bytes()).into();
        Ok(same && kept.is_some())
    }

    /// The Argon2id hash of a password, as a PHC string. Call it inside [`Hashing::run`].
    pub(crate) fn hash(&self, password: &str) -> Result<String, DirectoryError> {
        let failed = |error: &dyn std::fmt::Display| StoreError::Engine(error.to_string());
        let mut salt = [0_u8; 16];
        getrandom::fill(&mut salt).map_err(|_| DirectoryError::Randomness)?;
        let argon = Argon2::default();
        let mut computed = [0; Params::DEFAULT_OUTPUT_LEN];
        self.compute(&argon, password, &salt, &mut computed).map_err(|error| failed(&error))?;
        let hash = PasswordHash {
            algorithm: Algorithm::default().ident(),
            version: Some(Version::default().into()),
            params: ParamsString::try_from(argon.params()).map_err(|error| failed(&error))?,
            salt: Some(Salt::new(&salt).map_err(|error| failed(&error))?),
            hash: Some(Output::new(&computed).map_err(|error| failed(&error))?),
        };
        Ok(hash.to_string())
    }

    fn compute(
        &self,
        argon: &Argon2<'_>,
        password: &str,
        salt: &[u8],
        output: &mut [u8],
    ) -> argon2::Result<()> {
        let memory = || self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = memory().pop().unwrap_or_default();
        let needed = argon.params().block_count();
        if blocks.len() < needed {
            blocks.resize(needed, Block::new());
        }
        let outcome = match blocks.get_mut(..needed) {
            Some(blocks) => argon.hash_password_into_with_memory(password.as_bytes(), salt, output, blocks),
            None => Err(argon2::Error::MemoryTooLittle),
        };
        let mut kept = memory();
        if kept.len() < self.places {
            kept.push(blocks);
        }
        outcome
    }
}

impl Line {
    fn begin(&mut self, lane: Lane) {
        self.running += 1;
        self.running_strangers += usize::from(lane == Lane::Stranger);
    }

    fn waiting(&self, lane: Lane) -> usize {
        match lane {
            Lane::Familiar => self.waiting_familiar,
            Lane::Stranger => self.waiting_strangers,
        }
    }

    fn wait(&mut self, lane: Lane, source: Option<Source>, comes: bool) {
        let change = |count: &mut usize| {
            *count = if comes { count.saturating_add(1) } else { count.saturating_sub(1) };
        };
        match lane {
            Lane::Familiar => change(&mut self.waiting_familiar),
            Lane::Stranger => {
                change(&mut self.waiting_strangers);
                let of = self.waiting_of.entry(source).or_default();
                change(of);
                if *of == 0 {
                    self.waiting_of.remove(&source);
                }
            }
        }
    }
}

/// A place in use; given back also when the work panics.
struct Place<'a> {
    hashing: &'a Hashing,
    lane: Lane,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.hashing.lock();
        line.running = line.running.saturating_sub(1);
        if self.lane == Lane::Stranger {
            line.running_strangers = line.running_strangers.saturating_sub(1);
        }
        drop(line);
        self.hashing.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::PasswordHasher;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};

    fn source(n: u32) -> Option<Source> {
        Source::of(Some(std::net::IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0808_0000 + n))))
    }

    #[test]
    fn a_flood_of_strangers_leaves_a_place_for_the_familiar() {
        let hashing = Hashing { places: 2, ..Hashing::new() };
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let started = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                hashing.run(Lane::Stranger, source(0), || {
                    started.wait();
                    held.lock().unwrap().recv().unwrap();
                })
            });
            started.wait();
            // The one place of strangers is taken. A second one waits in line, the familiar do not.
            let second = scope.spawn(|| {
                hashing.run(Lane::Stranger, source(1), || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst)
                })
            });
            assert_eq!(hashing.run(Lane::Familiar, source(0), || 7), Ok(7));
            release.send(()).unwrap();
            assert!(second.join().unwrap().is_ok());
        });
        let line = hashing.lock();
        assert_eq!((line.running, line.running_strangers, line.waiting_strangers), (0, 0, 0));
        assert!(line.waiting_of.is_empty());
    }

    #[test]
    fn a_source_cannot_fill_the_line() {
        let hashing = Hashing { places: 2, ..Hashing::new() };
        let mut line = hashing.lock();
        line.begin(Lane::Stranger);
        for _ in 0..MOST_OF_A_SOURCE {
            line.wait(Lane::Stranger, source(0), true);
        }
        drop(line);
        assert_eq!(hashing.run(Lane::Stranger, source(0), || ()), Err(Busy));
        let mut line = hashing.lock();
        for n in 0..u32::try_from(LONGEST_LINE).unwrap() {
            line.wait(Lane::Stranger, source(n + 1), true);
        }
        drop(line);
        assert_eq!(hashing.run(Lane::Stranger, source(9999), || ()), Err(Busy));
        assert_eq!(hashing.run(Lane::Familiar, source(0), || 1), Ok(1));
    }

    #[test]
    fn nobodys_password_is_never_right() {
        let hashing = Hashing::new();
        assert!(!hashing.verifies("a password that nobody has", None).unwrap());
        let kept = hashing.hash("right").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(hashing.verifies("right", Some(&kept)).unwrap());
        assert!(!hashing.verifies("wrong", Some(&kept)).unwrap());
        assert!(hashing.verifies("right", Some("$argon2id$nonsense")).is_err());
        // As the library makes it by itself.
        let made: PasswordHash =
            Argon2::default().hash_password_with_salt(b"right", b"sixteen octets..").unwrap();
        assert!(hashing.verifies("right", Some(&made.to_string())).unwrap());
        assert_eq!(hashing.memory.lock().unwrap().len(), 1, "one hash at a time, one memory");
    }
}
