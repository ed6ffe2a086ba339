//! The properties of applications.

use super::{KEY_CREDENTIALS, PASSWORD_CREDENTIALS, Property, Shape, once, p, server};

pub(super) const APP_ROLE: &[Property] = &[
    p("allowedMemberTypes", Shape::Texts),
    p("description", Shape::Text),
    p("displayName", Shape::Text),
    p("id", Shape::Guid),
    p("isEnabled", Shape::Flag(true)),
    p("origin", Shape::Text),
    p("value", Shape::Text),
];

pub(super) const PERMISSION_SCOPE: &[Property] = &[
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

pub(super) const INFO: &[Property] = &[
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

pub(super) const APPLICATION: &[Property] = &[
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
    once("uniqueName", Shape::Text),
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
