//! Client secrets: made here, shown once, kept as a keyed hash.
//!
//! A client secret is 40 random characters of 64, so a fast hash is enough; the key keeps a stolen copy of the
//! table from being tested against anything.

use aws_lc_rs::hmac;
use gatepost_clock::Timestamp;
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::{Conn, Store, StoreError, directory as rows, tenants};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::DirectoryError;

/// Where the key of the hash is kept.
const KEY_NAME: &str = "secret-key";
/// Letters, digits and the two signs that need no quoting in a URL, a form or a shell.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
/// Characters of a client secret.
const LENGTH: usize = 40;
/// Characters of it that are shown forever.
const HINT_LENGTH: usize = 3;

/// The key that client secrets are hashed with.
pub(crate) struct SecretKey(hmac::Key);

impl SecretKey {
    /// Loads the key, or makes it at the first start.
    pub(crate) fn open(store: &Store) -> Result<SecretKey, StoreError> {
        Ok(SecretKey(hmac::Key::new(hmac::HMAC_SHA256, &kept_key(store, KEY_NAME)?)))
    }

    /// The hash of a client secret.
    pub(crate) fn hash(&self, secret: &str) -> Vec<u8> {
        hmac::sign(&self.0, secret.as_bytes()).as_ref().to_vec()
    }
}

/// The server's key of this name, 32 bytes; made at the first start.
pub(crate) fn kept_key(store: &Store, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    if let Some(bytes) = store.read(|conn| tenants::meta(conn, name))? {
        return Ok(Zeroizing::new(bytes));
    }
    let mut fresh = Zeroizing::new(vec![0_u8; 32]);
    getrandom::fill(&mut fresh).map_err(|error| StoreError::Engine(error.to_string()))?;
    store.write(|tx| tenants::set_meta(tx, name, &fresh))?;
    Ok(fresh)
}

/// A new client secret.
pub(crate) fn generate() -> Result<String, DirectoryError> {
    let mut random = Zeroizing::new([0_u8; LENGTH]);
    getrandom::fill(random.as_mut()).map_err(|_| DirectoryError::Randomness)?;
    // 256 is a multiple of 64: no character is likelier than another.
    let characters = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
    Ok(characters.map(|byte| char::from(*byte)).collect())
}

/// What is shown of a secret after its making.
pub(crate) fn hint(secret: &str) -> String {
    secret.chars().take(HINT_LENGTH).collect()
}

/// One client secret of a client, as far as others may know it.
#[derive(Clone, Debug)]
pub struct SecretState {
    /// Its id.
    pub key_id: Uuid,
    /// From when it is good.
    pub start: Timestamp,
    /// Until when it is good.
    pub end: Timestamp,
    hash: Vec<u8>,
}

impl SecretState {
    /// Whether it is good at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.start <= now && now < self.end
    }

    /// Whether this is the hash of the secret. Takes the same time whatever the answer.
    pub(crate) fn matches(&self, hash: &[u8]) -> bool {
        self.hash.as_slice().ct_eq(hash).into()
    }
}

/// The client secrets of an object.
pub(crate) fn states(
    conn: &Conn<'_>,
    tenant: TenantId,
    object: ObjectId,
) -> Result<Vec<SecretState>, StoreError> {
    let kept = rows::secrets(conn, tenant, object)?;
    Ok(kept
        .into_iter()
        .map(|row| SecretState {
            key_id: row.key_id,
            start: gatepost_clock::from_micros(row.start_at),
            end: gatepost_clock::from_micros(row.end_at),
            hash: row.hash,
        })
        .collect())
}
