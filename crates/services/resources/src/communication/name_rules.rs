//! What the resources of this provider may be called (reference communication-arm.md, path parameters).

use gatepost_names::DomainName;

use crate::ResourceError;

/// The fixed name of a domain that the server provides.
pub(super) const AZURE_MANAGED_DOMAIN: &str = "AzureManagedDomain";

/// The parent of the domains that the server provides.
pub(super) const AZURE_MANAGED_PARENT: &str = "azurecomm.net";

/// `^[-\w]+$`, 1 to 63.
pub(super) fn is_communication_service(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `^[a-zA-Z0-9-]+$`, 1 to 63.
pub(super) fn is_email_service(name: &str) -> bool {
    is_plain(name, 63)
}

/// `^[a-zA-Z0-9-]+$`, 1 to `most`.
pub(super) fn is_plain(name: &str, most: usize) -> bool {
    (1..=most).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// `AzureManagedDomain`, or a domain name of at least two labels that is not one of the server's own.
pub(super) fn is_domain(name: &str) -> bool {
    if !(1..=253).contains(&name.len()) {
        return false;
    }
    name.eq_ignore_ascii_case(AZURE_MANAGED_DOMAIN)
        || DomainName::parse(name).is_ok_and(|domain| {
            let domain = domain.as_str();
            let last = domain.rsplit('.').next().unwrap_or("");
            domain.contains('.')
                && !last.bytes().all(|b| b.is_ascii_digit())
                && domain != AZURE_MANAGED_PARENT
                && !domain.ends_with(&format!(".{AZURE_MANAGED_PARENT}"))
        })
}

/// The refusal of a name; `rule` says what would be right.
pub(super) fn refuse(kind: &str, name: &str, rule: &str) -> ResourceError {
    ResourceError::InvalidName(format!(
        "The name '{name}' is not valid for a resource of type '{kind}': {rule}."
    ))
}

/// The refusal of a name that another resource of the type has, in whichever subscription.
pub(super) fn refuse_taken(name: &str) -> ResourceError {
    ResourceError::Conflict {
        code: "NameReservationTaken",
        message: format!(
            "The name '{name}' is already in use. Names of this resource type are unique on the server."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_type() {
        let long = "a".repeat(64);
        for (name, communication, email, plain) in [
            ("contoso", true, true, true),
            ("Contoso-1", true, true, true),
            ("con_toso", true, false, false),
            ("con.toso", false, false, false),
            ("con toso", false, false, false),
            ("grün", false, false, false),
            ("", false, false, false),
            (long.as_str(), false, false, true),
        ] {
            assert_eq!(is_communication_service(name), communication, "{name}");
            assert_eq!(is_email_service(name), email, "{name}");
            assert_eq!(is_plain(name, 253), plain, "{name}");
        }
    }

    #[test]
    fn names_of_domains() {
        for (name, valid) in [
            ("AzureManagedDomain", true),
            ("azuremanageddomain", true),
            ("contoso.com", true),
            ("mail.Contoso.COM", true),
            ("bücher.example", true),
            ("contoso", false),
            ("192.0.2.1", false),
            ("azurecomm.net", false),
            ("x.azurecomm.net", false),
            ("myazurecomm.net", true),
            ("a..b", false),
            ("-a.b", false),
            ("a b.c", false),
            ("", false),
        ] {
            assert_eq!(is_domain(name), valid, "{name}");
        }
    }
}
