//! Making tokens: for users through clients.

use gatepost_directory::Registration;
use gatepost_names::{ObjectId, TenantId};
use gatepost_oauth::{
    Endpoint, GroupsClaim, IdToken, Resource, Scopes, SignInError, TokenFrame, TokenVersion, UserFacts,
    UserToken, client_info,
};
use gatepost_store::sessions_grants::{GrantRow, insert_grant};
use gatepost_store::{StoreError, Tx, sessions};
use uuid::Uuid;

use crate::issue::{credential_claim, entropy, issued};
use crate::{AskingClient, GrantError, IssuedToken, Tokens};

/// How long a sign-in to a client is remembered where no refresh token came of it: longer than a token lives.
pub(crate) const GRANT_MICROS: i64 = 2 * 3600 * 1_000_000;

/// A user who proved to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedInUser {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: ObjectId,
    /// How: words of RFC 8176.
    pub methods: Vec<String>,
    /// When, in microseconds.
    pub signed_in_at: i64,
}

/// What an ID token is to say beside what it always says.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdTokenWishes<'a> {
    pub(crate) nonce: Option<&'a str>,
    pub(crate) with_time: bool,
    pub(crate) code: Option<&'a str>,
    pub(crate) access_token: Option<&'a str>,
}

/// What a client gets for a user.
#[derive(Clone)]
pub struct UserReply {
    /// The access token.
    pub access: IssuedToken,
    /// What the token may be used for, in the words of the request.
    pub scope: String,
    /// The refresh token, if one was asked for.
    pub refresh_token: Option<String>,
    /// The ID token, if one was asked for.
    pub id_token: Option<String>,
    /// MSAL's name of the account.
    pub client_info: String,
    /// The user.
    pub user: std::sync::Arc<UserFacts>,
    /// How the user signed in.
    pub methods: String,
}

impl Tokens {
    /// Whether the user may sign in at all: exists, is enabled, and did not sign in before its sign-ins were
    /// revoked.
    pub(crate) fn require_user(&self, grant: &GrantRow) -> Result<(), GrantError> {
        let principal = self.0.directory.principal(grant.tenant, grant.user)?;
        let Some(principal) = principal else { return Err(SignInError::InvalidGrant.into()) };
        if !principal.enabled {
            return Err(SignInError::UserDisabled.into());
        }
        let valid_from = self.0.store.read(|conn| sessions::valid_from(conn, grant.tenant, grant.user))?;
        if grant.signed_in_at < valid_from {
            return Err(SignInError::SessionsRevoked.into());
        }
        Ok(())
    }

    /// The row of a new sign-in to a client.
    pub(crate) fn new_grant(&self, client: &AskingClient, user: &SignedInUser) -> GrantRow {
        let now = self.0.clock.micros();
        GrantRow {
            id: Uuid::new_v4(),
            tenant: user.tenant,
            user: user.user,
            client: client.app_id(),
            methods: user.methods.join(" "),
            signed_in_at: user.signed_in_at,
            created_at: now,
            expires_at: now + GRANT_MICROS,
            revoked_at: None,
            refresh: None,
            refresh_number: 0,
            parent: None,
        }
    }

    /// Writes a new sign-in to a client.
    pub(crate) fn begin_grant(
        &self,
        client: &AskingClient,
        user: &SignedInUser,
        more: impl FnOnce(&Tx<'_>, &GrantRow) -> Result<(), StoreError>,
    ) -> Result<GrantRow, GrantError> {
        self.require_assigned(user.tenant, user.user, Some(&client.registration), || {
            SignInError::UserNotAssigned { client: client.named() }
        })?;
        let grant = self.new_grant(client, user);
        self.0.store.write_queue(|tx| {
            insert_grant(tx, &grant)?;
            more(tx, &grant)
        })?;
        Ok(grant)
    }

    /// The tokens of a user's sign-in to a client. A refresh token is added by whoever may give one.
    pub(crate) fn user_tokens(
        &self,
        client: &AskingClient,
        grant: &GrantRow,
        scopes: &Scopes,
        endpoint: Endpoint,
        wishes: &IdTokenWishes<'_>,
    ) -> Result<UserReply, GrantError> {
        self.require_user(grant)?;
        let user = self
            .user_facts(grant.tenant, grant.user)?
            .ok_or(GrantError::Refused(SignInError::InvalidGrant))?;
        let (access, permissions) = self.user_access_token(client, grant, &user, scopes)?;
        let id_token = match scopes.openid {
            true => Some(self.id_token(client, grant, &user, scopes, endpoint, wishes)?),
            false => None,
        };
        Ok(UserReply {
            scope: scope_shown(scopes, &permissions),
            access,
            refresh_token: None,
            id_token,
            client_info: client_info(grant.user.0, grant.tenant),
            user,
            methods: grant.methods.clone(),
        })
    }

    fn user_access_token(
        &self,
        client: &AskingClient,
        grant: &GrantRow,
        user: &UserFacts,
        scopes: &Scopes,
    ) -> Result<(IssuedToken, Vec<String>), GrantError> {
        let audience = scopes.audience_or_graph();
        let target = self.target(grant.tenant, &audience)?;
        self.require_assigned(grant.tenant, grant.user, Some(&target.registration), || {
            SignInError::UserNotAssigned { client: audience.clone() }
        })?;
        let permissions = self.granted(client, &target, grant.user, scopes)?;
        let roles = self.roles_at(grant.tenant, grant.user, Some(target.service_principal))?;
        let now = self.seconds();
        let group_claims = target.registration.group_claims.as_deref();
        let wants_groups = target.own == Some(Resource::ResourceManager) || wants_groups(group_claims);
        let groups = match wants_groups {
            true => self.0.directory.groups_of(grant.tenant, grant.user),
            false => Vec::new(),
        };
        let directory_roles = match target.own {
            Some(Resource::ResourceManager | Resource::Graph) => {
                self.0.directory.directory_roles_of(grant.tenant, grant.user)
            }
            _ => Vec::new(),
        };
        let methods: Vec<String> = grant.methods.split(' ').map(str::to_owned).collect();
        let credential = client.credential.map(credential_claim);
        let token = UserToken {
            frame: TokenFrame {
                authority: &self.0.authority,
                tenant: grant.tenant,
                version: target.version,
                audience: &target.audience(&audience),
                app_id: client.app_id(),
                proof: client.proof(),
                credential: credential.as_deref(),
                roles: &roles,
                capabilities: &client.capabilities,
                now,
                entropy: entropy()?,
            },
            user,
            // The same as in the ID token: clients compare the two.
            subject: &self.0.sealing.subject(client.app_id(), grant.user),
            scopes: &permissions,
            methods: &methods,
            session: grant.id,
            directory_roles: &directory_roles,
            groups: if wants_groups { GroupsClaim::Ids(&groups) } else { GroupsClaim::None },
            graph: &self.0.graph,
        };
        Ok((issued(self.sign(&token.claims())?, &audience, now), permissions))
    }

    pub(crate) fn id_token(
        &self,
        client: &AskingClient,
        grant: &GrantRow,
        user: &UserFacts,
        scopes: &Scopes,
        endpoint: Endpoint,
        wishes: &IdTokenWishes<'_>,
    ) -> Result<String, GrantError> {
        let registration: &Registration = &client.registration;
        let wants_groups = wants_groups(registration.group_claims.as_deref());
        let groups = match wants_groups {
            true => self.0.directory.groups_of(grant.tenant, grant.user),
            false => Vec::new(),
        };
        let roles = self.roles_at(grant.tenant, grant.user, registration.service_principal)?;
        let (code, token) =
            (wishes.code.map(crate::sealing::hash), wishes.access_token.map(crate::sealing::hash));
        let token = IdToken {
            authority: &self.0.authority,
            tenant: grant.tenant,
            version: match endpoint {
                Endpoint::V1 => TokenVersion::V1,
                Endpoint::V2 => TokenVersion::V2,
            },
            app_id: client.app_id(),
            user,
            subject: &self.0.sealing.subject(client.app_id(), grant.user),
            nonce: wishes.nonce,
            session: grant.id,
            email: scopes.email,
            signed_in_at: wishes.with_time.then_some(grant.signed_in_at / 1_000_000),
            roles: &roles,
            groups: if wants_groups { GroupsClaim::Ids(&groups) } else { GroupsClaim::None },
            graph: &self.0.graph,
            code_hash: code.as_deref(),
            token_hash: token.as_deref(),
            now: self.seconds(),
            entropy: entropy()?,
        };
        self.sign(&token.claims())
    }

    /// The tokens of the grant `password` (RFC 6749 section 4.3). The caller has verified the password.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn password_tokens(
        &self,
        client: &AskingClient,
        user: &SignedInUser,
        scopes: &Scopes,
        endpoint: Endpoint,
    ) -> Result<UserReply, GrantError> {
        let grant = self.begin_grant(client, user, |_, _| Ok(()))?;
        let mut reply = self.user_tokens(client, &grant, scopes, endpoint, &IdTokenWishes::default())?;
        if scopes.offline {
            reply.refresh_token = Some(self.first_refresh(client, &grant, scopes)?);
        }
        Ok(reply)
    }
}

fn wants_groups(claims: Option<&str>) -> bool {
    claims.is_some_and(|claims| {
        claims.split(',').any(|kind| matches!(kind.trim(), "SecurityGroup" | "All" | "ApplicationGroup"))
    })
}

/// What stands in the reply's `scope`. A `.default` stays as it was spelled: clients find their token under it.
fn scope_shown(scopes: &Scopes, permissions: &[String]) -> String {
    let mut shown = Vec::new();
    if scopes.is_default() {
        shown.extend(scopes.requested.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned));
        return shown.join(" ");
    }
    let audience = scopes.audience.clone();
    let prefix = match &audience {
        // A permission without a resource is Graph's, and clients look for it as they asked for it.
        Some(audience) if scopes.requested.contains(&format!("{audience}/")) => format!("{audience}/"),
        _ => String::new(),
    };
    shown.extend(scopes.identity().into_iter().map(str::to_owned));
    for permission in permissions.iter().filter(|name| !shown.contains(name)).cloned().collect::<Vec<_>>() {
        shown.push(format!("{prefix}{permission}"));
    }
    shown.join(" ")
}
