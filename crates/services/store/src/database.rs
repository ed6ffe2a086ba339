//! Connections and transactions.
//!
//! One connection writes, behind a lock; a small pool reads, each read in its own snapshot. What commits is on
//! disk before [`Store::write`] returns.

use std::cell::RefCell;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::{Param, Row, StoreError, migrations};

/// Read connections that are kept open; more are opened under load and closed again.
const IDLE_READERS: usize = 8;
/// How long a statement waits for another process (a backup, an operator's query) before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements that a connection keeps.
const CACHED_STATEMENTS: usize = 256;

/// The database. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    writer: Mutex<rusqlite::Connection>,
    readers: Mutex<Vec<rusqlite::Connection>>,
    version: AtomicU64,
}

impl Store {
    /// Opens the database file, makes it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] for a file of a newer version.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        let mut writer = connect(path)?;
        migrations::run(&mut writer)?;
        Ok(Store(Arc::new(Inner {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
            version: AtomicU64::new(1),
        })))
    }

    /// A number that grows with each committed [`Store::write`] that changed a row. A value read from the store may be kept for as
    /// long as this stays what it was *before* the read began.
    pub fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }

    /// Runs `work` on one snapshot of the data.
    ///
    /// # Errors
    /// What `work` answers, or the engine's error.
    pub fn read<T, E: From<StoreError>>(&self, work: impl FnOnce(&Conn<'_>) -> Result<T, E>) -> Result<T, E> {
        let pooled = self.readers().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => connect(&self.0.path)?,
        };
        let begun = connection.execute_batch("BEGIN DEFERRED").map_err(StoreError::from);
        let outcome = match begun {
            Ok(()) => work(&Conn(&connection)),
            Err(error) => Err(error.into()),
        };
        let ended = connection.execute_batch("COMMIT").is_ok();
        let mut readers = self.readers();
        if ended && readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        outcome
    }

    /// Runs `work` in a transaction. It commits when `work` answers `Ok`, and is rolled back otherwise. When
    /// this returns `Ok`, the change is on disk, [`Store::version`] has grown if any row changed, and the hooks of
    /// [`Tx::after_commit`] have run, in the order of the commits.
    ///
    /// # Errors
    /// What `work` answers, or the engine's error.
    pub fn write<T, E: From<StoreError>>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.transact(work, true)
    }

    /// As [`Store::write`], for the queue's own bookkeeping: it leaves [`Store::version`] alone, so that a
    /// message on its way does not empty anybody's cache.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_queue<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transact(work, false)
    }

    fn transact<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
        new_version: bool,
    ) -> Result<T, E> {
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let changes_before = transaction.total_changes();
        let tx = Tx { conn: Conn(&transaction), hooks: RefCell::new(Vec::new()) };
        let answer = work(&tx)?;
        let hooks = tx.hooks.take();
        drop(tx);
        let changed = transaction.total_changes() != changes_before;
        transaction.commit().map_err(StoreError::from)?;
        // What was read before is as true as it was when nothing changed.
        if new_version && changed {
            self.0.version.fetch_add(1, Ordering::AcqRel);
        }
        // INVARIANT: hooks run before the writer's lock is given up, so in-memory copies see commits in order.
        for hook in hooks {
            hook();
        }
        Ok(answer)
    }

    /// Asks the engine to check the whole file; answers what it finds wrong, an empty list if nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the check itself cannot run.
    pub fn verify(&self) -> Result<Vec<String>, StoreError> {
        self.read(|conn| {
            let mut found = conn.query("PRAGMA integrity_check", &[], |row| row.text(0))?;
            found.retain(|line| line != "ok");
            found.extend(conn.query("PRAGMA foreign_key_check", &[], |row| {
                Ok(format!("a row of {} refers to a missing row of {}", row.text(0)?, row.text(2)?))
            })?);
            Ok(found)
        })
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<rusqlite::Connection>> {
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.0.path).finish_non_exhaustive()
    }
}

fn connect(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // A plan must not depend on the values bound: otherwise a cached statement is prepared again each time.
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

/// A connection inside a transaction, to run statements on.
pub struct Conn<'a>(&'a rusqlite::Connection);

impl Conn<'_> {
    /// Runs a statement that answers no rows; answers how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<usize, StoreError> {
        Ok(self.0.prepare_cached(sql)?.execute(rusqlite::params_from_iter(params))?)
    }

    /// Runs a query and maps each row.
    ///
    /// # Errors
    /// [`StoreError`], or what `map` answers.
    pub fn query<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        let mut mapped = Vec::new();
        while let Some(row) = rows.next()? {
            mapped.push(map(&Row(row))?);
        }
        Ok(mapped)
    }

    /// Runs a query and hands each row to `take`, without keeping any: there may be very many.
    ///
    /// # Errors
    /// [`StoreError`], or what `take` answers.
    pub fn query_each(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut take: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            take(&Row(row))?;
        }
        Ok(())
    }

    /// Runs a query of which at most the first row matters.
    ///
    /// # Errors
    /// [`StoreError`], or what `map` answers.
    pub fn query_one<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        map: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        rows.next()?.map(|row| map(&Row(row))).transpose()
    }
}

/// A transaction that writes. Reads through it see its own writes.
pub struct Tx<'a> {
    conn: Conn<'a>,
    hooks: RefCell<Vec<Box<dyn FnOnce()>>>,
}

impl Tx<'_> {
    /// Runs `hook` once the transaction is on disk, before the caller of [`Store::write`] goes on; not at all
    /// if it is rolled back. A hook keeps a copy in memory true; it cannot fail.
    pub fn after_commit(&self, hook: impl FnOnce() + 'static) {
        self.hooks.borrow_mut().push(Box::new(hook));
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = Conn<'a>;

    fn deref(&self) -> &Conn<'a> {
        &self.conn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    fn temporary() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        (dir, store)
    }

    fn put(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
        tx.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", params![name, vec![1_u8]]).map(|_| ())
    }

    #[test]
    fn a_refused_transaction_leaves_nothing() {
        let (_dir, store) = temporary();
        let before = store.version();
        let ran = std::rc::Rc::new(std::cell::Cell::new(false));
        let refused: Result<(), StoreError> = store.write(|tx| {
            put(tx, "a")?;
            let ran = ran.clone();
            tx.after_commit(move || ran.set(true));
            Err(StoreError::Busy)
        });
        assert!(refused.is_err());
        assert!(!ran.get());
        assert_eq!(store.version(), before);
        let count = store.read(|c| c.query_one("SELECT count(*) FROM meta", &[], |r| r.int(0))).unwrap();
        assert_eq!(count, Some(0));
    }

    #[test]
    fn a_commit_is_seen_by_readers_and_grows_the_version() {
        let (_dir, store) = temporary();
        let before = store.version();
        store.write(|tx| put(tx, "a")).unwrap();
        assert!(store.version() > before);
        assert!(matches!(store.write(|tx| put(tx, "a")), Err(StoreError::Conflict(_))));
        let at = store.version();
        store.write_queue(|tx| put(tx, "b")).unwrap();
        assert_eq!(store.version(), at);
        assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_transaction_that_only_reads_keeps_the_version() {
        let (_dir, store) = temporary();
        store.write(|tx| put(tx, "a")).unwrap();
        let before = store.version();
        store.write(|tx| tx.query_one("SELECT count(*) FROM meta", &[], |r| r.int(0))).unwrap();
        store.write(|tx| tx.execute("DELETE FROM meta WHERE name = 'b'", &[])).unwrap();
        assert_eq!(store.version(), before);
        store.write(|tx| tx.execute("UPDATE meta SET value = x'02'", &[])).unwrap();
        assert!(store.version() > before);
        let before = store.version();
        store.write(|tx| tx.execute("DELETE FROM meta", &[])).unwrap();
        assert!(store.version() > before, "also for a delete of every row");
    }

    #[test]
    fn a_database_of_a_newer_version_is_refused() {
        let (dir, store) = temporary();
        drop(store);
        let path = dir.path().join("gatepost.db");
        rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 9999).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Corrupt(_))));
    }
}
