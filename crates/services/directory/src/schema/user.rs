//! The properties of users.

use super::{Property, Shape, p, server};

const PASSWORD_PROFILE: &[Property] = &[
    p("password", Shape::Text),
    p("forceChangePasswordNextSignIn", Shape::Flag(true)),
    p("forceChangePasswordNextSignInWithMfa", Shape::Flag(false)),
];

const IDENTITY: &[Property] =
    &[p("signInType", Shape::Text), p("issuer", Shape::Text), p("issuerAssignedId", Shape::Text)];

/// The properties that a reply has when it is not told which.
pub(super) const DEFAULT: usize = 11;

pub(super) const USER: &[Property] = &[
    p("businessPhones", Shape::Texts),
    p("displayName", Shape::Text),
    p("givenName", Shape::Text),
    p("jobTitle", Shape::Text),
    p("mail", Shape::Text),
    p("mobilePhone", Shape::Text),
    p("officeLocation", Shape::Text),
    p("preferredLanguage", Shape::Text),
    p("surname", Shape::Text),
    p("userPrincipalName", Shape::Text),
    server("id", Shape::Guid),
    p("accountEnabled", Shape::Flag(true)),
    p("ageGroup", Shape::Text),
    p("city", Shape::Text),
    p("companyName", Shape::Text),
    p("consentProvidedForMinor", Shape::Text),
    p("country", Shape::Text),
    server("createdDateTime", Shape::Time),
    server("creationType", Shape::Text),
    server("deletedDateTime", Shape::Time),
    p("department", Shape::Text),
    p("employeeHireDate", Shape::Time),
    p("employeeId", Shape::Text),
    p("employeeType", Shape::Text),
    server("externalUserState", Shape::Text),
    server("externalUserStateChangeDateTime", Shape::Time),
    p("faxNumber", Shape::Text),
    server("identities", Shape::Objects(IDENTITY)),
    server("imAddresses", Shape::Texts),
    server("isManagementRestricted", Shape::OptionalFlag),
    server("isResourceAccount", Shape::OptionalFlag),
    server("lastPasswordChangeDateTime", Shape::Time),
    server("legalAgeGroupClassification", Shape::Text),
    p("mailNickname", Shape::Text),
    server("onPremisesDistinguishedName", Shape::Text),
    server("onPremisesDomainName", Shape::Text),
    p("onPremisesImmutableId", Shape::Text),
    server("onPremisesLastSyncDateTime", Shape::Time),
    server("onPremisesSamAccountName", Shape::Text),
    server("onPremisesSecurityIdentifier", Shape::Text),
    server("onPremisesSyncEnabled", Shape::OptionalFlag),
    server("onPremisesUserPrincipalName", Shape::Text),
    p("otherMails", Shape::Texts),
    p("passwordPolicies", Shape::Text),
    server("passwordProfile", Shape::OptionalObject(PASSWORD_PROFILE)),
    p("postalCode", Shape::Text),
    p("preferredDataLocation", Shape::Text),
    server("proxyAddresses", Shape::Texts),
    server("securityIdentifier", Shape::Text),
    p("showInAddressList", Shape::OptionalFlag),
    server("signInSessionsValidFromDateTime", Shape::Time),
    p("state", Shape::Text),
    p("streetAddress", Shape::Text),
    p("usageLocation", Shape::Text),
    p("userType", Shape::OneOf(&["Member", "Guest"])),
];
