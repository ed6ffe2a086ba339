//! What users and administrators gave to clients.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_directory::{PublishedScope, Registration};
use gatepost_names::{ObjectId, TenantId};
use gatepost_oauth::{Resource, Scopes, SignInError};

use crate::facts::Target;
use crate::{AskingClient, GrantError, Tokens, sealing};

/// What a client asks a user for, beyond what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingConsent {
    /// By resource, the permissions.
    pub asked: Vec<AskedOf>,
}

/// The permissions that a client asks for at one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedOf {
    /// The resource's service principal.
    pub resource: ObjectId,
    /// Its display name.
    pub resource_name: String,
    /// The permissions.
    pub scopes: Vec<PublishedScope>,
}

/// A resource with its service principal, and what is wanted of it.
struct Wanted {
    resource: Arc<Registration>,
    object: ObjectId,
    scopes: Vec<PublishedScope>,
}

impl MissingConsent {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether an administrator must give one of the permissions.
    pub fn needs_administrator(&self) -> bool {
        self.asked.iter().any(|asked| asked.scopes.iter().any(|scope| scope.admin_only))
    }

    /// Stands for all that a page says of this, in whatever order, and for whether it may be given to everybody:
    /// of two that differ in anything, the digests do.
    pub fn digest(&self, for_all: bool) -> String {
        let mut shown: Vec<_> = self
            .asked
            .iter()
            .flat_map(|asked| asked.scopes.iter().map(move |scope| (asked, scope)))
            .map(|(asked, scope)| {
                let texts = [&asked.resource_name, &scope.value, &scope.title, &scope.description];
                (asked.resource.0, scope.id, scope.admin_only, texts)
            })
            .collect();
        shown.sort_unstable();
        URL_SAFE_NO_PAD.encode(sealing::hash(&serde_json::json!([for_all, shown]).to_string()))
    }
}

impl Tokens {
    /// The permissions that a user's token of this client for `target` has, by value.
    pub(crate) fn granted(
        &self,
        client: &AskingClient,
        target: &Target,
        user: ObjectId,
        scopes: &Scopes,
    ) -> Result<Vec<String>, GrantError> {
        let resource = &target.registration;
        let given = self.given(client, resource, user)?;
        for asked in scopes.permissions.iter().filter(|asked| *asked != gatepost_oauth::DEFAULT) {
            let known = resource.scope(asked).ok_or_else(|| SignInError::UnknownPermission {
                scope: asked.clone(),
                resource: resource.display_name.clone(),
            })?;
            if !given.iter().any(|given| given.eq_ignore_ascii_case(&known.value)) {
                return Err(SignInError::ConsentRequired { client: client.named() }.into());
            }
        }
        let mut permissions: Vec<String> = given;
        if target.own == Some(Resource::Graph) {
            for name in scopes.identity().into_iter().filter(|name| *name != "offline_access") {
                if !permissions.iter().any(|known| known == name) {
                    permissions.push(name.to_owned());
                }
            }
        }
        if permissions.is_empty() && !client.registration.first_party {
            return Err(SignInError::ConsentRequired { client: client.named() }.into());
        }
        Ok(permissions)
    }

    /// All that a client was given at a resource for a user: by the user, for everybody by an administrator, by
    /// the resource itself that trusts the client, or because the client is the platform's.
    fn given(
        &self,
        client: &AskingClient,
        resource: &Registration,
        user: ObjectId,
    ) -> Result<Vec<String>, GrantError> {
        if client.registration.first_party || resource.app_id == client.app_id() {
            return Ok(resource.scopes.iter().map(|scope| scope.value.clone()).collect());
        }
        let Some(object) = resource.service_principal else { return Ok(Vec::new()) };
        let mut given =
            self.0.directory.delegated_scopes(client.tenant, client.service_principal, object, user)?;
        let trusted = resource.pre_authorized.iter().filter(|(app_id, _)| *app_id == client.app_id());
        for id in trusted.flat_map(|(_, ids)| ids) {
            let published = resource.scopes.iter().find(|scope| scope.id == *id);
            if let Some(scope) = published.filter(|scope| !given.contains(&scope.value)) {
                given.push(scope.value.clone());
            }
        }
        // What the resource no longer publishes is no permission any more.
        given.retain(|value| resource.scope(value).is_some() || is_identity(value));
        Ok(given)
    }

    /// What a client lacks for these scopes, to be asked of the user.
    ///
    /// # Errors
    /// [`GrantError`]; [`SignInError::UnknownPermission`] for what the resource does not publish.
    pub fn missing_consent(
        &self,
        client: &AskingClient,
        user: ObjectId,
        scopes: &Scopes,
    ) -> Result<MissingConsent, GrantError> {
        let mut missing = MissingConsent::default();
        if client.registration.first_party {
            return Ok(missing);
        }
        let wanted = self.wanted(client, scopes)?;
        for Wanted { resource, object, scopes } in wanted {
            let given = self.given(client, &resource, user)?;
            let lacking: Vec<PublishedScope> = scopes
                .into_iter()
                .filter(|scope| !given.iter().any(|given| given.eq_ignore_ascii_case(&scope.value)))
                .collect();
            if !lacking.is_empty() {
                let resource_name = resource.display_name.clone();
                missing.asked.push(AskedOf { resource: object, resource_name, scopes: lacking });
            }
        }
        Ok(missing)
    }

    /// All that a client asks for by these scopes, whether it has it or not.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn all_wanted(&self, client: &AskingClient, scopes: &Scopes) -> Result<MissingConsent, GrantError> {
        let wanted = self.wanted(client, scopes)?.into_iter().filter(|wanted| !wanted.scopes.is_empty());
        let asked = wanted.map(|Wanted { resource, object, scopes }| AskedOf {
            resource: object,
            resource_name: resource.display_name.clone(),
            scopes,
        });
        Ok(MissingConsent { asked: asked.collect() })
    }

    /// What a client wants: the named permissions; for `.default`, those that it was registered to need at the
    /// resource; and to sign its users in, which it asks of Microsoft Graph.
    fn wanted(&self, client: &AskingClient, scopes: &Scopes) -> Result<Vec<Wanted>, GrantError> {
        let mut wanted: Vec<Wanted> = Vec::new();
        if let Some(audience) = &scopes.audience {
            let target = self.target(client.tenant, audience)?;
            let resource = &target.registration;
            let mut named = Vec::new();
            for asked in scopes.permissions.iter().filter(|asked| *asked != gatepost_oauth::DEFAULT) {
                let known = resource.scope(asked).ok_or_else(|| SignInError::UnknownPermission {
                    scope: asked.clone(),
                    resource: resource.display_name.clone(),
                })?;
                named.push(known.clone());
            }
            if scopes.is_default() {
                named.extend(self.needed(client, resource));
            }
            let (resource, object) = (Arc::clone(resource), target.service_principal);
            wanted.push(Wanted { resource, object, scopes: named });
        }
        if scopes.openid {
            let graph = self.target(client.tenant, &Resource::Graph.app_id().to_string())?;
            let (resource, object) = (Arc::clone(&graph.registration), graph.service_principal);
            let identity: Vec<PublishedScope> =
                scopes.identity().into_iter().map(|name| identity_scope(&resource, name)).collect();
            match wanted.iter_mut().find(|known| known.resource.app_id == resource.app_id) {
                Some(known) => known.scopes.extend(identity),
                None => wanted.push(Wanted { resource, object, scopes: identity }),
            }
        }
        Ok(wanted)
    }

    /// The delegated permissions that a client was registered to need at a resource.
    fn needed(&self, client: &AskingClient, resource: &Registration) -> Vec<PublishedScope> {
        let ids = client
            .registration
            .required
            .iter()
            .filter(|(app_id, _, delegated)| *delegated && *app_id == resource.app_id)
            .map(|(_, id, _)| *id);
        ids.filter_map(|id| resource.scopes.iter().find(|scope| scope.id == id).cloned()).collect()
    }

    /// All that a client was registered to need of users, for an administrator to give at once.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn registered_needs(&self, client: &AskingClient) -> Result<MissingConsent, GrantError> {
        let mut needs = MissingConsent::default();
        let mut resources: Vec<_> = client.registration.required.iter().map(|(app_id, ..)| *app_id).collect();
        resources.dedup();
        for app_id in resources {
            let Some(resource) = self.registration(client.tenant, app_id)? else { continue };
            let scopes = self.needed(client, &resource);
            if let Some(object) = resource.service_principal.filter(|_| !scopes.is_empty()) {
                let resource_name = resource.display_name.clone();
                needs.asked.push(AskedOf { resource: object, resource_name, scopes });
            }
        }
        Ok(needs)
    }

    /// Writes down what was given: by the user for itself, or for everybody where `user` is `None`. The caller
    /// has asked, and knows that who answered may give it.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn give_consent(
        &self,
        tenant: TenantId,
        client: ObjectId,
        user: Option<ObjectId>,
        given: &MissingConsent,
    ) -> Result<(), GrantError> {
        let written: Result<(), gatepost_directory::DirectoryError> = self.0.store.write(|tx| {
            for asked in &given.asked {
                let values: Vec<String> = asked.scopes.iter().map(|scope| scope.value.clone()).collect();
                self.0.directory.put_delegated_grant(tx, tenant, client, asked.resource, user, &values)?;
            }
            Ok(())
        });
        match written {
            Ok(()) => Ok(()),
            Err(gatepost_directory::DirectoryError::Store(error)) => Err(error.into()),
            Err(error) => {
                tracing::error!(%error, "a consent could not be written");
                Err(SignInError::ServerError.into())
            }
        }
    }
}

fn is_identity(value: &str) -> bool {
    matches!(value, "openid" | "profile" | "email" | "offline_access")
}

/// A scope for the authority itself, as users are asked for it.
fn identity_scope(graph: &Registration, name: &str) -> PublishedScope {
    if let Some(known) = graph.scope(name) {
        return known.clone();
    }
    let (title, description) = match name {
        "openid" => ("Sign you in", "Allows you to sign in to the app with your account."),
        "profile" => ("View your basic profile", "Allows the app to see your name and user name."),
        "email" => ("View your email address", "Allows the app to read your primary email address."),
        _ => (
            "Maintain access to data you have given it access to",
            "Allows the app to keep its access while you are not using it.",
        ),
    };
    PublishedScope {
        id: uuid::Uuid::nil(),
        value: name.to_owned(),
        admin_only: false,
        title: title.to_owned(),
        description: description.to_owned(),
    }
}
