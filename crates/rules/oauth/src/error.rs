//! The refusals of the authority. What client libraries act on, HTTP status, `error` and code, is in
//! `error_table`, how they are answered in `error_answer`; people read the texts here.

/// Most characters of a client's own text that a refusal repeats.
const MAX_SHOWN: usize = 256;

/// Why there is no token, or no sign-in. Its text is what stands in `error_description` after the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The tenant has no application of this client id.
    #[error(
        "Application with identifier '{}' was not found in the directory '{}'. It is not registered there, or the \
         request went to the wrong tenant.",
        shown(.client), shown(.tenant)
    )]
    ApplicationNotFound {
        /// The client id as it came.
        client: String,
        /// The tenant's name in the request.
        tenant: String,
    },
    /// The application exists, its service principal does not.
    #[error(
        "The client application {} is missing service principal in the tenant {}. Create the service principal \
         first.",
        shown(.client), shown(.tenant)
    )]
    NoServicePrincipal {
        /// The client id.
        client: String,
        /// The tenant's name in the request.
        tenant: String,
    },
    /// The application or its service principal is disabled.
    #[error("Application '{}' is disabled.", shown(.client))]
    ApplicationDisabled {
        /// The client id.
        client: String,
    },
    /// The secret is none of the application's, or not valid yet.
    #[error(
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
         not the client secret ID, for a secret added to app '{}'.",
        shown(.client)
    )]
    WrongSecret {
        /// The client id.
        client: String,
    },
    /// The secret, or the certificate, was right once.
    #[error(
        "The provided client secret keys or certificates for app '{}' are expired. Add a new one.",
        shown(.client)
    )]
    ExpiredSecret {
        /// The client id.
        client: String,
    },
    /// The request proves nothing, and its client is no public one.
    #[error("The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")]
    NoCredential,
    /// A public client sent a secret.
    #[error(
        "Client '{}' is public so neither 'client_assertion' nor 'client_secret' should be presented.",
        shown(.client)
    )]
    CredentialNotAllowed {
        /// The client id.
        client: String,
    },
    /// The client assertion is not signed with a key that the application has, or was used before.
    #[error(
        "Client assertion failed signature validation, or the certificate used to sign it is not registered on \
         the application. [Reason - {}]",
        shown(.reason)
    )]
    AssertionSignature {
        /// What was found wrong.
        reason: String,
    },
    /// The client assertion is for somebody else.
    #[error(
        "Client assertion audience claim does not match Realm issuer. The audience is the token endpoint's URL."
    )]
    AssertionAudience,
    /// The client assertion is over, too early or too long-lived.
    #[error("Client assertion is not within its valid time range.")]
    AssertionTime,
    /// The client assertion is another application's.
    #[error("Client assertion application identifier does not match 'client_id' parameter.")]
    AssertionSubject,
    /// The client assertion cannot be read.
    #[error("JWT token is invalid or malformed.")]
    AssertionMalformed,
    /// The application has no federated credential.
    #[error("No matching federated identity record found for presented assertion.")]
    NoFederatedCredential,
    /// No federated credential names the assertion's issuer.
    #[error("No matching federated identity record found for presented assertion issuer '{}'.", shown(.issuer))]
    FederatedIssuer {
        /// The assertion's.
        issuer: String,
    },
    /// No federated credential names the assertion's audience.
    #[error("No matching federated identity record found for presented assertion audience '{}'.", shown(.audience))]
    FederatedAudience {
        /// The assertion's.
        audience: String,
    },
    /// No federated credential names the assertion's subject.
    #[error("No matching federated identity record found for presented assertion subject '{}'.", shown(.subject))]
    FederatedSubject {
        /// The assertion's.
        subject: String,
    },
    /// A federated credential differs from the assertion in letter case alone.
    #[error(
        "No matching federated identity record found for presented assertion: issuer, subject or audience differ \
         in letter case only. They are compared exactly."
    )]
    FederatedCase,
    /// There is no such tenant.
    #[error(
        "Tenant '{}' not found. Check to make sure you have the correct tenant ID and are signing into the \
         correct cloud.",
        shown(.tenant)
    )]
    UnknownTenant {
        /// The tenant's name in the request.
        tenant: String,
    },
    /// `common` or `organizations` where only one tenant will do.
    #[error(
        "No tenant-identifying information found in either the request or implied by any provided credentials. An \
         application signs in at its tenant's own endpoint."
    )]
    NoTenant,
    /// An application of one tenant asked at `common`.
    #[error(
        "Application '{}' is not configured as a multi-tenant application. Usage of the /common endpoint is not \
         supported for such applications. Use a tenant-specific endpoint.",
        shown(.client)
    )]
    NotMultiTenant {
        /// The client id.
        client: String,
    },
    /// A parameter is missing or empty.
    #[error("The request body must contain the following parameter: '{name}'.")]
    MissingParameter {
        /// Its name.
        name: &'static str,
    },
    /// Repeated or contradictory parameters, unreadable encodings, a token that is none.
    #[error("Invalid request. Request is malformed or invalid.")]
    Malformed,
    /// A grant that there is not.
    #[error("The app requested an unsupported grant type '{}'.", shown(.grant))]
    UnsupportedGrant {
        /// The grant.
        grant: String,
    },
    /// Scopes that cannot be, or of several resources.
    #[error(
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
         'scope' is not valid. The scope {} is not valid.",
        shown(.scope)
    )]
    InvalidScope {
        /// The scopes.
        scope: String,
    },
    /// A scope that is not a resource's `/.default`.
    #[error(
        "The provided value for scope {} is not valid. Client credential flows must have a scope value with \
         /.default suffixed to the resource identifier (application ID URI).",
        shown(.scope)
    )]
    ScopeWithoutDefault {
        /// The scope.
        scope: String,
    },
    /// The resource publishes no such permission.
    #[error(
        "The application asked for scope '{}' that doesn't exist on the resource '{}'.",
        shown(.scope), shown(.resource)
    )]
    UnknownPermission {
        /// The permission.
        scope: String,
        /// The resource.
        resource: String,
    },
    /// No resource of this name.
    #[error(
        "The resource principal named {} was not found in the tenant named {}. It is not one of this tenant's \
         resources, or the request went to the wrong tenant.",
        shown(.resource), shown(.tenant)
    )]
    ResourceNotFound {
        /// The resource as the client spelled it.
        resource: String,
        /// The tenant's name in the request.
        tenant: String,
    },
    /// The resource may not be used.
    #[error("The service principal for resource '{}' is disabled.", shown(.resource))]
    ResourceDisabled {
        /// The resource as the client spelled it.
        resource: String,
    },
    /// The user has not given the client what it asks for.
    #[error(
        "The user or administrator has not consented to use the application with ID '{}'. Send an interactive \
         authorization request for this user and resource.",
        shown(.client)
    )]
    ConsentRequired {
        /// The client id.
        client: String,
    },
    /// The user said no.
    #[error("User declined to consent to access the app '{}'.", shown(.client))]
    ConsentDeclined {
        /// The client id.
        client: String,
    },
    /// A permission that only an administrator can give.
    #[error(
        "The grant requires admin permission: an administrator must consent to the permissions of the application \
         '{}'.",
        shown(.client)
    )]
    AdminConsentRequired {
        /// The client id.
        client: String,
    },
    /// The name's domain is not one of the tenant's. Which names a tenant has is never told.
    #[error(
        "The user account {} does not exist in the directory. To sign into this application, the account must be \
         added to the directory.",
        shown(.login)
    )]
    UnknownUser {
        /// The user's name as it came.
        login: String,
    },
    /// An unknown user or a wrong password: which, is never told.
    #[error("Error validating credentials due to invalid username or password.")]
    WrongPassword,
    /// Too many wrong passwords.
    #[error(
        "The account is locked, you've tried to sign in too many times with an incorrect user ID or password. Try \
         again later."
    )]
    UserLocked,
    /// The user must choose a new password.
    #[error("The password is expired: the user must change it by signing in with a browser.")]
    PasswordExpired,
    /// The user may not sign in. Told after the right password only.
    #[error("The user account is disabled.")]
    UserDisabled,
    /// The user has a second factor, which the request cannot carry.
    #[error(
        "Due to a configuration change made by your administrator, or because you moved to a new location, you \
         must use multi-factor authentication to access the resource."
    )]
    MfaRequired,
    /// The application requires an assignment that the user lacks.
    #[error(
        "The signed in user is not assigned to a role for the application '{}'. An administrator must assign the \
         user, or a group of which the user is a direct member.",
        shown(.client)
    )]
    UserNotAssigned {
        /// The client id.
        client: String,
    },
    /// The resource requires an assignment that the client lacks.
    #[error(
        "Application '{}' is not assigned to a role for the application '{}'.",
        shown(.client), shown(.resource)
    )]
    AppNotAssigned {
        /// The client id.
        client: String,
        /// The resource.
        resource: String,
    },
    /// The grant is older than a password change or a revocation.
    #[error(
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might \
         have changed or reset their password."
    )]
    SessionsRevoked,
    /// The code is too old.
    #[error(
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive \
         authorization request for this user and resource."
    )]
    CodeExpired,
    /// The refresh token was not used for too long.
    #[error(
        "The refresh token has expired due to inactivity. Send a new interactive authorization request for this \
         user and resource."
    )]
    RefreshExpired,
    /// A code or refresh token that is nobody's, another client's, revoked, or a refresh token's second use.
    #[error("Provided grant is invalid: it was revoked, used already, or issued to another client.")]
    InvalidGrant,
    /// The code's second use.
    #[error(
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing \
         refresh token."
    )]
    CodeRedeemed,
    /// The verifier is not that of the challenge, or one of the two is missing.
    #[error("The Code_Verifier does not match the code_challenge supplied in the authorization request.")]
    VerifierMismatch,
    /// A challenge of another method than S256.
    #[error("Invalid code_challenge or code_challenge_method. The method is S256.")]
    InvalidChallenge,
    /// A public client sent no challenge.
    #[error(
        "Proof Key for Code Exchange is required for public client authorization code redemption: application \
         '{}'.",
        shown(.client)
    )]
    PkceRequired {
        /// The client id.
        client: String,
    },
    /// Nobody is ever sent there.
    #[error(
        "The redirect URI '{}' specified in the request does not match the redirect URIs configured for the \
         application '{}'.",
        shown(.client), shown(.uri)
    )]
    RedirectNotRegistered {
        /// The client id.
        client: String,
        /// The redirect URI as it came.
        uri: String,
    },
    /// The code was sent to another redirect URI.
    #[error(
        "The reply address does not match the reply address provided when requesting Authorization code."
    )]
    RedirectMismatch,
    /// The user has not decided yet.
    #[error("OAuth 2.0 device flow error. Authorization is pending. Continue polling.")]
    AuthorizationPending,
    /// The client asks too often.
    #[error(
        "OAuth 2.0 device flow error. The client polls too often: wait five seconds more between requests."
    )]
    SlowDown,
    /// The user said no.
    #[error("OAuth 2.0 device flow error. The end user denied the authorization request.")]
    DeviceDeclined,
    /// The device code is too old.
    #[error("OAuth 2.0 device flow error. The verification code has expired. Ask for a new one.")]
    DeviceCodeExpired,
    /// Nobody's device code.
    #[error("OAuth 2.0 device flow error. The device code is not known, or was used already.")]
    BadDeviceCode,
    /// The token that a client wants to act on is not one for it.
    #[error("Assertion failed validation. [Reason - {}]", shown(.reason))]
    InvalidAssertion {
        /// What was found wrong.
        reason: String,
    },
    /// The token that a client wants to act on is over.
    #[error(
        "Assertion is not within its valid time range. Ensure that the access token is not expired before using \
         it for user assertion."
    )]
    AssertionExpired,
    /// Nobody is signed in, and the client wants no page.
    #[error("A silent sign-in request was sent but no user is signed in.")]
    LoginRequired,
    /// The user who is signed in is of another tenant.
    #[error(
        "The user account does not exist in tenant '{}' and cannot access the application in that tenant. Sign \
         out and sign in again with an account of the tenant.",
        shown(.tenant)
    )]
    UserNotInTenant {
        /// The tenant's name in the request.
        tenant: String,
    },
    /// The page is too old, was sent from elsewhere, or lost its cookie.
    #[error("Authentication failed due to flow token expired. Start signing in again.")]
    FlowExpired,
    /// The implicit grant is off for the application.
    #[error("response_type '{kind}' is not enabled for the application.")]
    ResponseTypeNotEnabled {
        /// `token` or `id_token`.
        kind: &'static str,
    },
    /// A response type that there is not.
    #[error("The response type '{}' is not supported.", shown(.kind))]
    UnsupportedResponseType {
        /// The response type.
        kind: String,
    },
    /// A response mode that there is not, or that would show a token.
    #[error("'{}' is not a supported value of 'response_mode' when requesting a token.", shown(.mode))]
    UnsupportedResponseMode {
        /// The response mode.
        mode: String,
    },
    /// The token endpoint was asked by another method than POST.
    #[error("The endpoint only accepts POST requests. Received a {} request.", shown(.method))]
    PostOnly {
        /// The method.
        method: String,
    },
    /// Instance discovery for a host that is not this authority's.
    #[error("Unknown or invalid instance.")]
    InvalidInstance,
    /// The server cannot answer now; the log says why.
    #[error("The service is temporarily unavailable. Please retry later.")]
    TemporarilyUnavailable,
    /// The server failed; the log says how.
    #[error("An error occurred while the token was being issued.")]
    ServerError,
}

/// A client's text, bounded and without control characters, as it may stand in a refusal.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
    if text.chars().count() > MAX_SHOWN {
        shown.push('…');
    }
    shown
}
