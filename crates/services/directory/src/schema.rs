//! The properties of directory objects in Microsoft Graph's form: their types, their values when nothing is
//! said, and which of them clients may write.
//!
//! An object's document holds every writable property of its type, so that a list is never null and a nested
//! object is never missing.

use gatepost_clock::Timestamp;
use gatepost_store::directory::ObjectKind;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::DirectoryError;

/// The type of a property.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Text or null.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A GUID as text, or null.
    Guid,
    /// A time as text, or null.
    Time,
    /// A whole number, or null.
    Integer,
    /// True or false; this unless something is said.
    Flag(bool),
    /// True, false or null.
    OptionalFlag,
    /// A list of texts.
    Texts,
    /// An object with these properties.
    Object(&'static [Property]),
    /// The same, or null; null unless something is said.
    OptionalObject(&'static [Property]),
    /// A list of objects with these properties.
    Objects(&'static [Property]),
}

/// Who writes a property.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Clients.
    Client,
    /// The server: it is shown and cannot be set.
    Server,
}

/// A property of an object.
#[derive(Debug)]
pub(crate) struct Property {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) shape: Shape,
    /// Who writes it.
    pub(crate) writer: Writer,
}

const fn p(name: &'static str, shape: Shape) -> Property {
    Property { name, shape, writer: Writer::Client }
}

const fn server(name: &'static str, shape: Shape) -> Property {
    Property { name, shape, writer: Writer::Server }
}

const KEY_CREDENTIALS: Property = server("keyCredentials", Shape::Objects(&[]));
const PASSWORD_CREDENTIALS: Property = server("passwordCredentials", Shape::Objects(&[]));

const APP_ROLE: &[Property] = &[
    p("allowedMemberTypes", Shape::Texts),
    p("description", Shape::Text),
    p("displayName", Shape::Text),
    p("id", Shape::Guid),
    p("isEnabled", Shape::Flag(true)),
    p("origin", Shape::Text),
    p("value", Shape::Text),
];

const PERMISSION_SCOPE: &[Property] = &[
    p("adminConsentDescription", Shape::Text),
    p("adminConsentDisplayName", Shape::Text),
    p("id", Shape::Guid),
    p("isEnabled", Shape::Flag(true)),
    p("origin", Shape::Text),
    p("type", Shape::Text),
    p("userConsentDescription", Shape::Text),
    p("userConsentDisplayName", Shape::Text),
    p("value", Shape::Text),
];

const API: &[Property] = &[
    p("acceptMappedClaims", Shape::OptionalFlag),
    p("knownClientApplications", Shape::Texts),
    p("oauth2PermissionScopes", Shape::Objects(PERMISSION_SCOPE)),
    p(
        "preAuthorizedApplications",
        Shape::Objects(&[p("appId", Shape::Guid), p("delegatedPermissionIds", Shape::Texts)]),
    ),
    p("requestedAccessTokenVersion", Shape::Integer),
];

const INFO: &[Property] = &[
    p("logoUrl", Shape::Text),
    p("marketingUrl", Shape::Text),
    p("privacyStatementUrl", Shape::Text),
    p("supportUrl", Shape::Text),
    p("termsOfServiceUrl", Shape::Text),
];

const CLAIM: &[Property] = &[
    p("additionalProperties", Shape::Texts),
    p("essential", Shape::Flag(false)),
    p("name", Shape::Text),
    p("source", Shape::Text),
];

const OPTIONAL_CLAIMS: &[Property] = &[
    p("accessToken", Shape::Objects(CLAIM)),
    p("idToken", Shape::Objects(CLAIM)),
    p("saml2Token", Shape::Objects(CLAIM)),
];

const REDIRECTS: &[Property] = &[p("redirectUris", Shape::Texts)];

const WEB: &[Property] = &[
    p("homePageUrl", Shape::Text),
    p(
        "implicitGrantSettings",
        Shape::Object(&[
            p("enableAccessTokenIssuance", Shape::Flag(false)),
            p("enableIdTokenIssuance", Shape::Flag(false)),
        ]),
    ),
    p("logoutUrl", Shape::Text),
    p("redirectUris", Shape::Texts),
];

const REQUIRED_ACCESS: &[Property] = &[
    p("resourceAccess", Shape::Objects(&[p("id", Shape::Guid), p("type", Shape::Text)])),
    p("resourceAppId", Shape::Guid),
];

/// Who may sign in to an application.
const AUDIENCES: &[&str] = &[
    "AzureADMyOrg",
    "AzureADMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount",
    "PersonalMicrosoftAccount",
];

const APPLICATION: &[Property] = &[
    server("id", Shape::Guid),
    server("deletedDateTime", Shape::Time),
    server("appId", Shape::Guid),
    server("applicationTemplateId", Shape::Guid),
    server("disabledByMicrosoftStatus", Shape::Text),
    server("createdDateTime", Shape::Time),
    p("displayName", Shape::Text),
    p("description", Shape::Text),
    p("groupMembershipClaims", Shape::Text),
    p("identifierUris", Shape::Texts),
    p("isDeviceOnlyAuthSupported", Shape::OptionalFlag),
    p("isFallbackPublicClient", Shape::OptionalFlag),
    p("notes", Shape::Text),
    server("publisherDomain", Shape::Text),
    p("serviceManagementReference", Shape::Text),
    p("signInAudience", Shape::OneOf(AUDIENCES)),
    p("tags", Shape::Texts),
    p("tokenEncryptionKeyId", Shape::Guid),
    p("samlMetadataUrl", Shape::Text),
    p("defaultRedirectUri", Shape::Text),
    p("optionalClaims", Shape::OptionalObject(OPTIONAL_CLAIMS)),
    p("api", Shape::Object(API)),
    p("appRoles", Shape::Objects(APP_ROLE)),
    p("info", Shape::Object(INFO)),
    p("publicClient", Shape::Object(REDIRECTS)),
    p("requiredResourceAccess", Shape::Objects(REQUIRED_ACCESS)),
    p("spa", Shape::Object(REDIRECTS)),
    p("web", Shape::Object(WEB)),
    KEY_CREDENTIALS,
    PASSWORD_CREDENTIALS,
];

const SERVICE_PRINCIPAL: &[Property] = &[
    server("id", Shape::Guid),
    server("deletedDateTime", Shape::Time),
    p("accountEnabled", Shape::Flag(true)),
    p("alternativeNames", Shape::Texts),
    server("createdDateTime", Shape::Time),
    server("appDisplayName", Shape::Text),
    server("appId", Shape::Guid),
    server("applicationTemplateId", Shape::Guid),
    server("appOwnerOrganizationId", Shape::Guid),
    p("appRoleAssignmentRequired", Shape::Flag(false)),
    p("description", Shape::Text),
    server("disabledByMicrosoftStatus", Shape::Text),
    p("displayName", Shape::Text),
    p("homepage", Shape::Text),
    p("loginUrl", Shape::Text),
    p("logoutUrl", Shape::Text),
    p("notes", Shape::Text),
    p("notificationEmailAddresses", Shape::Texts),
    p("preferredSingleSignOnMode", Shape::Text),
    p("replyUrls", Shape::Texts),
    server("servicePrincipalNames", Shape::Texts),
    server("servicePrincipalType", Shape::Text),
    server("signInAudience", Shape::Text),
    p("tags", Shape::Texts),
    p("tokenEncryptionKeyId", Shape::Guid),
    p("info", Shape::Object(INFO)),
    server("appRoles", Shape::Objects(APP_ROLE)),
    server("oauth2PermissionScopes", Shape::Objects(PERMISSION_SCOPE)),
    KEY_CREDENTIALS,
    PASSWORD_CREDENTIALS,
];

const USER: &[Property] = &[
    server("businessPhones", Shape::Texts),
    server("displayName", Shape::Text),
    server("givenName", Shape::Text),
    server("jobTitle", Shape::Text),
    server("mail", Shape::Text),
    server("mobilePhone", Shape::Text),
    server("officeLocation", Shape::Text),
    server("preferredLanguage", Shape::Text),
    server("surname", Shape::Text),
    server("userPrincipalName", Shape::Text),
    server("id", Shape::Guid),
    server("accountEnabled", Shape::Flag(true)),
    server("createdDateTime", Shape::Time),
    server("mailNickname", Shape::Text),
    server("onPremisesImmutableId", Shape::Text),
    server("userType", Shape::Text),
];

/// The properties that a reply has when it is not told which: of users the documented eleven, of the others all.
const USER_DEFAULT: usize = 11;

const GROUP: &[Property] = &[server("id", Shape::Guid), server("displayName", Shape::Text)];

/// The properties of a kind of object, in the order in which they are shown.
pub(crate) fn properties(kind: ObjectKind) -> &'static [Property] {
    match kind {
        ObjectKind::Application => APPLICATION,
        ObjectKind::ServicePrincipal => SERVICE_PRINCIPAL,
        ObjectKind::User => USER,
        ObjectKind::Group => GROUP,
    }
}

/// The property of a kind with this name, ignoring letter case, in its own spelling.
pub fn property_name(kind: ObjectKind, name: &str) -> Option<&'static str> {
    properties(kind).iter().map(|property| property.name).find(|known| known.eq_ignore_ascii_case(name))
}

/// The properties that a reply has when it is not told which.
pub fn default_properties(kind: ObjectKind) -> impl Iterator<Item = &'static str> {
    let shown = if kind == ObjectKind::User { USER_DEFAULT } else { usize::MAX };
    properties(kind).iter().take(shown).map(|property| property.name)
}

/// Microsoft Graph's name of the type in error texts about its properties.
pub(crate) fn resource_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Application => "Application",
        ObjectKind::ServicePrincipal => "ServicePrincipal",
        ObjectKind::User => "User",
        ObjectKind::Group => "Group",
    }
}

/// A document with every property at its value when nothing is said.
pub(crate) fn blank(properties: &[Property]) -> Map<String, Value> {
    properties.iter().map(|property| (property.name.to_owned(), default(&property.shape))).collect()
}

fn default(shape: &Shape) -> Value {
    match shape {
        Shape::Text
        | Shape::Guid
        | Shape::Time
        | Shape::Integer
        | Shape::OptionalFlag
        | Shape::OptionalObject(_) => Value::Null,
        Shape::OneOf(values) => values.first().map_or(Value::Null, |first| Value::from(*first)),
        Shape::Flag(value) => Value::Bool(*value),
        Shape::Texts | Shape::Objects(_) => Value::Array(Vec::new()),
        Shape::Object(properties) => Value::Object(blank(properties)),
    }
}

/// Most characters of a name that people see.
const LONGEST_NAME: usize = 256;
/// Most characters of any other text.
const LONGEST_TEXT: usize = 4096;
/// Most entries of a list.
const LONGEST_LIST: usize = 1200;

/// Writes what a client sent into a document: nested objects are merged, lists are replaced, null stands for the
/// value when nothing is said. A property of the server's may be repeated with the value that it has.
///
/// # Errors
/// [`DirectoryError::UnknownProperty`], [`DirectoryError::ReadOnlyProperty`],
/// [`DirectoryError::InvalidProperty`]; the document may then be half written.
pub(crate) fn merge(
    kind: ObjectKind,
    document: &mut Map<String, Value>,
    sent: &Map<String, Value>,
) -> Result<(), DirectoryError> {
    Merge { resource: resource_name(kind) }.properties(properties(kind), document, sent, "")
}

struct Merge {
    resource: &'static str,
}

impl Merge {
    fn properties(
        &self,
        known: &[Property],
        document: &mut Map<String, Value>,
        sent: &Map<String, Value>,
        path: &str,
    ) -> Result<(), DirectoryError> {
        for (name, value) in sent.iter().filter(|(name, _)| !name.contains("@odata.")) {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let property = known
                .iter()
                .find(|property| property.name.eq_ignore_ascii_case(name))
                .ok_or_else(|| DirectoryError::UnknownProperty(path.clone()))?;
            let current = document.get(property.name);
            if property.writer == Writer::Server {
                if current.is_some_and(|current| current == value) {
                    continue;
                }
                return Err(DirectoryError::ReadOnlyProperty(path));
            }
            let written = self.value(&property.shape, current, value, &path)?;
            document.insert(property.name.to_owned(), written);
        }
        Ok(())
    }

    fn value(
        &self,
        shape: &Shape,
        current: Option<&Value>,
        sent: &Value,
        path: &str,
    ) -> Result<Value, DirectoryError> {
        let invalid =
            || DirectoryError::InvalidProperty { property: path.to_owned(), resource: self.resource };
        if sent.is_null() {
            return match shape {
                Shape::Flag(_) | Shape::OneOf(_) => Err(invalid()),
                _ => Ok(default(shape)),
            };
        }
        let longest = if path.ends_with("displayName") { LONGEST_NAME } else { LONGEST_TEXT };
        let short = |text: &str| text.chars().count() <= longest;
        let accepted = match shape {
            Shape::Text => sent.as_str().is_some_and(short),
            Shape::OneOf(values) => sent.as_str().is_some_and(|text| values.contains(&text)),
            Shape::Guid => sent.as_str().is_some_and(|text| Uuid::try_parse(text).is_ok()),
            Shape::Time => sent.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            Shape::Integer => sent.as_i64().is_some(),
            Shape::Flag(_) | Shape::OptionalFlag => sent.is_boolean(),
            Shape::Texts => sent.as_array().is_some_and(|list| {
                list.len() <= LONGEST_LIST && list.iter().all(|entry| entry.as_str().is_some_and(short))
            }),
            Shape::Object(known) | Shape::OptionalObject(known) => {
                let sent = sent.as_object().ok_or_else(invalid)?;
                let mut merged = current.and_then(Value::as_object).cloned().unwrap_or_else(|| blank(known));
                self.properties(known, &mut merged, sent, path)?;
                return Ok(Value::Object(merged));
            }
            Shape::Objects(known) => return self.objects(known, sent, path).map(Value::Array),
        };
        if accepted { Ok(sent.clone()) } else { Err(invalid()) }
    }

    fn objects(&self, known: &[Property], sent: &Value, path: &str) -> Result<Vec<Value>, DirectoryError> {
        let invalid =
            || DirectoryError::InvalidProperty { property: path.to_owned(), resource: self.resource };
        let list = sent.as_array().filter(|list| list.len() <= LONGEST_LIST).ok_or_else(invalid)?;
        list.iter()
            .map(|entry| {
                let mut merged = blank(known);
                self.properties(known, &mut merged, entry.as_object().ok_or_else(invalid)?, path)?;
                Ok(Value::Object(merged))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(kind: ObjectKind, sent: Value) -> Result<Value, String> {
        let mut document = blank(properties(kind));
        merge(kind, &mut document, sent.as_object().unwrap()).map_err(|error| error.to_string())?;
        Ok(Value::Object(document))
    }

    #[test]
    fn nested_objects_are_merged_and_lists_replaced() {
        let mut document = blank(APPLICATION);
        for sent in [
            json!({"web": {"redirectUris": ["https://a"], "logoutUrl": "https://out"}}),
            json!({"web": {"implicitGrantSettings": {"enableIdTokenIssuance": true}}}),
            json!({"web": {"redirectUris": ["https://b"]}, "tags": null}),
        ] {
            merge(ObjectKind::Application, &mut document, sent.as_object().unwrap()).unwrap();
        }
        assert_eq!(
            document["web"],
            json!({"homePageUrl": null, "implicitGrantSettings": {"enableAccessTokenIssuance": false,
                "enableIdTokenIssuance": true}, "logoutUrl": "https://out", "redirectUris": ["https://b"]})
        );
        assert_eq!(document["tags"], json!([]));
    }

    #[test]
    fn list_entries_get_all_their_properties() {
        let document = merged(
            ObjectKind::Application,
            json!({"@odata.type": "#microsoft.graph.application",
                "requiredResourceAccess": [{"resourceAppId": "00000003-0000-0000-c000-000000000000"}]}),
        )
        .unwrap();
        assert_eq!(
            document["requiredResourceAccess"],
            json!([{"resourceAccess": [], "resourceAppId": "00000003-0000-0000-c000-000000000000"}])
        );
    }

    #[test]
    fn wrong_types_name_the_property() {
        let wrong = |sent: Value| merged(ObjectKind::Application, sent).unwrap_err();
        for (sent, property) in [
            (json!({"displayName": 5}), "displayName"),
            (json!({"displayName": "x".repeat(257)}), "displayName"),
            (json!({"tags": "a"}), "tags"),
            (json!({"tags": [1]}), "tags"),
            (json!({"web": []}), "web"),
            (json!({"web": {"redirectUris": {}}}), "web.redirectUris"),
            (json!({"appRoles": [{"id": "x"}]}), "appRoles.id"),
            (json!({"appRoles": [7]}), "appRoles"),
            (json!({"signInAudience": "Everybody"}), "signInAudience"),
            (json!({"signInAudience": null}), "signInAudience"),
            (json!({"api": {"requestedAccessTokenVersion": "2"}}), "api.requestedAccessTokenVersion"),
        ] {
            assert_eq!(
                wrong(sent),
                format!("Invalid value specified for property '{property}' of resource 'Application'.")
            );
        }
        assert_eq!(wrong(json!({"web": {"nonsense": 1}})), "Invalid property 'web.nonsense'.");
        assert_eq!(wrong(json!({"appId": "x"})), "Property 'appId' is read-only and cannot be set.");
    }

    #[test]
    fn a_property_of_the_servers_may_be_repeated() {
        assert!(
            merged(ObjectKind::Application, json!({"keyCredentials": [], "deletedDateTime": null})).is_ok()
        );
    }
}
