//! Names by which applications are asked for as resources: which an application may take.
//!
//! A token goes to whoever has the name that was asked for. So nobody can take a name that is, or looks like,
//! another's: a client id, a host that the tenant did not prove to own, a name of the platform.

use gatepost_names::ApplicationId;
use gatepost_store::directory::{self as rows, ObjectRow, VerifiedDomain};
use gatepost_store::{StoreError, Tx};
use serde_json::Value;
use uuid::Uuid;

use crate::{DirectoryError, FirstParty, objects, schema};

/// The application that `api://{client id}` stands for, whatever is registered.
pub(crate) fn own_name(name: &str) -> Option<ApplicationId> {
    let (scheme, rest) = name.split_once("://")?;
    let rest = rest.trim_end_matches('/');
    scheme.eq_ignore_ascii_case("api").then(|| Uuid::try_parse(rest).ok().map(ApplicationId)).flatten()
}

/// Checks the identifier URIs of an application, and keeps their index true.
pub(crate) fn write_identifier_uris(tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
    let document = objects::document(row)?;
    let uris = document.get("identifierUris").and_then(Value::as_array);
    let uris: Vec<&str> = uris.into_iter().flatten().filter_map(Value::as_str).collect();
    let domains = if uris.is_empty() { Vec::new() } else { rows::domains(tx, row.tenant)? };
    let own = row.app_id.map(|id| id.0);
    if !uris.iter().all(|uri| may_have(uri, own, row.tenant.0, &domains)) {
        return Err(DirectoryError::InvalidProperty {
            property: "identifierUris".to_owned(),
            resource: schema::resource_name(row.kind),
        });
    }
    match rows::set_identifier_uris(tx, row.tenant, row.id, &uris) {
        Err(StoreError::Conflict(_)) => Err(DirectoryError::ValueInUse("identifierUris".to_owned())),
        other => Ok(other?),
    }
}

/// Whether the application with this client id, of a tenant with these domains, may have a name.
fn may_have(uri: &str, own: Option<Uuid>, tenant: Uuid, domains: &[VerifiedDomain]) -> bool {
    // A backslash and an at sign make other readers see another host than this one does.
    if uri.chars().any(|char| char.is_whitespace() || char.is_control() || char == '\\' || char == '@') {
        return false;
    }
    let uri = uri.to_lowercase();
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let rest = rest.trim_start_matches('/');
    if Uuid::try_parse(&uri).is_ok() || scheme.is_empty() || rest.is_empty() {
        return false;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let host = authority.split(':').next().unwrap_or_default().trim_end_matches('.');
    if FirstParty::has_host(host) {
        return false;
    }
    if let Ok(id) = Uuid::try_parse(authority) {
        // The tenant's id leads names of the tenant's own, but is none itself.
        let names_tenant = id == tenant && !after.trim_matches('/').is_empty();
        return scheme == "api" && (Some(id) == own || names_tenant);
    }
    let is_verified = || domains.iter().any(|domain| is_within(host, &domain.name.to_lowercase()));
    match scheme {
        "http" | "https" => is_verified(),
        _ => !host.contains('.') || is_verified(),
    }
}

/// Whether a host is a domain, or below it.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_uri_squatting_is_refused() {
        let (own, tenant, other) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
        let domains = [VerifiedDomain { name: "contoso.example".to_owned(), is_initial: true }];
        for (uri, expected) in [
            (format!("api://{own}"), true),
            (format!("API://{}", own.to_string().to_uppercase()), true),
            (format!("api://{own}/orders"), true),
            (format!("api://{tenant}/orders"), true),
            (format!("api://{tenant}/"), false),
            (format!("api://{other}"), false),
            (format!("api://{other}/orders"), false),
            (format!("api://{}", other.simple()), false),
            (format!("api://{{{other}}}"), false),
            (format!("api:{other}"), false),
            (format!("urn:uuid:{other}"), false),
            (other.to_string(), false),
            ("api://orders".to_owned(), true),
            ("urn:orders".to_owned(), true),
            ("api://orders.contoso.example/v1".to_owned(), true),
            ("api://orders.fabrikam.example/v1".to_owned(), false),
            ("https://contoso.example/orders".to_owned(), true),
            ("https://Orders.Contoso.Example:8443".to_owned(), true),
            ("https://notcontoso.example".to_owned(), false),
            ("https://contoso.example@graph.microsoft.com".to_owned(), false),
            ("https://graph.microsoft.com/".to_owned(), false),
            ("HTTPS://Management.Azure.Com:443//".to_owned(), false),
            ("http://management.core.windows.net".to_owned(), false),
            ("api://communication.azure.com".to_owned(), false),
            ("https://localhost".to_owned(), false),
            ("https:///".to_owned(), false),
            ("api://".to_owned(), false),
            ("no scheme".to_owned(), false),
        ] {
            assert_eq!(may_have(&uri, Some(own), tenant, &domains), expected, "{uri}");
        }
        // Not even where somebody verified the platform's domain.
        let domains = [VerifiedDomain { name: "azure.com".to_owned(), is_initial: false }];
        assert!(!may_have("https://management.azure.com", Some(own), tenant, &domains));
    }
}
