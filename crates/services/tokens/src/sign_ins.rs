//! What the log of sign-ins says.

use std::net::IpAddr;
use std::sync::Arc;

use gatepost_names::{ObjectId, TenantId};
use gatepost_store::StoreError;
use gatepost_store::sessions_log::{self, SignInQuery, SignInRow};
use uuid::Uuid;

use crate::Tokens;

/// A sign-in that succeeded or failed, as the authority tells of it.
#[derive(Clone, Debug)]
pub struct SignInEvent<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// `interactiveUser`, `nonInteractiveUser`, `servicePrincipal` or `managedIdentity`.
    pub kind: &'static str,
    /// The user, if one was found.
    pub user: Option<ObjectId>,
    /// The client, as it was named.
    pub client: Option<gatepost_names::ApplicationId>,
    /// The resource, as it was named.
    pub audience: Option<&'a str>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// Which way was taken: `Browser`, or the grant.
    pub client_app: &'a str,
    /// The client's name for the request, or the server's.
    pub correlation: Uuid,
    /// The AADSTS code; 0 for a success.
    pub code: u32,
    /// How the user signed in.
    pub methods: &'a str,
}

impl Tokens {
    /// Writes a sign-in into the log, soon; nobody waits for it.
    pub fn note_sign_in(&self, event: &SignInEvent<'_>) {
        let user = event.user.and_then(|user| self.user_facts(event.tenant, user).ok().flatten());
        let client = event.client.and_then(|app_id| self.registration(event.tenant, app_id).ok().flatten());
        let target = event.audience.and_then(|audience| match event.code {
            0 => self.target(event.tenant, audience).ok(),
            // What was refused is not worth remembering.
            _ => self.find_target(event.tenant, audience).ok().flatten().map(Arc::new),
        });
        // A failure has its reason in the table of codes.
        let reason = gatepost_oauth::SignInError::explain(event.code).unwrap_or_default();
        self.0.log.add(SignInRow {
            tenant: event.tenant,
            at: self.0.clock.micros(),
            id: Uuid::new_v4(),
            kind: event.kind.to_owned(),
            user: event.user,
            login: user.as_ref().map(|user| user.login.clone()),
            user_name: user.as_ref().map(|user| user.name.clone()),
            // What nobody registered has no name in the log: it could be another one each time.
            app_id: client.as_ref().map(|client| client.app_id),
            app_name: client.as_ref().map(|client| client.display_name.clone()),
            service_principal: client.as_ref().and_then(|client| client.service_principal),
            resource_id: target.as_ref().map(|target| target.app_id),
            resource_name: target.as_ref().map(|target| target.registration.display_name.clone()),
            address: event.address.map(|address| address.to_canonical().to_string()),
            client_app: event.client_app.to_owned(),
            correlation: event.correlation,
            code: event.code,
            reason: reason.to_owned(),
            methods: event.methods.to_owned(),
            times: 1,
        });
    }

    /// A page of a tenant's log, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sign_ins(&self, tenant: TenantId, query: &SignInQuery) -> Result<Vec<SignInRow>, StoreError> {
        self.0.log.flush();
        self.0.store.read(|conn| sessions_log::sign_ins(conn, tenant, query))
    }

    /// One row of a tenant's log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sign_in(&self, tenant: TenantId, id: Uuid) -> Result<Option<SignInRow>, StoreError> {
        self.0.log.flush();
        self.0.store.read(|conn| sessions_log::sign_in(conn, tenant, id))
    }
}
