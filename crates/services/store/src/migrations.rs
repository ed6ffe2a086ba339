//! The schema as numbered steps, forward only, each run once and in its own transaction.

use crate::StoreError;

/// Number, name and statements of each step. A step that was released never changes.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "tenants", include_str!("../migrations/0001_tenants.sql")),
    (2, "directory", include_str!("../migrations/0002_directory.sql")),
    (3, "access", include_str!("../migrations/0003_access.sql")),
    (4, "resources", include_str!("../migrations/0004_resources.sql")),
    (5, "messages", include_str!("../migrations/0005_messages.sql")),
    (6, "access control", include_str!("../migrations/0006_access_control.sql")),
    (7, "activity", include_str!("../migrations/0007_activity.sql")),
    (8, "directory", include_str!("../migrations/0008_directory.sql")),
    (9, "sign-in", include_str!("../migrations/0009_sign_in.sql")),
    (10, "credentials", include_str!("../migrations/0010_credentials.sql")),
];

/// Brings the schema up to date.
///
/// # Errors
/// [`StoreError::Corrupt`] for a database that a newer version wrote.
pub(crate) fn run(connection: &mut rusqlite::Connection) -> Result<(), StoreError> {
    let done: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let newest = MIGRATIONS.last().map_or(0, |(number, ..)| *number);
    if done > newest {
        return Err(StoreError::Corrupt(format!(
            "the schema is at step {done}, this version knows {newest}: it was written by a newer version"
        )));
    }
    for (number, name, statements) in MIGRATIONS.iter().filter(|(number, ..)| *number > done) {
        let tx = connection.transaction()?;
        tx.execute_batch(statements)?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
        tracing::debug!(number, name, "schema step done");
    }
    Ok(())
}
