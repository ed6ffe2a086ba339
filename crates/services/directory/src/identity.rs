//! Facts about identities that tokens, submission and readiness ask for at every step: which clients there
//! are, which secrets they have, which principals live.
//!
//! Answers are kept in memory until the next change of the store ([`Store::version`]), so that a disabled
//! application is refused at the next question and a busy server asks the store nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use gatepost_clock::Timestamp;
use gatepost_names::{ApplicationId, ObjectId, PrincipalKind, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind};
use gatepost_store::{Conn, Store, StoreError};
use uuid::Uuid;

use crate::certificates::{self, CertificateState};
use crate::federated::{self, FederatedState};
use crate::secrets::{self, SecretState};
use crate::{ClientError, Directory};

/// An application as something that signs in: its registration, its service principal, its credentials.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client id.
    pub app_id: ApplicationId,
    /// The application object, if it is registered in this tenant.
    pub application: Option<ObjectId>,
    /// Its service principal in this tenant: the `oid` of its tokens, the principal of its role assignments.
    pub service_principal: Option<ObjectId>,
    /// What people see.
    pub display_name: String,
    /// Whether it may sign in (`accountEnabled` of the service principal).
    pub enabled: bool,
    /// Its client secrets, those of the application and those of the service principal.
    pub secrets: Vec<SecretState>,
    /// Its certificates, likewise of both.
    pub certificates: Vec<CertificateState>,
    /// Its federated credentials, likewise of both.
    pub federated: Vec<FederatedState>,
}

impl Client {
    /// Whether the client still has the credential of this id: a secret, a certificate or a federated credential.
    /// Its dates are not asked: what was signed in while it was good stays signed in until it is taken away.
    pub fn has_credential(&self, id: Uuid) -> bool {
        self.secrets.iter().any(|secret| secret.key_id == id)
            || self.certificates.iter().any(|certificate| certificate.key_id == id)
            || self.federated.iter().any(|federated| federated.id == id)
    }

    /// Whether the client still has this secret, and it is good at `now`.
    pub fn has_live_secret(&self, key_id: Uuid, now: Timestamp) -> bool {
        self.secrets.iter().any(|secret| secret.key_id == key_id && secret.is_live(now))
    }
}

/// A user, a group or a service principal: what a role can be assigned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its object id.
    pub id: ObjectId,
    /// What it is.
    pub kind: PrincipalKind,
    /// What people see.
    pub display_name: String,
    /// Whether it may sign in.
    pub enabled: bool,
    /// The client id, of a service principal.
    pub app_id: Option<ApplicationId>,
    /// The user principal name in lower case, of a user.
    pub login: Option<String>,
}

/// Answers that hold until the store changes.
pub(crate) struct Remembered<K, V>(RwLock<(u64, HashMap<K, V>)>);

/// Entries after which a memory starts afresh: bounds it, whatever is asked.
const MOST_REMEMBERED: usize = 100_000;

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    pub(crate) fn new() -> Self {
        Remembered(RwLock::new((0, HashMap::new())))
    }

    /// The answer to a key: the remembered one, or what `find` answers. That there is none is not remembered.
    fn get(
        &self,
        store: &Store,
        key: K,
        find: impl FnOnce(&Conn<'_>) -> Result<Option<V>, StoreError>,
    ) -> Result<Option<V>, StoreError> {
        let version = store.version();
        {
            let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if kept.0 == version
                && let Some(value) = kept.1.get(&key)
            {
                return Ok(Some(value.clone()));
            }
        }
        let found = store.read(find)?;
        if let Some(value) = &found {
            let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if kept.0 < version || kept.1.len() >= MOST_REMEMBERED {
                *kept = (version, HashMap::new());
            }
            // A slower reader must not put an answer of an older version among newer ones.
            if kept.0 == version {
                kept.1.insert(key, value.clone());
            }
        }
        Ok(found)
    }
}

impl Directory {
    /// The client with this client id; `None` if the tenant knows neither its application nor a service
    /// principal of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn client(&self, tenant: TenantId, app_id: ApplicationId) -> Result<Option<Arc<Client>>, StoreError> {
        self.0.clients.get(&self.0.store, (tenant, app_id), |conn| find_client(conn, tenant, app_id))
    }

    /// Checks a client secret. Every secret of the client is compared, each in constant time.
    ///
    /// # Errors
    /// [`ClientError`], by cause.
    pub fn verify_secret(
        &self,
        tenant: TenantId,
        app_id: ApplicationId,
        secret: &str,
    ) -> Result<Arc<Client>, ClientError> {
        self.match_secret(tenant, app_id, secret).map(|(client, _)| client)
    }

    /// As [`Directory::verify_secret`]; answers also which secret it was, so that who stays signed in can be
    /// asked later whether that secret still stands ([`Client::has_live_secret`]).
    ///
    /// # Errors
    /// [`ClientError`], by cause.
    pub fn match_secret(
        &self,
        tenant: TenantId,
        app_id: ApplicationId,
        secret: &str,
    ) -> Result<(Arc<Client>, Uuid), ClientError> {
        let client = self.signing_in(tenant, app_id)?;
        let hash = self.0.secret_key.hash(secret);
        let now = self.0.clock.now();
        let (mut live, mut late, mut early) = (None, false, false);
        for kept in &client.secrets {
            let matches = kept.matches(&hash);
            if matches && kept.is_live(now) {
                live = Some(kept.key_id);
            }
            late |= matches && now >= kept.end;
            early |= matches && now < kept.start;
        }
        match (live, late, early) {
            (Some(key_id), ..) => Ok((client, key_id)),
            (_, true, _) => Err(ClientError::ExpiredSecret),
            (.., true) => Err(ClientError::NotYetValidSecret),
            _ => Err(ClientError::WrongSecret),
        }
    }

    /// The client that signs in, if it may at all.
    pub(crate) fn signing_in(
        &self,
        tenant: TenantId,
        app_id: ApplicationId,
    ) -> Result<Arc<Client>, ClientError> {
        let client = self.client(tenant, app_id)?.ok_or(ClientError::NotFound)?;
        if client.service_principal.is_none() {
            return Err(ClientError::NoServicePrincipal);
        }
        if !client.enabled {
            return Err(ClientError::Disabled);
        }
        Ok(client)
    }

    /// Which of these ids are objects of the tenant, and of which kinds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn existing(
        &self,
        tenant: TenantId,
        ids: &[ObjectId],
    ) -> Result<Vec<(ObjectId, ObjectKind)>, StoreError> {
        self.0.store.read(|conn| rows::existing(conn, tenant, ids))
    }

    /// The principal with this object id; `None` if the tenant has none. An application object is no
    /// principal: its service principal is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn principal(&self, tenant: TenantId, id: ObjectId) -> Result<Option<Principal>, StoreError> {
        self.0
            .principals
            .get(&self.0.store, (tenant, id), |conn| Ok(rows::find(conn, tenant, id)?.and_then(principal_of)))
    }

    /// Whether a token of this principal, through this application, still stands for somebody who may call:
    /// the principal exists and is enabled, and so does the application's service principal, which is the
    /// principal itself unless that is a user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_live(
        &self,
        principal: ObjectId,
        tenant: TenantId,
        app_id: Option<ApplicationId>,
    ) -> Result<bool, StoreError> {
        let Some(found) = self.principal(tenant, principal)? else { return Ok(false) };
        let application_lives = match app_id {
            None => found.kind == PrincipalKind::User,
            Some(app_id) => self.client(tenant, app_id)?.is_some_and(|client| {
                client.enabled
                    && match found.kind {
                        PrincipalKind::ServicePrincipal => client.service_principal == Some(principal),
                        PrincipalKind::User => client.service_principal.is_some(),
                        PrincipalKind::Group => false,
                    }
            }),
        };
        Ok(found.enabled && application_lives)
    }
}

fn find_client(
    conn: &Conn<'_>,
    tenant: TenantId,
    app_id: ApplicationId,
) -> Result<Option<Arc<Client>>, StoreError> {
    let application = rows::find_by_app(conn, tenant, ObjectKind::Application, app_id)?;
    let service_principal = rows::find_by_app(conn, tenant, ObjectKind::ServicePrincipal, app_id)?;
    let Some(named) = application.as_ref().or(service_principal.as_ref()) else { return Ok(None) };
    let (mut secrets, mut certificates, mut federated) = (Vec::new(), Vec::new(), Vec::new());
    for object in [&application, &service_principal].into_iter().flatten() {
        secrets.extend(secrets::states(conn, tenant, object.id)?);
        certificates.extend(certificates::states(conn, tenant, object.id)?);
        federated.extend(federated::states(conn, tenant, object.id)?);
    }
    Ok(Some(Arc::new(Client {
        app_id,
        display_name: named.display_name.clone(),
        enabled: service_principal.as_ref().is_none_or(|object| object.enabled),
        application: application.map(|object| object.id),
        service_principal: service_principal.map(|object| object.id),
        secrets,
        certificates,
        federated,
    })))
}

fn principal_of(row: rows::ObjectRow) -> Option<Principal> {
    let kind = match row.kind {
        ObjectKind::Application => return None,
        ObjectKind::ServicePrincipal => PrincipalKind::ServicePrincipal,
        ObjectKind::User => PrincipalKind::User,
        ObjectKind::Group => PrincipalKind::Group,
    };
    Some(Principal {
        id: row.id,
        kind,
        display_name: row.display_name,
        enabled: row.enabled,
        app_id: row.app_id,
        login: row.login,
    })
}
