//! What can go wrong in the store, by what the caller can do about it.

/// Why the store could not do it. The text is for the log: edges never show it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// No space is left; nothing was written. Temporary.
    #[error("no space is left on the store's device")]
    Full,
    /// Another process holds the database for too long. Temporary.
    #[error("the store is busy")]
    Busy,
    /// A uniqueness rule of the schema refused the row. Two writers raced; the caller decides who won.
    #[error("the row exists already: {0}")]
    Conflict(String),
    /// Stored data is not what this version writes.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// A page was asked for after a row that lies in none of the listed places: the client made it up, or the
    /// place is gone meanwhile.
    #[error("the listing does not contain the row to go on after")]
    UnknownCursor,
    /// Everything else, in the engine's words.
    #[error("the store failed: {0}")]
    Engine(String),
}

impl StoreError {
    /// Whether the same request may succeed later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, StoreError::Full | StoreError::Busy)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode;
        match &error {
            rusqlite::Error::SqliteFailure(failure, detail) => match failure.code {
                ErrorCode::DiskFull => StoreError::Full,
                // Linux reports a full disk as an I/O error when it strikes inside a sync or a truncate.
                ErrorCode::SystemIoFailure if is_write_failure(failure.extended_code) => StoreError::Full,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
                ErrorCode::ConstraintViolation => {
                    StoreError::Conflict(detail.clone().unwrap_or_else(|| error.to_string()))
                }
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    StoreError::Corrupt(error.to_string())
                }
                _ => StoreError::Engine(error.to_string()),
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => StoreError::Corrupt(error.to_string()),
            _ => StoreError::Engine(error.to_string()),
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> StoreError {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full,
            _ => StoreError::Engine(error.to_string()),
        }
    }
}

fn is_write_failure(extended: std::ffi::c_int) -> bool {
    use rusqlite::ffi::{
        SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE,
    };
    [SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_SHMSIZE].contains(&extended)
}
