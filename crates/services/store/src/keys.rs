//! The keys that sign tokens.

use crate::{Conn, StoreError, Tx, params};

/// A signing key with its certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// `kid` of the tokens that it signs.
    pub kid: String,
    /// PKCS #8.
    pub private_key: Vec<u8>,
    /// DER.
    pub certificate: Vec<u8>,
    /// Microseconds since the Unix epoch; so for the next.
    pub created_at: i64,
    /// From when on it signs: it is published before.
    pub signs_from: i64,
}

impl std::fmt::Debug for SigningKeyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeyRow").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// All signing keys, the newest first. There are never more than a handful.
///
/// # Errors
/// [`StoreError`].
pub fn signing_keys(conn: &Conn<'_>) -> Result<Vec<SigningKeyRow>, StoreError> {
    conn.query(
        "SELECT kid, private_key, certificate, created_at, signs_from FROM signing_keys ORDER BY created_at DESC, kid",
        &[],
        |row| {
            Ok(SigningKeyRow {
                kid: row.text(0)?,
                private_key: row.blob(1)?,
                certificate: row.blob(2)?,
                created_at: row.int(3)?,
                signs_from: row.int(4)?,
            })
        },
    )
}

/// Adds a signing key.
///
/// # Errors
/// [`StoreError::Conflict`] if there is one with this `kid`.
pub fn insert_signing_key(tx: &Tx<'_>, key: &SigningKeyRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO signing_keys (kid, private_key, certificate, created_at, signs_from) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            &key.kid,
            key.private_key.as_slice(),
            key.certificate.as_slice(),
            key.created_at,
            key.signs_from,
        ],
    )
    .map(|_| ())
}

/// Removes a signing key: tokens that it signed are no longer accepted.
///
/// # Errors
/// [`StoreError`].
pub fn delete_signing_key(tx: &Tx<'_>, kid: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM signing_keys WHERE kid = ?1", params![kid]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn the_newest_key_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let key = |kid: &str, created_at| SigningKeyRow {
            kid: kid.to_owned(),
            private_key: vec![1],
            certificate: vec![2],
            created_at,
            signs_from: created_at,
        };
        store.write(|tx| insert_signing_key(tx, &key("old", 1))).unwrap();
        store.write(|tx| insert_signing_key(tx, &key("new", 2))).unwrap();
        assert!(store.write(|tx| insert_signing_key(tx, &key("new", 3))).is_err());
        assert_eq!(store.read(signing_keys).unwrap(), [key("new", 2), key("old", 1)]);
    }
}
