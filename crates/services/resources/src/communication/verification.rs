//! How a domain proves that it may send: DNS records and the state of each (reference acs-email.md section
//! 5).

use gatepost_names::DomainName;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What can be verified, in the spelling of the wire.
pub(super) const TYPES: [&str; 5] = ["Domain", "SPF", "DKIM", "DKIM2", "DMARC"];

/// What must be verified before a domain can be linked.
const NEEDED: [&str; 4] = ["Domain", "SPF", "DKIM", "DKIM2"];

/// Seconds that a record may be cached.
const TTL: u32 = 3600;

/// All states alike.
pub(super) fn states(status: &str) -> Value {
    TYPES.iter().map(|kind| ((*kind).to_owned(), json!({"status": status, "errorCode": ""}))).collect()
}

/// The DNS records that the owner of `domain` has to publish. `token` is random and belongs to this resource
/// alone: whoever publishes it owns the domain. The DKIM names are relative to the domain.
///
/// The values are those that Azure shows. Until this server looks at DNS, nothing depends on them.
pub(super) fn records(domain: &DomainName, token: Uuid) -> Value {
    let dkim = |selector: u8| {
        let name = format!("selector{selector}-azurecomm-prod-net._domainkey");
        let value = format!("{name}.azurecomm.net");
        json!({"type": "CNAME", "name": name, "value": value, "ttl": TTL})
    };
    json!({
        "Domain": {"type": "TXT", "name": domain.as_str(), "value": format!("ms-domain-verification={token}"), "ttl": TTL},
        "SPF": {"type": "TXT", "name": domain.as_str(), "value": "v=spf1 include:spf.protection.outlook.com -all", "ttl": TTL},
        "DKIM": dkim(1),
        "DKIM2": dkim(2),
    })
}

/// What is still to be verified before a domain with these stored properties can be linked.
pub(super) fn missing(properties: &Map<String, Value>) -> Vec<&'static str> {
    let states = properties.get("verificationStates");
    let verified = |kind: &str| {
        states.and_then(|s| s.get(kind)).and_then(|s| s.get("status")).and_then(Value::as_str)
            == Some("Verified")
    };
    NEEDED.into_iter().filter(|kind| !verified(kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dmarc_does_not_hold_up_linking() {
        let mut properties = Map::from_iter([("verificationStates".to_owned(), states("Verified"))]);
        assert!(missing(&properties).is_empty());
        properties["verificationStates"]["DMARC"]["status"] = "NotStarted".into();
        assert!(missing(&properties).is_empty());
        properties["verificationStates"]["DKIM2"]["status"] = "NotStarted".into();
        assert_eq!(missing(&properties), ["DKIM2"]);
        assert_eq!(missing(&Map::new()), NEEDED);
    }

    #[test]
    fn records_of_a_custom_domain() {
        let records = records(&DomainName::parse("mail.contoso.com").unwrap(), Uuid::nil());
        assert_eq!(
            records["Domain"],
            json!({"type": "TXT", "name": "mail.contoso.com",
                "value": "ms-domain-verification=00000000-0000-0000-0000-000000000000", "ttl": 3600})
        );
        assert_eq!(records["SPF"]["value"], "v=spf1 include:spf.protection.outlook.com -all");
        assert_eq!(records["DKIM2"]["type"], "CNAME");
        assert_eq!(records["DKIM2"]["name"], "selector2-azurecomm-prod-net._domainkey");
        assert_eq!(records["DKIM2"]["value"], "selector2-azurecomm-prod-net._domainkey.azurecomm.net");
    }
}
