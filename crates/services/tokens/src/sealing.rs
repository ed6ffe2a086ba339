//! The server's own secret for what it gives out and recognises again: refresh tokens, tickets of sign-in pages,
//! users' names for one client.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_names::{ApplicationId, ObjectId};
use gatepost_store::{Store, StoreError, tenants};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Where the secret is kept.
const KEY_NAME: &str = "sign-in-key";
const MAC: usize = 32;
/// Grant, number, randomness.
const REFRESH_BODY: usize = 16 + 8 + 16;

/// What the secret is used for; no two uses can be taken for each other.
#[derive(Clone, Copy)]
enum Use {
    Refresh = 1,
    Ticket = 2,
    Subject = 3,
}

pub(crate) struct Sealing(hmac::Key);

impl Sealing {
    /// Loads the secret, or makes it at the first start.
    pub(crate) fn open(store: &Store) -> Result<Sealing, StoreError> {
        let bytes = match store.read(|conn| tenants::meta(conn, KEY_NAME))? {
            Some(bytes) => Zeroizing::new(bytes),
            None => {
                let mut fresh = Zeroizing::new(vec![0_u8; 32]);
                getrandom::fill(&mut fresh).map_err(|error| StoreError::Engine(error.to_string()))?;
                store.write(|tx| tenants::set_meta(tx, KEY_NAME, &fresh))?;
                fresh
            }
        };
        Ok(Sealing(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// A refresh token: the grant and its number, unguessable and unforgeable.
    pub(crate) fn refresh_token(&self, grant: Uuid, number: i64) -> Option<String> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).ok()?;
        let mut token = Vec::with_capacity(REFRESH_BODY + MAC);
        token.extend_from_slice(grant.as_bytes());
        token.extend_from_slice(&number.to_be_bytes());
        token.extend_from_slice(&random);
        let mac = self.mac(Use::Refresh, &[&token]);
        token.extend_from_slice(mac.as_ref());
        Some(format!("1.{}", URL_SAFE_NO_PAD.encode(token)))
    }

    /// The grant and the number of a refresh token that this server made.
    pub(crate) fn read_refresh_token(&self, token: &str) -> Option<(Uuid, i64)> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("1.")?).ok()?;
        let (body, mac) = bytes.split_at_checked(REFRESH_BODY)?;
        if mac.len() != MAC || !self.verifies(Use::Refresh, &[body], mac) {
            return None;
        }
        let (grant, rest) = body.split_first_chunk::<16>()?;
        let (number, _) = rest.split_first_chunk::<8>()?;
        Some((Uuid::from_bytes(*grant), i64::from_be_bytes(*number)))
    }

    /// A text that only this server can have given to the browser with this cookie.
    pub(crate) fn ticket(&self, cookie: &str, text: &str) -> String {
        let mac = self.mac(Use::Ticket, &[cookie.as_bytes(), text.as_bytes()]);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(mac))
    }

    /// The text of a ticket.
    pub(crate) fn read_ticket(&self, cookie: &str, ticket: &str) -> Option<String> {
        let (text, mac) = ticket.split_once('.')?;
        let text = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        if !self.verifies(Use::Ticket, &[cookie.as_bytes(), &text], &mac) {
            return None;
        }
        String::from_utf8(text).ok()
    }

    /// The user's name for one client: two clients cannot tell that they speak of one user (OpenID Connect Core
    /// section 8).
    pub(crate) fn subject(&self, client: ApplicationId, user: ObjectId) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(Use::Subject, &[client.bytes().as_ref(), user.bytes().as_ref()]))
    }

    fn context(&self, what: Use, parts: &[&[u8]]) -> Vec<u8> {
        let mut message = vec![what as u8];
        for part in parts {
            // With their lengths, so that no part can lend bytes to the next.
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part);
        }
        message
    }

    fn mac(&self, what: Use, parts: &[&[u8]]) -> hmac::Tag {
        hmac::sign(&self.0, &self.context(what, parts))
    }

    /// In constant time.
    fn verifies(&self, what: Use, parts: &[&[u8]], mac: &[u8]) -> bool {
        hmac::verify(&self.0, &self.context(what, parts), mac).is_ok()
    }
}

/// A new code or cookie: 256 random bits.
pub(crate) fn handle() -> Option<String> {
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(random.as_mut()).ok()?;
    Some(URL_SAFE_NO_PAD.encode(random.as_slice()))
}

/// How the store knows a code, cookie or token.
pub(crate) fn hash(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealing() -> (tempfile::TempDir, Sealing) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        let sealing = Sealing::open(&store).unwrap();
        (dir, sealing)
    }

    #[test]
    fn refresh_tokens_are_recognised_and_cannot_be_made() {
        let (_dir, sealing) = sealing();
        let grant = Uuid::new_v4();
        let token = sealing.refresh_token(grant, 7).unwrap();
        assert_eq!(sealing.read_refresh_token(&token), Some((grant, 7)));
        assert_ne!(sealing.refresh_token(grant, 7).unwrap(), token);
        for at in 2..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(sealing.read_refresh_token(&String::from_utf8(forged).unwrap()), None, "{at}");
        }
        for junk in ["", "1.", "x", "1.AAAA", token.split_at(token.len() - 1).0] {
            assert_eq!(sealing.read_refresh_token(junk), None);
        }
    }

    #[test]
    fn a_ticket_is_for_one_browser() {
        let (_dir, sealing) = sealing();
        let ticket = sealing.ticket("cookie", "text");
        assert_eq!(sealing.read_ticket("cookie", &ticket).as_deref(), Some("text"));
        assert_eq!(sealing.read_ticket("other", &ticket), None);
        assert_eq!(sealing.read_ticket("cookie", "dGV4dA.AAAA"), None);
        // The borders between cookie and text count.
        assert_eq!(sealing.read_ticket("cooki", &sealing.ticket("cookie", "x")), None);
    }
}
