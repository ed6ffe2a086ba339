//! Passwords of users: the rule, setting, changing, and signing in with one.
//!
//! SECURITY: an unknown user, a user without a password and a wrong password are one refusal and take the same
//! time; that a user is disabled is told only to who has the right password.

use std::net::IpAddr;

use gatepost_clock::{Timestamp, from_micros};
use gatepost_credentials::password::{self, Weakness};
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::credentials_of_users::{self as rows, PasswordRow};
use gatepost_store::directory::{self as objects, ObjectKind};
use gatepost_store::{StoreError, Tx};

use crate::hashing::Busy;
use crate::lockout::{Lane, Source, Who};
use crate::{Directory, DirectoryError, Principal};

/// A user who has shown the right password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSignIn {
    /// The user.
    pub user: Principal,
    /// What else the user can show.
    pub factors: SecondFactors,
    /// Whether the password has to be changed before anything else (`forceChangePasswordNextSignIn`).
    pub must_change_password: bool,
}

/// What a user has registered beside a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondFactors {
    /// One-time passwords.
    pub totp: bool,
    /// A passkey.
    pub passkey: bool,
}

impl SecondFactors {
    /// Whether there is any.
    pub fn any(self) -> bool {
        self.totp || self.passkey
    }
}

/// Why a user is not signed in. Variants name the AADSTS code that the authority answers with.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// 50126: no such user, or another password, code or key.
    #[error("the user name or what was shown with it is wrong")]
    Wrong,
    /// 50053: too many failures, of this user or from this address.
    #[error("there were too many failed sign-ins; none is looked at until {until}")]
    Locked {
        /// When the next attempt is looked at.
        until: Timestamp,
    },
    /// 50057: the password is right, but the user may not sign in.
    #[error("the user is disabled")]
    Disabled,
    /// The server checks as many passwords as it can. Temporary.
    #[error("too many passwords are being checked")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UserError {
    /// Whether the same attempt may succeed later with nothing else changed.
    pub fn is_temporary(&self) -> bool {
        match self {
            UserError::Busy | UserError::Locked { .. } => true,
            UserError::Store(error) => error.is_temporary(),
            UserError::Wrong | UserError::Disabled => false,
        }
    }
}

impl From<Busy> for UserError {
    fn from(_: Busy) -> UserError {
        UserError::Busy
    }
}

/// Why a user's own change of password was refused.
#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    /// The old password was not accepted.
    #[error(transparent)]
    Refused(#[from] UserError),
    /// The new one is too easily guessed.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// The new one is the old one.
    #[error("The new password must not be the old one.")]
    Same,
    /// The machine gave no randomness.
    #[error("no randomness is available")]
    Randomness,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A password that passed the rule, hashed: what [`Directory::store_password`] takes.
#[derive(Clone)]
pub struct PreparedPassword(String);

impl std::fmt::Debug for PreparedPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PreparedPassword(..)")
    }
}

impl Directory {
    /// Checks a password by the rule and hashes it, which takes a while: call it outside of a transaction. `own`
    /// is what everybody knows of the user: the sign-in name, the display name.
    ///
    /// # Errors
    /// [`DirectoryError::WeakPassword`], [`DirectoryError::Busy`], [`DirectoryError::Randomness`],
    /// [`DirectoryError::Store`].
    pub fn prepare_password(&self, password: &str, own: &[&str]) -> Result<PreparedPassword, DirectoryError> {
        password::check(password, own).map_err(DirectoryError::WeakPassword)?;
        let hashed = self.0.hashing.run(Lane::Familiar, None, || self.0.hashing.hash(password));
        Ok(PreparedPassword(hashed.map_err(|_| DirectoryError::Busy)??))
    }

    /// Sets a user's password; the user's failed sign-ins are forgotten, and what was signed in with the old one
    /// ends.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub fn store_password(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        user: ObjectId,
        prepared: &PreparedPassword,
        must_change: bool,
    ) -> Result<(), DirectoryError> {
        let now = self.0.clock.micros();
        let row = PasswordRow { hash: prepared.0.clone(), must_change, changed_at: now };
        rows::put_password(tx, tenant, user, &row)?;
        gatepost_store::sessions::invalidate_user(tx, tenant, user, now)?;
        let directory = self.clone();
        tx.after_commit(move || directory.0.lockout.forget(tenant, user));
        Ok(())
    }

    /// Whether the user has to choose another password at the next sign-in; for a PATCH of `passwordProfile`
    /// without a password.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub fn require_password_change(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        user: ObjectId,
        must_change: bool,
    ) -> Result<(), DirectoryError> {
        Ok(rows::require_password_change(tx, tenant, user, must_change)?)
    }

    /// Signs a user in with a password. Takes the time of a password hash, also for a user that does not exist.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn sign_in_password(
        &self,
        tenant: TenantId,
        login: &str,
        password: &str,
        source: Option<IpAddr>,
    ) -> Result<UserSignIn, UserError> {
        let found = self.0.store.read(|conn| {
            let user = objects::find_by_login(conn, tenant, login)?;
            match user.filter(|user| user.kind == ObjectKind::User) {
                Some(user) => Ok::<_, StoreError>(Some((user.id, rows::password(conn, tenant, user.id)?))),
                None => Ok(None),
            }
        })?;
        let (who, kept) = match found {
            Some((user, kept)) => (Who::User(tenant, user), kept),
            None => (self.0.lockout.name(tenant, login), None),
        };
        self.compare(who, kept.as_ref(), password, source)?;
        let Who::User(_, user) = who else { return Err(UserError::Wrong) };
        let user = self.principal(tenant, user)?.ok_or(UserError::Wrong)?;
        if !user.enabled {
            return Err(UserError::Disabled);
        }
        self.0.lockout.succeeded(who, Source::of(source));
        let factors = self.second_factors(tenant, user.id)?;
        Ok(UserSignIn { user, factors, must_change_password: kept.is_some_and(|kept| kept.must_change) })
    }

    /// Whether the password is the one that is kept; failures count.
    fn compare(
        &self,
        who: Who,
        kept: Option<&PasswordRow>,
        password: &str,
        source: Option<IpAddr>,
    ) -> Result<(), UserError> {
        let source = Source::of(source);
        let lockout = &self.0.lockout;
        let locked = |until| UserError::Locked { until };
        let lane = lockout.check(who, source).map_err(locked)?;
        // Nobody has a longer password, and hashing megabytes is not for free.
        let fits = password.chars().count() <= password::LONGEST;
        let shown = if fits { password } else { "" };
        let right = self.0.hashing.run(lane, source, || {
            // Those before in line may have used the attempts up.
            lockout.check(who, source).map_err(locked)?;
            let right = self.0.hashing.verifies(shown, kept.map(|kept| kept.hash.as_str()))? && fits;
            if !right {
                lockout.failed(who, source, lockout.guess(password));
            }
            Ok::<_, UserError>(right)
        })??;
        if right { Ok(()) } else { Err(UserError::Wrong) }
    }

    /// Changes a user's own password, by showing the old one.
    ///
    /// # Errors
    /// [`PasswordChangeError`].
    pub fn change_password(
        &self,
        tenant: TenantId,
        user: ObjectId,
        old: &str,
        new: &str,
        source: Option<IpAddr>,
    ) -> Result<(), PasswordChangeError> {
        let principal = self.principal(tenant, user)?.ok_or(UserError::Wrong)?;
        let kept = self.0.store.read(|conn| rows::password(conn, tenant, user))?;
        self.compare(Who::User(tenant, user), kept.as_ref(), old, source)?;
        if old == new {
            return Err(PasswordChangeError::Same);
        }
        let login = principal.login.as_deref().unwrap_or_default();
        let prepared = self.prepare_password(new, &[login, &principal.display_name]).map_err(of_directory)?;
        self.0
            .store
            .write(|tx| self.store_password(tx, tenant, user, &prepared, false))
            .map_err(of_directory)?;
        self.0.lockout.succeeded(Who::User(tenant, user), Source::of(source));
        Ok(())
    }

    /// When a user's password was set last; `None` for a user without one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn password_changed_at(
        &self,
        tenant: TenantId,
        user: ObjectId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let kept = self.0.store.read(|conn| rows::password(conn, tenant, user))?;
        Ok(kept.map(|kept| from_micros(kept.changed_at)))
    }

    /// What a user has registered beside a password.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn second_factors(&self, tenant: TenantId, user: ObjectId) -> Result<SecondFactors, StoreError> {
        self.0.store.read(|conn| {
            Ok(SecondFactors {
                totp: rows::one_time(conn, tenant, user, true)?.is_some(),
                passkey: !rows::passkeys(conn, tenant, user)?.is_empty(),
            })
        })
    }
}

fn of_directory(error: DirectoryError) -> PasswordChangeError {
    match error {
        DirectoryError::WeakPassword(weakness) => PasswordChangeError::Weak(weakness),
        DirectoryError::Randomness => PasswordChangeError::Randomness,
        DirectoryError::Store(error) => PasswordChangeError::Store(error),
        // Nothing else comes of preparing and storing a password.
        _ => PasswordChangeError::Refused(UserError::Busy),
    }
}
