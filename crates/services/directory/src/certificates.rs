//! Certificates of applications and service principals: Microsoft Graph's `keyCredentials`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_clock::{Timestamp, from_micros, graph_format};
use gatepost_credentials::certificate::Certificate;
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::credentials::{self as rows, CertificateRow};
use gatepost_store::directory::{self as objects, ObjectKind};
use gatepost_store::{Conn, StoreError, Tx};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{Directory, DirectoryError};

/// Most certificates of one object; bounds what a sign-in compares.
const MOST_CERTIFICATES: usize = 50;
/// Most characters of a display name.
const LONGEST_NAME: usize = 256;
/// How much later than its certificate a credential may say that it ends: clients round to days.
const ROUNDING_SECONDS: i64 = 24 * 60 * 60;
/// The one type and the one usage that sign in.
const TYPE: &str = "AsymmetricX509Cert";
const USAGE: &str = "Verify";

/// A registered certificate, ready to verify assertions.
#[derive(Clone, Debug)]
pub struct CertificateState {
    /// Its id.
    pub key_id: Uuid,
    /// From when it is good.
    pub start: Timestamp,
    /// Until when it is good.
    pub end: Timestamp,
    pub(crate) certificate: Arc<Certificate>,
}

impl CertificateState {
    /// Whether it is good at this time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.start <= now && now < self.end
    }
}

/// What a new certificate is to be like.
#[derive(Clone, Debug)]
pub struct NewCertificate {
    /// Its id, if the client chose one.
    pub key_id: Option<Uuid>,
    /// DER.
    pub certificate: Vec<u8>,
    /// What people see: the certificate's subject, if nothing is said.
    pub display_name: Option<String>,
    /// From when it is good: from when the certificate is, if nothing is said.
    pub start: Option<Timestamp>,
    /// Until when it is good: until when the certificate is, if nothing is said.
    pub end: Option<Timestamp>,
}

/// A certificate as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCredential {
    /// Its id.
    pub key_id: Uuid,
    /// What people see.
    pub display_name: Option<String>,
    /// The SHA-1 thumbprint in hexadecimal.
    pub thumbprint: String,
    /// From when it is good.
    pub start: Timestamp,
    /// Until when it is good.
    pub end: Timestamp,
}

impl KeyCredential {
    fn of(row: &CertificateRow) -> KeyCredential {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &row.certificate);
        KeyCredential {
            key_id: row.key_id,
            display_name: row.display_name.clone(),
            thumbprint: hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect(),
            start: from_micros(row.start_at),
            end: from_micros(row.end_at),
        }
    }

    /// Microsoft Graph's `keyCredential`. The certificate itself is not shown.
    pub fn to_json(&self) -> Value {
        json!({
            "customKeyIdentifier": self.thumbprint,
            "displayName": self.display_name,
            "endDateTime": graph_format(self.end),
            "key": null,
            "keyId": self.key_id,
            "startDateTime": graph_format(self.start),
            "type": TYPE,
            "usage": USAGE,
        })
    }
}

/// The certificates of an object as Microsoft Graph shows them.
pub(crate) fn shown(conn: &Conn<'_>, tenant: TenantId, object: ObjectId) -> Result<Vec<Value>, StoreError> {
    let kept = rows::certificates(conn, tenant, object)?;
    Ok(kept.iter().map(|row| KeyCredential::of(row).to_json()).collect())
}

/// The certificates of an object, ready to verify; one that cannot be read any more verifies nothing.
pub(crate) fn states(
    conn: &Conn<'_>,
    tenant: TenantId,
    object: ObjectId,
) -> Result<Vec<CertificateState>, StoreError> {
    let kept = rows::certificates(conn, tenant, object)?;
    let ready = kept.into_iter().filter_map(|row| {
        Some(CertificateState {
            key_id: row.key_id,
            start: from_micros(row.start_at),
            end: from_micros(row.end_at),
            certificate: Arc::new(Certificate::parse(&row.certificate).ok()?),
        })
    });
    Ok(ready.collect())
}

/// One entry of a list of `keyCredentials` as a client sends it.
enum Sent {
    /// It brings a certificate.
    New(NewCertificate),
    /// It is one that the client read: the certificate is not in it.
    Kept(Uuid),
}

impl NewCertificate {
    /// Reads Microsoft Graph's `keyCredential` as a client sends it with a certificate.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidProperty`], [`DirectoryError::InvalidCertificate`],
    /// [`DirectoryError::MissingProperty`], [`DirectoryError::UnknownProperty`].
    pub fn parse(
        sent: &Map<String, Value>,
        resource: &'static str,
    ) -> Result<NewCertificate, DirectoryError> {
        match parse_entry(sent, resource)? {
            Sent::New(new) => Ok(new),
            Sent::Kept(_) => {
                Err(DirectoryError::MissingProperty { property: "keyCredential.key".to_owned(), resource })
            }
        }
    }
}

fn parse_entry(sent: &Map<String, Value>, resource: &'static str) -> Result<Sent, DirectoryError> {
    let invalid =
        |name: &str| DirectoryError::InvalidProperty { property: format!("keyCredentials.{name}"), resource };
    let mut new =
        NewCertificate { key_id: None, certificate: Vec::new(), display_name: None, start: None, end: None };
    for (name, value) in sent.iter().filter(|(name, value)| !name.contains("@odata.") && !value.is_null()) {
        let text = value.as_str().ok_or_else(|| invalid(name))?;
        let moment = || text.parse::<Timestamp>().map_err(|_| invalid(name));
        match name.to_ascii_lowercase().as_str() {
            "displayname" if text.chars().count() <= LONGEST_NAME => new.display_name = Some(text.to_owned()),
            "startdatetime" => new.start = Some(moment()?),
            "enddatetime" => new.end = Some(moment()?),
            "keyid" => new.key_id = Some(Uuid::try_parse(text).map_err(|_| invalid(name))?),
            "key" => new.certificate = decode(text).ok_or_else(|| invalid(name))?,
            "type" if text.eq_ignore_ascii_case(TYPE) => {}
            "usage" if text.eq_ignore_ascii_case(USAGE) => {}
            // The thumbprint is computed; clients may echo it.
            "customkeyidentifier" => {}
            "displayname" | "type" | "usage" => return Err(invalid(name)),
            _ => return Err(DirectoryError::UnknownProperty(format!("keyCredentials.{name}"))),
        }
    }
    if !new.certificate.is_empty() {
        return Ok(Sent::New(new));
    }
    let property = "keyCredentials.key".to_owned();
    new.key_id.map(Sent::Kept).ok_or(DirectoryError::MissingProperty { property, resource })
}

/// A certificate in base64, with or without line ends, in DER or as PEM.
fn decode(text: &str) -> Option<Vec<u8>> {
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(packed).ok()?;
    let Ok(pem) = std::str::from_utf8(&bytes) else { return Some(bytes) };
    let Some((_, rest)) = pem.split_once("-----BEGIN CERTIFICATE-----") else { return Some(bytes) };
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}

impl Directory {
    /// Registers a certificate for an application or a service principal. The caller has checked the right.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::InvalidCertificate`],
    /// [`DirectoryError::CredentialDates`], [`DirectoryError::TooManyCredentials`],
    /// [`DirectoryError::ValueInUse`], [`DirectoryError::Store`].
    pub fn add_certificate(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        object: ObjectId,
        new: NewCertificate,
    ) -> Result<KeyCredential, DirectoryError> {
        let holder = objects::find(tx, tenant, object)?
            .filter(|row| matches!(row.kind, ObjectKind::Application | ObjectKind::ServicePrincipal))
            .ok_or_else(|| DirectoryError::NotFound(object.to_string()))?;
        if rows::certificates(tx, tenant, holder.id)?.len() >= MOST_CERTIFICATES {
            return Err(DirectoryError::TooManyCredentials(MOST_CERTIFICATES));
        }
        let read = Certificate::parse(&new.certificate)
            .map_err(|error| DirectoryError::InvalidCertificate(error.to_string()))?;
        let seconds = |at: i64| from_micros(at.saturating_mul(1_000_000));
        let start = new.start.unwrap_or_else(|| seconds(read.not_before));
        let end = new.end.unwrap_or_else(|| seconds(read.not_after));
        if end > seconds(read.not_after.saturating_add(ROUNDING_SECONDS)) {
            return Err(DirectoryError::InvalidCertificate("Key credential end date is invalid.".to_owned()));
        }
        let end = end.min(seconds(read.not_after));
        if end <= start {
            return Err(DirectoryError::CredentialDates);
        }
        let row = CertificateRow {
            key_id: new.key_id.unwrap_or_else(Uuid::new_v4),
            certificate: new.certificate,
            display_name: new.display_name.or(Some(shortened(&read.subject))),
            start_at: start.as_microsecond(),
            end_at: end.as_microsecond(),
        };
        match rows::insert_certificate(tx, tenant, holder.id, &row, self.0.clock.micros()) {
            Err(StoreError::Conflict(_)) => {
                return Err(DirectoryError::ValueInUse("keyCredentials.keyId".to_owned()));
            }
            other => other?,
        }
        Ok(KeyCredential::of(&row))
    }

    /// Removes a certificate; assertions that it signed are refused from the next one on.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownKeyCredential`], [`DirectoryError::Store`].
    pub fn remove_certificate(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        object: ObjectId,
        key_id: Uuid,
    ) -> Result<(), DirectoryError> {
        if rows::delete_certificate(tx, tenant, object, key_id)? {
            Ok(())
        } else {
            Err(DirectoryError::UnknownKeyCredential(key_id.to_string()))
        }
    }

    /// Makes the certificates of an object what a client sent as the whole list: entries with a certificate are
    /// added or replace the one of their id, entries without keep the one of their id, all others go.
    ///
    /// # Errors
    /// As [`NewCertificate::parse`], [`Directory::add_certificate`] and [`Directory::remove_certificate`].
    pub fn set_certificates(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        object: ObjectId,
        resource: &'static str,
        sent: &Value,
    ) -> Result<(), DirectoryError> {
        let invalid = || DirectoryError::InvalidProperty { property: "keyCredentials".to_owned(), resource };
        let entries = match sent {
            Value::Null => &Vec::new(),
            Value::Array(entries) if entries.len() <= MOST_CERTIFICATES => entries,
            Value::Array(_) => return Err(DirectoryError::TooManyCredentials(MOST_CERTIFICATES)),
            _ => return Err(invalid()),
        };
        let entries = entries
            .iter()
            .map(|entry| parse_entry(entry.as_object().ok_or_else(invalid)?, resource))
            .collect::<Result<Vec<Sent>, _>>()?;
        let present = rows::certificates(tx, tenant, object)?;
        let mut kept = Vec::new();
        let mut added = Vec::new();
        for entry in entries {
            match entry {
                Sent::Kept(id) if present.iter().any(|row| row.key_id == id) => kept.push(id),
                Sent::Kept(id) => return Err(DirectoryError::UnknownKeyCredential(id.to_string())),
                Sent::New(new) => added.push(new),
            }
        }
        for row in present.iter().filter(|row| !kept.contains(&row.key_id)) {
            rows::delete_certificate(tx, tenant, object, row.key_id)?;
        }
        for new in added {
            self.add_certificate(tx, tenant, object, new)?;
        }
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}
