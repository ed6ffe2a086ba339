//! Secrets that the server itself needs in clear: kept sealed with AES-256-GCM.
//!
//! The key is a row of the same database as the key of client secrets is: sealing keeps a secret out of the hands
//! of who reads one table, a log of statements or a single page, not of who has the whole file.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use gatepost_store::{Store, StoreError};
use zeroize::Zeroizing;

use crate::secrets;

/// Where the key is kept.
const KEY_NAME: &str = "sealing-key";

pub(crate) struct SealingKey(RandomizedNonceKey);

impl SealingKey {
    /// Loads the key, or makes it at the first start.
    pub(crate) fn open(store: &Store) -> Result<SealingKey, StoreError> {
        let bytes = secrets::kept_key(store, KEY_NAME)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes)
            .map_err(|_| StoreError::Corrupt("the sealing key has another length".to_owned()))?;
        Ok(SealingKey(key))
    }

    /// Seals a secret. `owner` says whose it is: it opens for no other.
    pub(crate) fn seal(&self, owner: &[u8], secret: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut text = secret.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(owner), &mut text)
            .map_err(|_| StoreError::Engine("a secret could not be sealed".to_owned()))?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Opens what [`SealingKey::seal`] made.
    pub(crate) fn open_sealed(&self, owner: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let broken = || StoreError::Corrupt("a sealed secret cannot be opened".to_owned());
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(owner), &mut text).map_err(|_| broken())?.len();
        text.truncate(length);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("gatepost.db")).unwrap();
        let key = SealingKey::open(&store).unwrap();
        let sealed = key.seal(b"ada", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(sealed, key.seal(b"ada", b"secret").unwrap());
        let again = SealingKey::open(&store).unwrap();
        assert_eq!(again.open_sealed(b"ada", &sealed).unwrap().as_slice(), b"secret");
        assert!(again.open_sealed(b"bob", &sealed).is_err());
        assert!(again.open_sealed(b"ada", &sealed[1..]).is_err());
        assert!(again.open_sealed(b"ada", &[]).is_err());
    }
}
