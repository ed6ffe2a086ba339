//! The three forms of an SMTP username (reference acs-email.md section 1) and how each is resolved to a
//! communication service and an application.
//!
//! The registered forms, free text and e-mail address, are those of SMTP username resources. The legacy form
//! carries everything in itself: service name, application id and tenant id, between dots or bars. It is read
//! from the right, because the ids have a fixed form; a username that ends so is never a registered one.

use gatepost_names::{ApplicationId, DomainName, EmailAddress, ResourceId, TenantId};
use gatepost_store::{Conn, StoreError, communication as rows};
use serde::Serialize;

use super::name_rules;

/// Octets of a username: what SASL PLAIN lets through (RFC 4616 section 2).
pub(super) const MOST_OCTETS: usize = 255;

/// How a username is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum UsernameForm {
    /// The free text of an SMTP username resource.
    FreeText,
    /// The e-mail address of an SMTP username resource.
    EmailAddress,
    /// `service.application.tenant` or `service|application|tenant`.
    Legacy,
}

/// What a username stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The form in which refusals are kept: lower case, the legacy form always with dots.
    pub(super) key: String,
    /// As it was registered; as it was given, in the legacy form.
    pub(super) username: String,
    pub(super) form: UsernameForm,
    /// The communication service.
    pub(super) service: ResourceId,
    pub(super) tenant: TenantId,
    pub(super) app_id: ApplicationId,
    /// The domain that must be linked, in the form of an e-mail address.
    pub(super) domain: Option<DomainName>,
}

/// Why a username stands for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// No resource registers it.
    Unknown,
    /// The legacy form names a service that does not exist in the tenant that it names.
    NoSuchService,
}

/// The parts of a username in the legacy form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Legacy<'a> {
    pub(super) service: &'a str,
    pub(super) app_id: ApplicationId,
    pub(super) tenant: TenantId,
}

/// Reads the legacy form: the last two of the parts between dots, or between bars, are GUIDs.
pub(super) fn parse_legacy(username: &str) -> Option<Legacy<'_>> {
    ['.', '|'].into_iter().find_map(|separator| {
        let (rest, tenant) = username.rsplit_once(separator)?;
        let (service, app_id) = rest.rsplit_once(separator)?;
        Some(Legacy { service, app_id: guid(app_id)?, tenant: guid(tenant)? })
    })
}

/// A GUID with its dashes.
pub(super) fn guid<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.len() == 36 { text.parse().ok() } else { None }
}

/// Looks up what a username stands for.
///
/// # Errors
/// [`StoreError`].
pub(super) fn resolve(conn: &Conn<'_>, username: &str) -> Result<Result<Link, Unresolved>, StoreError> {
    match parse_legacy(username) {
        Some(legacy) => resolve_legacy(conn, username, legacy),
        None => resolve_registered(conn, username),
    }
}

fn resolve_legacy(
    conn: &Conn<'_>,
    username: &str,
    legacy: Legacy<'_>,
) -> Result<Result<Link, Unresolved>, StoreError> {
    if !name_rules::is_communication_service(legacy.service) {
        return Ok(Err(Unresolved::NoSuchService));
    }
    let name_key = legacy.service.to_lowercase();
    let found = rows::service_by_name(conn, &name_key)?;
    let Some(row) = found.filter(|row| row.tenant == legacy.tenant) else {
        return Ok(Err(Unresolved::NoSuchService));
    };
    Ok(Ok(Link {
        key: format!("{name_key}.{}.{}", legacy.app_id, legacy.tenant),
        username: username.to_owned(),
        form: UsernameForm::Legacy,
        service: service_id(&row.service_id)?,
        tenant: legacy.tenant,
        app_id: legacy.app_id,
        domain: None,
    }))
}

fn resolve_registered(conn: &Conn<'_>, username: &str) -> Result<Result<Link, Unresolved>, StoreError> {
    if username.len() > MOST_OCTETS {
        return Ok(Err(Unresolved::Unknown));
    }
    let Some(row) = rows::username(conn, &username.to_lowercase())? else {
        return Ok(Err(Unresolved::Unknown));
    };
    let domain = EmailAddress::parse(&row.username).ok().map(|address| address.domain().clone());
    Ok(Ok(Link {
        form: if domain.is_some() { UsernameForm::EmailAddress } else { UsernameForm::FreeText },
        service: service_id(&row.service_id)?,
        key: row.username_key,
        username: row.username,
        tenant: row.tenant,
        app_id: row.application,
        domain,
    }))
}

fn service_id(text: &str) -> Result<ResourceId, StoreError> {
    ResourceId::parse(text).map_err(|error| StoreError::Corrupt(format!("service id {text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "11111111-2222-3333-4444-555555555555";
    const TENANT: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

    #[test]
    fn the_legacy_form_is_read_from_the_right() {
        for text in [format!("con-toso_1.{APP}.{TENANT}"), format!("con-toso_1|{APP}|{TENANT}")] {
            let legacy = parse_legacy(&text).unwrap();
            assert_eq!(legacy.service, "con-toso_1");
            assert_eq!(legacy.app_id.to_string(), APP);
            assert_eq!(legacy.tenant.to_string(), TENANT);
        }
        assert_eq!(parse_legacy(&format!("a.b.{APP}.{TENANT}")).unwrap().service, "a.b");
        assert_eq!(parse_legacy(&format!("a.{APP}|{APP}|{TENANT}")).unwrap().service, format!("a.{APP}"));
    }

    #[test]
    fn what_is_not_the_legacy_form() {
        for text in [
            "mailer".to_owned(),
            "mailer@contoso.com".to_owned(),
            format!("{APP}.{TENANT}"),
            format!("contoso.{APP}|{TENANT}"),
            format!("contoso.{APP}.{TENANT}."),
            format!("contoso.{}.{TENANT}", APP.replace('-', "")),
            format!("contoso.{APP}.contoso.com"),
        ] {
            assert_eq!(parse_legacy(&text), None, "{text}");
        }
    }
}
