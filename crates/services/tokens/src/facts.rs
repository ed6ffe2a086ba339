//! What the directory says about the parties of a token: the client, the resource, the user. Kept until the
//! store changes.

use std::sync::Arc;

use gatepost_directory::{CredentialKind, Registration, Tenant};
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_oauth::{ClientProofKind, MAX_AUDIENCE, Resource, TokenVersion, UserFacts, bare_audience};
use gatepost_store::StoreError;
use serde_json::Value;
use uuid::Uuid;

use crate::{GrantError, SignInError, Tokens};

/// A client that asks for tokens. Whoever makes one has verified its credential, if it has one.
#[derive(Clone, Debug)]
pub struct AskingClient {
    /// The tenant.
    pub tenant: TenantId,
    /// What the tenant knows of it.
    pub registration: Arc<Registration>,
    /// Its service principal there.
    pub service_principal: ObjectId,
    /// What it proved itself with; nothing, for a public client.
    pub credential: Option<(CredentialKind, Uuid)>,
    /// Client capabilities that the request named.
    pub capabilities: Vec<String>,
}

impl AskingClient {
    /// Its client id.
    pub fn app_id(&self) -> ApplicationId {
        self.registration.app_id
    }

    pub(crate) fn proof(&self) -> ClientProofKind {
        match self.credential {
            None => ClientProofKind::None,
            Some((CredentialKind::Secret, _)) => ClientProofKind::Secret,
            Some(_) => ClientProofKind::Assertion,
        }
    }

    pub(crate) fn named(&self) -> String {
        self.app_id().to_string()
    }
}

/// A resource that a token is to be for.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) app_id: ApplicationId,
    pub(crate) registration: Arc<Registration>,
    pub(crate) service_principal: ObjectId,
    pub(crate) version: TokenVersion,
    pub(crate) own: Option<Resource>,
}

impl Target {
    /// What stands in `aud`: the client's spelling in v1, the resource's client id in v2.
    pub(crate) fn audience(&self, spelled: &str) -> String {
        match self.version {
            TokenVersion::V1 => spelled.to_owned(),
            TokenVersion::V2 => self.app_id.to_string(),
        }
    }
}

impl Tokens {
    /// The tenant that a path segment names: by its GUID, or by one of its verified domains.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tenant_by_segment(&self, segment: &str) -> Result<Option<Arc<Tenant>>, StoreError> {
        let version = self.0.store.version();
        self.0.tenants.get(version, segment.to_owned(), || self.0.directory.tenant_by_segment(segment))
    }

    /// What a tenant knows of an application.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn registration(
        &self,
        tenant: TenantId,
        app_id: ApplicationId,
    ) -> Result<Option<Arc<Registration>>, StoreError> {
        let version = self.0.store.version();
        self.0.registrations.get(version, (tenant, app_id), || self.0.directory.registration(tenant, app_id))
    }

    /// The resource that `audience` names in a tenant.
    pub(crate) fn target(&self, tenant: TenantId, audience: &str) -> Result<Arc<Target>, GrantError> {
        let version = self.0.store.version();
        // One entry for all spellings: a client cannot fill the memory by writing a name in many ways.
        let name = bare_audience(audience).to_ascii_lowercase();
        let found = self.0.targets.get(version, (tenant, name), || self.find_target(tenant, audience))?;
        let target = found.ok_or_else(|| SignInError::ResourceNotFound {
            resource: audience.to_owned(),
            tenant: tenant.to_string(),
        })?;
        if !target.registration.enabled {
            return Err(SignInError::ResourceDisabled { resource: audience.to_owned() }.into());
        }
        Ok(target)
    }

    /// The same, whether it is enabled or not, without keeping the answer. What the tenant has no service principal of
    /// is no resource there, be it this server's own.
    pub(crate) fn find_target(&self, tenant: TenantId, audience: &str) -> Result<Option<Target>, StoreError> {
        if audience.len() > MAX_AUDIENCE {
            return Ok(None);
        }
        let own = self.0.audiences.resource(audience);
        let known = match own {
            Some(own) => self.registration(tenant, own.app_id())?,
            None => self.0.directory.resource_named(tenant, bare_audience(audience))?.map(Arc::new),
        };
        let Some(known) = known else { return Ok(None) };
        let Some(service_principal) = known.service_principal else { return Ok(None) };
        let version = match own.is_none() && known.wants_v2_tokens {
            true => TokenVersion::V2,
            false => TokenVersion::V1,
        };
        Ok(Some(Target { app_id: known.app_id, registration: known, service_principal, version, own }))
    }

    /// The app roles that a principal holds at a resource.
    pub(crate) fn roles_at(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        resource: Option<ObjectId>,
    ) -> Result<Arc<Vec<String>>, StoreError> {
        let Some(resource) = resource else { return Ok(Arc::default()) };
        let version = self.0.store.version();
        let found = self.0.roles.get(version, (tenant, principal, resource), || {
            self.0.directory.app_role_values(tenant, principal, resource).map(Some)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// What tokens say of a user; `None` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn user_facts(&self, tenant: TenantId, user: ObjectId) -> Result<Option<Arc<UserFacts>>, StoreError> {
        let version = self.0.store.version();
        self.0.users.get(version, (tenant, user), || {
            let Some((_, document)) = self.0.directory.entity(tenant, user)? else { return Ok(None) };
            Ok(Some(facts_of(user, &document)))
        })
    }

    /// Whether a user, and a client of the user's, still stand.
    pub(crate) fn require_assigned(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        to: Option<&Arc<Registration>>,
        refusal: impl FnOnce() -> SignInError,
    ) -> Result<(), GrantError> {
        let Some(to) = to.filter(|to| to.assignment_required) else { return Ok(()) };
        let Some(resource) = to.service_principal else { return Ok(()) };
        if self.0.directory.has_app_role_assignment(tenant, principal, resource)? {
            return Ok(());
        }
        Err(refusal().into())
    }
}

fn facts_of(user: ObjectId, document: &Value) -> UserFacts {
    let text = |name: &str| {
        document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    UserFacts {
        object_id: user.0,
        name: text("displayName").unwrap_or_default(),
        login: text("userPrincipalName").unwrap_or_default(),
        mail: text("mail"),
        given_name: text("givenName"),
        family_name: text("surname"),
    }
}
