//! Passkeys of users (Web Authentication): making, using, removing.
//!
//! What a ceremony has to remember until it is finished is sealed and carried by the page, so that nobody can fill
//! the server's memory by beginning ceremonies. Each is finished at most once, within five minutes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_clock::{Timestamp, from_micros};
use gatepost_credentials::passkey::{self, ALGORITHMS, Party};
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::credentials_of_users::{self as rows, PasskeyRow};
use gatepost_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::lockout::{Source, Who};
use crate::{Directory, UserError, UserSignIn};

/// How long a ceremony may take, in microseconds.
const PATIENCE: i64 = 5 * 60 * 1_000_000;
/// Bytes of a challenge (section 13.4.3 asks for sixteen at least).
const CHALLENGE_LENGTH: usize = 32;
/// Passkeys of a user.
const MOST_PASSKEYS: usize = 20;
/// Most characters of a passkey's name.
const LONGEST_NAME: usize = 64;
/// Ceremonies that are remembered as finished.
const MOST_FINISHED: usize = 100_000;
/// What sealed ceremonies are sealed for.
const OWNER: &[u8] = b"passkey ceremony";

/// Whom passkeys are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyParty<'a> {
    /// The host name of the sign-in pages.
    pub id: &'a str,
    /// Their origin: scheme, host and port.
    pub origin: &'a str,
    /// What people see.
    pub name: &'a str,
}

/// A ceremony that has begun.
#[derive(Clone, Debug)]
pub struct PasskeyChallenge {
    /// What the page hands to the browser: `PublicKeyCredentialCreationOptionsJSON` or
    /// `PublicKeyCredentialRequestOptionsJSON`.
    pub options: Value,
    /// What the page sends back with the browser's answer.
    pub state: String,
}

/// A passkey as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// The authenticator's name for it, in base64url.
    pub id: String,
    /// What the user calls it.
    pub display_name: String,
    /// When it was made.
    pub created: Timestamp,
}

/// What a ceremony remembers.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Ceremony {
    making: bool,
    tenant: TenantId,
    user: Option<ObjectId>,
    challenge: Vec<u8>,
    until: i64,
}

/// Ceremonies that are finished, until they would have ended anyway.
#[derive(Default)]
pub(crate) struct Finished(Mutex<HashMap<Vec<u8>, i64>>);

impl Finished {
    /// Notes that a ceremony is finished; whether it was not before.
    fn note(&self, challenge: &[u8], until: i64, now: i64) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_FINISHED {
            kept.retain(|_, until| *until > now);
        }
        // SECURITY: where there is no room to remember it, it does not count.
        kept.len() < MOST_FINISHED && kept.insert(challenge.to_vec(), until).is_none()
    }
}

impl Directory {
    /// Begins to make a passkey for a user. The caller has made sure that it is the user.
    ///
    /// # Errors
    /// [`UserError::Wrong`] if there is no such user, or it has as many as it may; [`UserError::Store`].
    pub fn begin_passkey(
        &self,
        tenant: TenantId,
        user: ObjectId,
        party: &PasskeyParty<'_>,
    ) -> Result<PasskeyChallenge, UserError> {
        let principal = self.principal(tenant, user)?.ok_or(UserError::Wrong)?;
        let login = principal.login.ok_or(UserError::Wrong)?;
        let present = self.0.store.read(|conn| rows::passkeys(conn, tenant, user))?;
        if present.len() >= MOST_PASSKEYS {
            return Err(UserError::Wrong);
        }
        let (challenge, state) = self.begin_ceremony(true, tenant, Some(user))?;
        let algorithms: Vec<Value> =
            ALGORITHMS.iter().map(|algorithm| json!({ "type": "public-key", "alg": algorithm })).collect();
        let options = json!({
            "rp": { "id": party.id, "name": party.name },
            "user": {
                "id": URL_SAFE_NO_PAD.encode(user.bytes()), "name": login, "displayName": principal.display_name,
            },
            "challenge": challenge,
            "pubKeyCredParams": algorithms,
            "timeout": PATIENCE / 1000,
            "excludeCredentials": described(&present),
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
            },
            "attestation": "none",
        });
        Ok(PasskeyChallenge { options, state })
    }

    /// Finishes it: `credential` is the browser's `PublicKeyCredential` as JSON.
    ///
    /// # Errors
    /// [`UserError::Wrong`], [`UserError::Store`].
    pub fn finish_passkey(
        &self,
        tenant: TenantId,
        user: ObjectId,
        party: &PasskeyParty<'_>,
        state: &str,
        credential: &Value,
        display_name: &str,
    ) -> Result<(), UserError> {
        let ceremony = self.finish_ceremony(state, true, tenant, Some(user))?;
        let made = passkey::verify_registration(
            of(party),
            &ceremony.challenge,
            &part(credential, "clientDataJSON")?,
            &part(credential, "attestationObject")?,
        )
        .map_err(|error| refused(tenant, user, &error))?;
        let name: String = display_name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
        let row = PasskeyRow {
            credential_id: made.credential_id,
            public_key: made.public_key,
            counter: i64::from(made.counter),
            display_name: name,
            created_at: self.0.clock.micros(),
        };
        let outcome = self.0.store.write(|tx| {
            if rows::passkeys(tx, tenant, user)?.len() >= MOST_PASSKEYS {
                return Err(StoreError::Conflict("passkeys".to_owned()));
            }
            rows::insert_passkey(tx, tenant, user, &row)
        });
        match outcome {
            Err(StoreError::Conflict(_)) => Err(UserError::Wrong),
            other => Ok(other?),
        }
    }

    /// Begins a sign-in with a passkey: of this user, or of whichever user of the tenant has one.
    ///
    /// # Errors
    /// [`UserError::Store`].
    pub fn begin_passkey_sign_in(
        &self,
        tenant: TenantId,
        user: Option<ObjectId>,
        party: &PasskeyParty<'_>,
    ) -> Result<PasskeyChallenge, UserError> {
        let allowed = match user {
            Some(user) => self.0.store.read(|conn| rows::passkeys(conn, tenant, user))?,
            None => Vec::new(),
        };
        let (challenge, state) = self.begin_ceremony(false, tenant, user)?;
        let options = json!({
            "challenge": challenge,
            "rpId": party.id,
            "timeout": PATIENCE / 1000,
            "allowCredentials": described(&allowed),
            "userVerification": "required",
        });
        Ok(PasskeyChallenge { options, state })
    }

    /// Finishes it. The authenticator has verified the user: this is more than a password.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn finish_passkey_sign_in(
        &self,
        tenant: TenantId,
        user: Option<ObjectId>,
        party: &PasskeyParty<'_>,
        state: &str,
        credential: &Value,
        source: Option<IpAddr>,
    ) -> Result<UserSignIn, UserError> {
        let ceremony = self.finish_ceremony(state, false, tenant, user)?;
        let id = credential.get("rawId").or_else(|| credential.get("id")).and_then(Value::as_str);
        let id = decode(id.ok_or(UserError::Wrong)?)?;
        let owner = self.0.store.read(|conn| rows::user_of_passkey(conn, tenant, &id))?;
        let owner = owner.filter(|owner| user.is_none_or(|user| user == *owner)).ok_or(UserError::Wrong)?;
        let kept = self.0.store.read(|conn| rows::passkeys(conn, tenant, owner))?;
        let kept = kept.into_iter().find(|row| row.credential_id == id).ok_or(UserError::Wrong)?;
        let counter = passkey::verify_signature(
            of(party),
            &ceremony.challenge,
            &part(credential, "clientDataJSON")?,
            &part(credential, "authenticatorData")?,
            &part(credential, "signature")?,
            &kept.public_key,
            u32::try_from(kept.counter).unwrap_or(u32::MAX),
        )
        .map_err(|error| refused(tenant, owner, &error))?;
        if i64::from(counter) != kept.counter {
            let counter = i64::from(counter);
            self.0.store.write_queue(|tx| rows::set_passkey_counter(tx, tenant, owner, &id, counter))?;
        }
        let principal = self.principal(tenant, owner)?.ok_or(UserError::Wrong)?;
        if !principal.enabled {
            return Err(UserError::Disabled);
        }
        self.0.lockout.succeeded(Who::User(tenant, owner), Source::of(source));
        let factors = self.second_factors(tenant, owner)?;
        // A password that must change is not asked for here.
        Ok(UserSignIn { user: principal, factors, must_change_password: false })
    }

    /// The passkeys of a user, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn passkeys(&self, tenant: TenantId, user: ObjectId) -> Result<Vec<Passkey>, StoreError> {
        let kept = self.0.store.read(|conn| rows::passkeys(conn, tenant, user))?;
        let shown = kept.into_iter().map(|row| Passkey {
            id: URL_SAFE_NO_PAD.encode(&row.credential_id),
            display_name: row.display_name,
            created: from_micros(row.created_at),
        });
        Ok(shown.collect())
    }

    /// Removes a passkey; whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_passkey(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        user: ObjectId,
        id: &str,
    ) -> Result<bool, StoreError> {
        match URL_SAFE_NO_PAD.decode(id) {
            Ok(id) => rows::delete_passkey(tx, tenant, user, &id),
            Err(_) => Ok(false),
        }
    }

    /// A new challenge, and the ceremony sealed.
    fn begin_ceremony(
        &self,
        making: bool,
        tenant: TenantId,
        user: Option<ObjectId>,
    ) -> Result<(String, String), UserError> {
        let mut challenge = vec![0; CHALLENGE_LENGTH];
        getrandom::fill(&mut challenge).map_err(|error| StoreError::Engine(error.to_string()))?;
        let shown = URL_SAFE_NO_PAD.encode(&challenge);
        let until = self.0.clock.micros().saturating_add(PATIENCE);
        let ceremony = Ceremony { making, tenant, user, challenge, until };
        let text = serde_json::to_vec(&ceremony).map_err(|error| StoreError::Engine(error.to_string()))?;
        let sealed = self.0.sealing.seal(OWNER, &text)?;
        Ok((shown, URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The ceremony that a page carried, if it is this one and not over.
    fn finish_ceremony(
        &self,
        state: &str,
        making: bool,
        tenant: TenantId,
        user: Option<ObjectId>,
    ) -> Result<Ceremony, UserError> {
        let wrong = |_| UserError::Wrong;
        let sealed = decode(state)?;
        let text = self.0.sealing.open_sealed(OWNER, &sealed).map_err(wrong)?;
        let ceremony: Ceremony = serde_json::from_slice(&text).map_err(|_| UserError::Wrong)?;
        let now = self.0.clock.micros();
        let same = ceremony.making == making && ceremony.tenant == tenant && ceremony.user == user;
        if same && now < ceremony.until && self.0.finished.note(&ceremony.challenge, ceremony.until, now) {
            Ok(ceremony)
        } else {
            Err(UserError::Wrong)
        }
    }
}

fn of<'a>(party: &PasskeyParty<'a>) -> Party<'a> {
    Party { id: party.id, origin: party.origin }
}

fn described(kept: &[PasskeyRow]) -> Vec<Value> {
    let one =
        |row: &PasskeyRow| json!({ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(&row.credential_id) });
    kept.iter().map(one).collect()
}

/// A binary member of the browser's answer.
fn part(credential: &Value, name: &str) -> Result<Vec<u8>, UserError> {
    let text = credential.get("response").and_then(|response| response.get(name)).and_then(Value::as_str);
    decode(text.ok_or(UserError::Wrong)?)
}

fn decode(text: &str) -> Result<Vec<u8>, UserError> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| UserError::Wrong)
}

/// The operator's log is told what the user is not.
fn refused(tenant: TenantId, user: ObjectId, error: &passkey::PasskeyError) -> UserError {
    tracing::info!(%tenant, %user, "passkey refused: {error}");
    UserError::Wrong
}
