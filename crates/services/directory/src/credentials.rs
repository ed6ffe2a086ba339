//! Adding and removing client secrets.

use gatepost_clock::{Timestamp, arm_format, from_micros, graph_format};
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::Tx;
use gatepost_store::directory::{self as rows, ObjectKind, SecretRow};
use jiff::{ToSpan, tz::TimeZone};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{Directory, DirectoryError, secrets};

/// Most client secrets of one object; bounds what a sign-in compares.
const MOST_SECRETS: usize = 100;
/// How long a client secret is good if nothing is said.
const DEFAULT_YEARS: i32 = 2;
/// Most characters of a client secret's display name.
const LONGEST_NAME: usize = 256;

/// What a new client secret is to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPassword {
    /// What people see.
    pub display_name: Option<String>,
    /// From when it is good: now, if nothing is said.
    pub start: Option<Timestamp>,
    /// Until when it is good: two years after its start, if nothing is said.
    pub end: Option<Timestamp>,
}

/// A client secret without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordCredential {
    /// Its id.
    pub key_id: Uuid,
    /// What people see.
    pub display_name: Option<String>,
    /// The first three characters of its text.
    pub hint: String,
    /// From when it is good.
    pub start: Timestamp,
    /// Until when it is good.
    pub end: Timestamp,
}

impl PasswordCredential {
    pub(crate) fn of(row: &SecretRow) -> PasswordCredential {
        PasswordCredential {
            key_id: row.key_id,
            display_name: row.display_name.clone(),
            hint: row.hint.clone(),
            start: from_micros(row.start_at),
            end: from_micros(row.end_at),
        }
    }

    /// Microsoft Graph's `passwordCredential`; the text is there only in the reply that tells it.
    pub(crate) fn to_json(&self, text: Option<&str>) -> Value {
        json!({
            "customKeyIdentifier": null,
            "displayName": self.display_name,
            "endDateTime": time(self.end),
            "hint": self.hint,
            "keyId": self.key_id,
            "secretText": text,
            "startDateTime": time(self.start),
        })
    }
}

/// A time of a credential: with a fraction only where it has one.
fn time(at: Timestamp) -> String {
    if at.subsec_nanosecond() == 0 { graph_format(at) } else { arm_format(at) }
}

impl NewPassword {
    /// Reads Microsoft Graph's `passwordCredential` as a client sends it.
    pub(crate) fn parse(
        sent: &Map<String, Value>,
        resource: &'static str,
    ) -> Result<NewPassword, DirectoryError> {
        let invalid = |name: &str| DirectoryError::InvalidProperty {
            property: format!("passwordCredential.{name}"),
            resource,
        };
        let mut new = NewPassword::default();
        for (name, value) in sent.iter().filter(|(name, value)| !name.contains("@odata.") && !value.is_null())
        {
            let text = value.as_str();
            let moment = || text.and_then(|text| text.parse::<Timestamp>().ok()).ok_or_else(|| invalid(name));
            match name.to_ascii_lowercase().as_str() {
                "displayname" => {
                    let text = text.filter(|text| text.chars().count() <= LONGEST_NAME);
                    new.display_name = Some(text.ok_or_else(|| invalid(name))?.to_owned());
                }
                "startdatetime" => new.start = Some(moment()?),
                "enddatetime" => new.end = Some(moment()?),
                // What the server makes: clients may echo an object that they read, but not choose it.
                "keyid" | "hint" | "secrettext" | "customkeyidentifier" => {
                    return Err(DirectoryError::ReadOnlyProperty(format!("passwordCredential.{name}")));
                }
                _ => return Err(DirectoryError::UnknownProperty(format!("passwordCredential.{name}"))),
            }
        }
        Ok(new)
    }
}

impl Directory {
    /// Makes a client secret for an application or a service principal; answers it with its text, which nobody
    /// can learn afterwards.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::CredentialDates`],
    /// [`DirectoryError::TooManyCredentials`], [`DirectoryError::Randomness`], [`DirectoryError::Store`].
    pub fn add_password(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        object: ObjectId,
        new: NewPassword,
    ) -> Result<(PasswordCredential, String), DirectoryError> {
        let holder = rows::find(tx, tenant, object)?
            .filter(|row| matches!(row.kind, ObjectKind::Application | ObjectKind::ServicePrincipal))
            .ok_or_else(|| DirectoryError::NotFound(object.to_string()))?;
        if rows::secrets(tx, tenant, holder.id)?.len() >= MOST_SECRETS {
            return Err(DirectoryError::TooManyCredentials(MOST_SECRETS));
        }
        let now = self.0.clock.now();
        let start = new.start.unwrap_or(now);
        let end = new.end.unwrap_or_else(|| years_after(start, DEFAULT_YEARS));
        if end <= start {
            return Err(DirectoryError::CredentialDates);
        }
        let text = secrets::generate()?;
        let row = SecretRow {
            key_id: Uuid::new_v4(),
            hash: self.0.secret_key.hash(&text),
            display_name: new.display_name,
            hint: secrets::hint(&text),
            start_at: start.as_microsecond(),
            end_at: end.as_microsecond(),
        };
        rows::insert_secret(tx, tenant, holder.id, &row, now.as_microsecond())?;
        Ok((PasswordCredential::of(&row), text))
    }

    /// Removes a client secret; it is refused from the next sign-in on.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownCredential`], [`DirectoryError::Store`].
    pub fn remove_password(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        object: ObjectId,
        key_id: Uuid,
    ) -> Result<(), DirectoryError> {
        if rows::delete_secret(tx, tenant, object, key_id)? {
            Ok(())
        } else {
            Err(DirectoryError::UnknownCredential(key_id.to_string()))
        }
    }
}

/// The same day and time some years later; the end of time if there is no such day.
fn years_after(at: Timestamp, years: i32) -> Timestamp {
    at.to_zoned(TimeZone::UTC).checked_add(years.years()).map_or(Timestamp::MAX, |later| later.timestamp())
}
