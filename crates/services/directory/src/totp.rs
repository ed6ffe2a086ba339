//! One-time passwords of users (RFC 6238): setting up, using, removing.
//!
//! The secret is told once, while it is set up; it counts only after a code of it was shown, so that a user
//! whose app did not take it is not locked out. Each code is good once.

use std::net::IpAddr;

use gatepost_credentials::totp;
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::credentials_of_users::{self as rows, OneTimeRow};
use gatepost_store::{StoreError, Tx};
use zeroize::Zeroizing;

use crate::{Directory, UserError};

/// What a user's app is told, once.
#[derive(Clone)]
pub struct TotpEnrolment {
    /// The secret as people type it.
    pub secret: String,
    /// The same as an `otpauth` URI, for a QR code.
    pub uri: String,
}

impl std::fmt::Debug for TotpEnrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpEnrolment(..)")
    }
}

impl Directory {
    /// Makes a secret for a user, in the place of one that is still being set up. `issuer` is what the app shows.
    /// The caller has made sure that it is the user.
    ///
    /// # Errors
    /// [`UserError::Wrong`] if there is no such user; [`UserError::Store`].
    pub fn begin_totp(
        &self,
        tenant: TenantId,
        user: ObjectId,
        issuer: &str,
    ) -> Result<TotpEnrolment, UserError> {
        let principal = self.principal(tenant, user)?.ok_or(UserError::Wrong)?;
        let account = principal.login.ok_or(UserError::Wrong)?;
        let mut secret = Zeroizing::new([0_u8; totp::SECRET_LENGTH]);
        getrandom::fill(secret.as_mut()).map_err(|error| StoreError::Engine(error.to_string()))?;
        let sealed = self.0.sealing.seal(&owner(tenant, user), secret.as_ref())?;
        let row = OneTimeRow { confirmed: false, secret: sealed, used_step: 0 };
        let now = self.0.clock.micros();
        self.0.store.write(|tx| rows::put_one_time(tx, tenant, user, &row, now))?;
        Ok(TotpEnrolment {
            secret: totp::base32(secret.as_ref()),
            uri: totp::provisioning_uri(issuer, &account, secret.as_ref()),
        })
    }

    /// Makes the secret that is being set up count, in the place of an earlier one: the user has shown a code of
    /// it.
    ///
    /// # Errors
    /// [`UserError::Wrong`], [`UserError::Locked`], [`UserError::Store`].
    pub fn confirm_totp(&self, tenant: TenantId, user: ObjectId, code: &str) -> Result<(), UserError> {
        let (row, step) = self.accepted(tenant, user, false, code)?;
        let now = self.0.clock.micros();
        let confirmed = OneTimeRow { confirmed: true, used_step: step, ..row };
        self.0.store.write(|tx| {
            rows::put_one_time(tx, tenant, user, &confirmed, now)?;
            rows::delete_one_time(tx, tenant, user, true)
        })?;
        Ok(())
    }

    /// Checks a user's code, and uses it up. Failures count towards a lock-out of the user's codes.
    ///
    /// # Errors
    /// [`UserError::Wrong`], [`UserError::Locked`], [`UserError::Store`].
    pub fn verify_totp(
        &self,
        tenant: TenantId,
        user: ObjectId,
        code: &str,
        source: Option<IpAddr>,
    ) -> Result<(), UserError> {
        let (_, step) = self.accepted(tenant, user, true, code).inspect_err(|error| {
            if matches!(error, UserError::Locked { .. }) {
                tracing::warn!(%tenant, %user, ?source, "too many wrong one-time passwords");
            }
        })?;
        // Of two that come with the same code at once, one is late here.
        if !self.0.store.write_queue(|tx| rows::use_step(tx, tenant, user, step))? {
            self.0.lockout.second_failed(tenant, user);
            return Err(UserError::Wrong);
        }
        self.0.lockout.second_succeeded(tenant, user);
        Ok(())
    }

    /// Removes a user's one-time passwords; whether there were any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_totp(&self, tx: &Tx<'_>, tenant: TenantId, user: ObjectId) -> Result<bool, StoreError> {
        rows::delete_one_time(tx, tenant, user, false)
    }

    /// The user's secret and the step whose code was shown.
    fn accepted(
        &self,
        tenant: TenantId,
        user: ObjectId,
        confirmed: bool,
        code: &str,
    ) -> Result<(OneTimeRow, i64), UserError> {
        let lockout = &self.0.lockout;
        lockout.check_second(tenant, user).map_err(|until| UserError::Locked { until })?;
        let row = self.0.store.read(|conn| rows::one_time(conn, tenant, user, confirmed))?;
        let Some(row) = row else { return Err(UserError::Wrong) };
        let secret = self.0.sealing.open_sealed(&owner(tenant, user), &row.secret)?;
        let now = self.0.clock.now().as_second();
        match totp::accepted_step(&secret, code, now, row.used_step) {
            Some(step) => Ok((row, step)),
            None => {
                lockout.second_failed(tenant, user);
                Err(UserError::Wrong)
            }
        }
    }
}

/// Whose a sealed secret is.
fn owner(tenant: TenantId, user: ObjectId) -> Vec<u8> {
    [&b"totp"[..], &tenant.bytes(), &user.bytes()].concat()
}
