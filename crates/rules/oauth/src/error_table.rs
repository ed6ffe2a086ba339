//! Entra's codes: what client libraries act on, and what each means (reference entra-arm-clients.md section 3.4).

use crate::SignInError;

/// Code, HTTP status, `error`.
pub(crate) fn row(refusal: &SignInError) -> (u32, u16, &'static str) {
    match refusal {
        SignInError::ApplicationNotFound { .. } => (700_016, 400, "unauthorized_client"),
        SignInError::NoServicePrincipal { .. } => (7_000_229, 400, "unauthorized_client"),
        SignInError::ApplicationDisabled { .. } => (7_000_112, 400, "unauthorized_client"),
        SignInError::WrongSecret { .. } => (7_000_215, 401, "invalid_client"),
        SignInError::ExpiredSecret { .. } => (7_000_222, 401, "invalid_client"),
        SignInError::NoCredential => (7_000_218, 401, "invalid_client"),
        SignInError::CredentialNotAllowed { .. } => (700_025, 401, "invalid_client"),
        SignInError::AssertionSignature { .. } => (700_027, 401, "invalid_client"),
        SignInError::AssertionAudience => (700_023, 401, "invalid_client"),
        SignInError::AssertionTime => (700_024, 401, "invalid_client"),
        SignInError::AssertionSubject => (700_021, 401, "invalid_client"),
        SignInError::AssertionMalformed => (50_027, 401, "invalid_client"),
        SignInError::NoFederatedCredential => (70_021, 400, "invalid_request"),
        SignInError::FederatedIssuer { .. } => (700_211, 401, "invalid_client"),
        SignInError::FederatedAudience { .. } => (700_212, 401, "invalid_client"),
        SignInError::FederatedSubject { .. } => (700_213, 401, "invalid_client"),
        SignInError::FederatedCase => (7_002_138, 401, "invalid_client"),
        SignInError::UnknownTenant { .. } => (90_002, 400, "invalid_request"),
        SignInError::NoTenant => (50_059, 400, "invalid_request"),
        SignInError::NotMultiTenant { .. } => (50_194, 400, "invalid_request"),
        SignInError::MissingParameter { .. } => (900_144, 400, "invalid_request"),
        SignInError::Malformed => (9_002_313, 400, "invalid_request"),
        SignInError::UnsupportedGrant { .. } => (70_003, 400, "unsupported_grant_type"),
        SignInError::InvalidScope { .. } => (70_011, 400, "invalid_scope"),
        SignInError::ScopeWithoutDefault { .. } => (1_002_012, 400, "invalid_scope"),
        SignInError::UnknownPermission { .. } => (650_053, 400, "invalid_client"),
        SignInError::ResourceNotFound { .. } => (500_011, 400, "invalid_resource"),
        SignInError::ResourceDisabled { .. } => (500_014, 400, "invalid_resource"),
        SignInError::ConsentRequired { .. } => (65_001, 400, "invalid_grant"),
        SignInError::ConsentDeclined { .. } => (65_004, 400, "access_denied"),
        SignInError::AdminConsentRequired { .. } => (90_094, 400, "access_denied"),
        SignInError::UnknownUser { .. } => (50_034, 400, "invalid_grant"),
        SignInError::WrongPassword => (50_126, 400, "invalid_grant"),
        SignInError::UserLocked => (50_053, 400, "invalid_grant"),
        SignInError::PasswordExpired => (50_055, 400, "invalid_grant"),
        SignInError::UserDisabled => (50_057, 400, "invalid_grant"),
        SignInError::MfaRequired => (50_076, 400, "invalid_grant"),
        SignInError::UserNotAssigned { .. } => (50_105, 400, "invalid_grant"),
        SignInError::AppNotAssigned { .. } => (501_051, 400, "invalid_grant"),
        SignInError::SessionsRevoked => (50_173, 400, "invalid_grant"),
        SignInError::CodeExpired => (70_008, 400, "invalid_grant"),
        SignInError::RefreshExpired => (700_082, 400, "invalid_grant"),
        SignInError::InvalidGrant => (70_000, 400, "invalid_grant"),
        SignInError::CodeRedeemed => (54_005, 400, "invalid_grant"),
        SignInError::VerifierMismatch => (501_481, 400, "invalid_grant"),
        SignInError::InvalidChallenge => (501_491, 400, "invalid_request"),
        SignInError::PkceRequired { .. } => (9_002_325, 400, "invalid_request"),
        SignInError::RedirectNotRegistered { .. } => (50_011, 400, "invalid_request"),
        SignInError::RedirectMismatch => (500_112, 401, "invalid_client"),
        SignInError::AuthorizationPending => (70_016, 400, "authorization_pending"),
        SignInError::SlowDown => (90_055, 400, "slow_down"),
        SignInError::DeviceDeclined => (70_020, 400, "authorization_declined"),
        SignInError::DeviceCodeExpired => (70_019, 400, "expired_token"),
        SignInError::BadDeviceCode => (70_018, 400, "bad_verification_code"),
        SignInError::InvalidAssertion { .. } => (50_013, 400, "invalid_grant"),
        SignInError::AssertionExpired => (500_133, 400, "invalid_grant"),
        SignInError::LoginRequired => (50_058, 400, "login_required"),
        SignInError::UserNotInTenant { .. } => (50_020, 400, "invalid_grant"),
        SignInError::FlowExpired => (50_089, 400, "invalid_request"),
        SignInError::ResponseTypeNotEnabled { kind: "id_token" } => {
            (700_054, 400, "unsupported_response_type")
        }
        SignInError::ResponseTypeNotEnabled { .. } => (700_051, 400, "unsupported_response_type"),
        SignInError::UnsupportedResponseType { .. } => (70_005, 400, "unsupported_response_type"),
        SignInError::UnsupportedResponseMode { .. } => (70_007, 400, "invalid_request"),
        SignInError::PostOnly { .. } => (900_561, 400, "invalid_request"),
        SignInError::InvalidInstance => (50_049, 400, "invalid_instance"),
        SignInError::TemporarilyUnavailable => (90_033, 503, "temporarily_unavailable"),
        SignInError::ServerError => (50_000, 500, "server_error"),
    }
}

/// Microsoft's `suberror`.
pub(crate) fn suberror(refusal: &SignInError) -> Option<&'static str> {
    match refusal {
        SignInError::ConsentRequired { .. } => Some("consent_required"),
        SignInError::MfaRequired => Some("basic_action"),
        SignInError::SessionsRevoked => Some("bad_token"),
        SignInError::RefreshExpired => Some("bad_token"),
        SignInError::InvalidGrant => Some("bad_token"),
        _ => None,
    }
}

/// What each code means to the person who looks it up.
const MEANINGS: &[(u32, &str)] = &[
    (700_016, "The tenant has no application with this client id."),
    (7_000_229, "The application is registered, but its service principal is missing in the tenant."),
    (7_000_112, "The application or its service principal is disabled."),
    (
        7_000_215,
        "The client secret is wrong: none of the application's secrets has this value. Use the secret's value, \
         not its id.",
    ),
    (7_000_222, "The client secret or certificate has expired. Add a new one to the application."),
    (
        7_000_218,
        "The request carries no client secret and no client assertion, and the client is not a public one.",
    ),
    (700_025, "A public client can keep no secret, so it may send none."),
    (
        700_027,
        "The client assertion is not signed by a certificate of the application, or it was used before.",
    ),
    (700_023, "The client assertion's audience is not this token endpoint."),
    (700_024, "The client assertion is not within its valid time range. Check the client's clock."),
    (700_021, "The client assertion's issuer and subject are not the client id of the request."),
    (50_027, "The client assertion is not a JWT that can be read."),
    (70_021, "The application has no federated credential for this assertion."),
    (700_211, "No federated credential of the application names the assertion's issuer."),
    (700_212, "No federated credential of the application names the assertion's audience."),
    (700_213, "No federated credential of the application names the assertion's subject."),
    (
        7_002_138,
        "Issuer, subject or audience of the assertion differ from the federated credential in letter case only.",
    ),
    (90_002, "There is no tenant of this id or domain name."),
    (50_059, "An application signs in at its tenant's own endpoint, not at `common`."),
    (50_194, "An application of one tenant signs its users in at that tenant's own endpoint."),
    (900_144, "A parameter of the request is missing or empty."),
    (9_002_313, "The request is malformed: a parameter is repeated, contradictory or unreadable."),
    (70_003, "The grant type is not one that this server has."),
    (70_011, "The scope is not valid: ask for one resource at a time, and for `.default` alone."),
    (1_002_012, "The scope of the client-credentials grant is a resource followed by `/.default`."),
    (650_053, "The resource publishes no permission of this name."),
    (500_011, "The tenant has no resource of this name."),
    (500_014, "The service principal of the resource is disabled."),
    (
        65_001,
        "Neither the user nor an administrator has given the application the permissions that it asks for.",
    ),
    (65_004, "The user declined to give the application what it asked for."),
    (90_094, "One of the permissions can be given by an administrator only."),
    (50_034, "The user name is of a domain that this tenant does not have."),
    (50_126, "The user name or the password is wrong."),
    (50_053, "The account is locked for a while after too many wrong passwords."),
    (50_055, "The password must be changed: sign in with a browser."),
    (50_057, "The user account is disabled."),
    (50_076, "The user signs in with a second factor: use the browser."),
    (50_105, "The application is for assigned users only, and the user is not assigned."),
    (501_051, "The resource is for assigned applications only, and the client is not assigned."),
    (50_173, "The user's sessions were revoked, by a new password for one. Sign in again."),
    (70_008, "The authorization code is too old."),
    (700_082, "The refresh token was not used for too long. Sign in again."),
    (
        70_000,
        "The code or refresh token is not this client's, was revoked, or is a refresh token that was used \
         already. Sign in again.",
    ),
    (54_005, "The authorization code was used already. What its first use gave is revoked."),
    (501_481, "The PKCE verifier does not belong to the challenge of the authorization request."),
    (501_491, "The PKCE challenge is not a SHA-256 hash with the method `S256`."),
    (9_002_325, "A public client must use PKCE with the method `S256`."),
    (50_011, "The redirect URI is not registered with the application. It must match exactly."),
    (500_112, "The redirect URI is not the one that the authorization request had."),
    (70_016, "The user has not entered the code yet."),
    (90_055, "The client asks too often."),
    (70_020, "The user refused the sign-in on the device."),
    (70_019, "The device code is too old. Start again."),
    (70_018, "The device code is not known, or was used already."),
    (50_013, "The token that the client wants to act on behalf of is not a user's token for this client."),
    (500_133, "The token that the client wants to act on behalf of has expired."),
    (50_058, "A silent sign-in was asked for, and nobody is signed in."),
    (50_020, "The signed-in user is of another tenant."),
    (50_089, "The sign-in page is too old, or the browser did not keep its cookie. Start again."),
    (700_051, "The application does not allow tokens straight from the authorization endpoint."),
    (700_054, "The application does not allow tokens straight from the authorization endpoint."),
    (70_005, "The response type is not one that this server has."),
    (70_007, "The response mode is not supported, or would put a token into a query."),
    (900_561, "The endpoint takes POST requests only."),
    (50_049, "The host that instance discovery asked about is not this authority's."),
    (90_033, "The server cannot answer now. Try again later."),
    (50_000, "The server failed. Its log names the cause under the trace id."),
];

/// What a code means; `None` for one that this server never gives.
pub(crate) fn meaning(code: u32) -> Option<&'static str> {
    MEANINGS.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each() -> Vec<SignInError> {
        let text = || "x".to_owned();
        vec![
            SignInError::ApplicationNotFound { client: text(), tenant: text() },
            SignInError::NoServicePrincipal { client: text(), tenant: text() },
            SignInError::ApplicationDisabled { client: text() },
            SignInError::WrongSecret { client: text() },
            SignInError::ExpiredSecret { client: text() },
            SignInError::NoCredential,
            SignInError::CredentialNotAllowed { client: text() },
            SignInError::AssertionSignature { reason: text() },
            SignInError::AssertionAudience,
            SignInError::AssertionTime,
            SignInError::AssertionSubject,
            SignInError::AssertionMalformed,
            SignInError::NoFederatedCredential,
            SignInError::FederatedIssuer { issuer: text() },
            SignInError::FederatedAudience { audience: text() },
            SignInError::FederatedSubject { subject: text() },
            SignInError::FederatedCase,
            SignInError::UnknownTenant { tenant: text() },
            SignInError::NoTenant,
            SignInError::NotMultiTenant { client: text() },
            SignInError::MissingParameter { name: "token" },
            SignInError::Malformed,
            SignInError::UnsupportedGrant { grant: text() },
            SignInError::InvalidScope { scope: text() },
            SignInError::ScopeWithoutDefault { scope: text() },
            SignInError::UnknownPermission { scope: text(), resource: text() },
            SignInError::ResourceNotFound { resource: text(), tenant: text() },
            SignInError::ResourceDisabled { resource: text() },
            SignInError::ConsentRequired { client: text() },
            SignInError::ConsentDeclined { client: text() },
            SignInError::AdminConsentRequired { client: text() },
            SignInError::UnknownUser { login: text() },
            SignInError::WrongPassword,
            SignInError::UserLocked,
            SignInError::PasswordExpired,
            SignInError::UserDisabled,
            SignInError::MfaRequired,
            SignInError::UserNotAssigned { client: text() },
            SignInError::AppNotAssigned { client: text(), resource: text() },
            SignInError::SessionsRevoked,
            SignInError::CodeExpired,
            SignInError::RefreshExpired,
            SignInError::InvalidGrant,
            SignInError::CodeRedeemed,
            SignInError::VerifierMismatch,
            SignInError::InvalidChallenge,
            SignInError::PkceRequired { client: text() },
            SignInError::RedirectNotRegistered { client: text(), uri: text() },
            SignInError::RedirectMismatch,
            SignInError::AuthorizationPending,
            SignInError::SlowDown,
            SignInError::DeviceDeclined,
            SignInError::DeviceCodeExpired,
            SignInError::BadDeviceCode,
            SignInError::InvalidAssertion { reason: text() },
            SignInError::AssertionExpired,
            SignInError::LoginRequired,
            SignInError::UserNotInTenant { tenant: text() },
            SignInError::FlowExpired,
            SignInError::ResponseTypeNotEnabled { kind: "token" },
            SignInError::UnsupportedResponseType { kind: text() },
            SignInError::UnsupportedResponseMode { mode: text() },
            SignInError::PostOnly { method: text() },
            SignInError::InvalidInstance,
            SignInError::TemporarilyUnavailable,
            SignInError::ServerError,
            SignInError::ResponseTypeNotEnabled { kind: "id_token" },
        ]
    }

    #[test]
    fn codes_are_unique_and_explained() {
        let mut codes: Vec<u32> = each().iter().map(SignInError::code).collect();
        assert!(codes.iter().all(|code| SignInError::explain(*code).is_some()));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), each().len());
        assert_eq!(codes.len(), MEANINGS.len());
        assert_eq!(SignInError::explain(1), None);
    }

    #[test]
    fn every_refusal_is_a_client_error_but_the_servers_own() {
        for refusal in each() {
            assert_eq!(refusal.status() >= 500, refusal.is_temporary(), "{refusal}");
        }
    }
}
