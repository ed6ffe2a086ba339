//! Browsers in which users are signed in, and the tickets that their pages carry.

use gatepost_names::{ObjectId, TenantId};
use gatepost_store::sessions::{SessionRow, delete_session, insert_session, session, valid_from};
use uuid::Uuid;

use crate::users::SignedInUser;
use crate::{GrantError, Tokens, sealing};

/// How long a browser stays signed in: a day.
const SESSION_MICROS: i64 = 24 * 3600 * 1_000_000;

/// A browser in which a user is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserSession {
    /// Its name.
    pub id: Uuid,
    /// The user.
    pub user: SignedInUser,
}

impl Tokens {
    /// A cookie for a browser that nobody is signed in in yet.
    ///
    /// # Errors
    /// [`GrantError::Signing`] without randomness.
    pub fn new_cookie(&self) -> Result<String, GrantError> {
        sealing::handle().ok_or(GrantError::Signing)
    }

    /// Signs a user in in a browser, which gets a new cookie: whoever knew the old one knows nothing.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn begin_session(
        &self,
        tenant: TenantId,
        user: ObjectId,
        methods: &[&str],
        old_cookie: Option<&str>,
    ) -> Result<(String, BrowserSession), GrantError> {
        let cookie = self.new_cookie()?;
        let now = self.0.clock.micros();
        let row = SessionRow {
            handle: sealing::hash(&cookie),
            id: Uuid::new_v4(),
            tenant,
            user,
            methods: methods.join(" "),
            signed_in_at: now,
            expires_at: now + SESSION_MICROS,
        };
        self.0.store.write_queue(|tx| {
            if let Some(old) = old_cookie {
                delete_session(tx, &sealing::hash(old))?;
            }
            insert_session(tx, &row)
        })?;
        Ok((cookie, session_of(row)))
    }

    /// The user who is signed in in the browser with this cookie, if one is.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn session(&self, cookie: &str) -> Result<Option<BrowserSession>, GrantError> {
        let found = self.0.store.read(|conn| match session(conn, &sealing::hash(cookie))? {
            Some(row) => {
                let valid_from = valid_from(conn, row.tenant, row.user)?;
                Ok::<_, gatepost_store::StoreError>(Some((row, valid_from)))
            }
            None => Ok(None),
        })?;
        let Some((row, valid_from)) = found else { return Ok(None) };
        let over = self.0.clock.micros() >= row.expires_at || row.signed_in_at < valid_from;
        let lives = self.0.directory.principal(row.tenant, row.user)?.is_some_and(|user| user.enabled);
        Ok((!over && lives).then(|| session_of(row)))
    }

    /// Whether what a user proved at a time, in microseconds, still counts: the user is enabled, and nothing
    /// revoked the user's sign-ins since.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn counts(&self, tenant: TenantId, user: ObjectId, at: i64) -> Result<bool, GrantError> {
        let valid_from = self.0.store.read(|conn| valid_from(conn, tenant, user))?;
        Ok(at >= valid_from && self.0.directory.principal(tenant, user)?.is_some_and(|user| user.enabled))
    }

    /// Signs the user of a browser out of it.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn end_session(&self, cookie: &str) -> Result<bool, GrantError> {
        Ok(self.0.store.write_queue(|tx| delete_session(tx, &sealing::hash(cookie)))?)
    }

    /// A text that only this server can have given to the browser with this cookie.
    pub fn ticket(&self, cookie: &str, text: &str) -> String {
        self.0.sealing.ticket(cookie, text)
    }

    /// The text of a ticket; `None` if the server never gave it to the browser with this cookie.
    pub fn read_ticket(&self, cookie: &str, ticket: &str) -> Option<String> {
        self.0.sealing.read_ticket(cookie, ticket)
    }
}

fn session_of(row: SessionRow) -> BrowserSession {
    BrowserSession {
        id: row.id,
        user: SignedInUser {
            tenant: row.tenant,
            user: row.user,
            methods: row.methods.split(' ').map(str::to_owned).collect(),
            signed_in_at: row.signed_in_at,
        },
    }
}
