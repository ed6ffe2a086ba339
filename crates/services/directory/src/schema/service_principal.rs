//! The properties of service principals.

use super::application::{APP_ROLE, INFO, PERMISSION_SCOPE};
use super::{KEY_CREDENTIALS, PASSWORD_CREDENTIALS, Property, Shape, p, server};

pub(super) const SERVICE_PRINCIPAL: &[Property] = &[
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
