//! Who may send: the question that submission asks at AUTH and again at each MAIL FROM, and where roles are
//! assigned under conditions also at each RCPT and at the end of data.
//!
//! An SMTP username stands for a communication service and an application; the application's secret or token
//! proves who it is; three actions at the service let it send; the address must be a registered sender of a
//! linked, verified domain (reference acs-email.md sections 1 and 4). Everything that is looked up is kept
//! until the store changes, so that each answer is a few table look-ups in memory and still never out of
//! date.
//!
//! SECURITY: refusals name their cause for the operator. A client is told none of it: every refused sign-in
//! looks alike to it, so that it learns nothing about which usernames exist.

mod conditions;
mod refusals;
mod throttle;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

pub use conditions::{Outgoing, Permission};
use gatepost_access::{Caller, RequestOrigin};
use gatepost_clock::Timestamp;
use gatepost_directory::ClientError;
use gatepost_names::{ApplicationId, DomainName, EmailAddress, PrincipalKind, ResourceId, TenantId};
use gatepost_store::{Conn, StoreError};
use gatepost_tokens::{Resource as Audience, TokenError, Tokens};
pub use refusals::{Part, SendRefusal, SenderRefusal, SignInRefusal};
use uuid::Uuid;

use super::readiness::{self, Readiness};
use super::username::{self, Link, Unresolved};
use super::{domains, linked_domains, sender_usernames, stored, verification};
use crate::ResourceError;
use crate::provider::Platform;
use crate::tree;

/// An application that has signed in under an SMTP username.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendingIdentity {
    /// The communication service that it sends through.
    pub service: ResourceId,
    /// The application.
    pub app_id: ApplicationId,
    /// Its tenant.
    pub tenant: TenantId,
    /// The application's service principal, as access decisions take it, with the address that it signed in
    /// from.
    pub caller: Caller,
    /// The username, as it was given.
    pub username: String,
    /// What it proved itself with.
    pub proof: Proof,
}

/// What an application signed in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The client secret with this key id.
    Secret(Uuid),
    /// An access token, and when it ends.
    Token(Timestamp),
}

/// The use case. Cheap to clone; clones share what is remembered.
#[derive(Clone)]
pub struct Sending(Arc<Inner>);

struct Inner {
    platform: Platform,
    tokens: Tokens,
    remembered: Mutex<Remembered>,
}

/// What was looked up at a version of the store.
#[derive(Default)]
struct Remembered {
    version: u64,
    links: HashMap<String, Arc<Link>>,
    services: HashMap<String, Arc<ServiceFacts>>,
}

/// Entries after which the memory starts afresh.
const MOST_REMEMBERED: usize = 100_000;

impl Sending {
    /// The use case over these services.
    pub fn open(platform: Platform, tokens: Tokens) -> Sending {
        Sending(Arc::new(Inner { platform, tokens, remembered: Mutex::default() }))
    }

    /// Signs an application in with a client secret. Any of the three forms of username will do.
    ///
    /// # Errors
    /// [`SignInRefusal`].
    pub fn sign_in_with_secret(
        &self,
        username: &str,
        secret: &str,
        origin: RequestOrigin,
    ) -> Result<SendingIdentity, SignInRefusal> {
        throttle::guard(self, username, origin.address, || self.prove_by_secret(username, secret, origin))
    }

    fn prove_by_secret(
        &self,
        username: &str,
        secret: &str,
        origin: RequestOrigin,
    ) -> Result<SendingIdentity, SignInRefusal> {
        let link = self.link(username)?;
        let refuse = |cause| SignInRefusal::Client { app_id: link.app_id, cause };
        let (client, key_id) =
            self.0.platform.directory.match_secret(link.tenant, link.app_id, secret).map_err(refuse)?;
        let object_id = client.service_principal.ok_or_else(|| refuse(ClientError::NoServicePrincipal))?;
        let caller = Caller::new(
            link.tenant,
            object_id,
            PrincipalKind::ServicePrincipal,
            link.app_id.to_string(),
            Some(link.app_id),
        );
        self.admit(username, &link, caller.at(origin), Proof::Secret(key_id))
    }

    /// Signs an application in with an access token for the communication audience (SASL XOAUTH2,
    /// OAUTHBEARER). The token must be the linked application's own.
    ///
    /// # Errors
    /// [`SignInRefusal`].
    pub fn sign_in_with_token(
        &self,
        username: &str,
        token: &str,
        origin: RequestOrigin,
    ) -> Result<SendingIdentity, SignInRefusal> {
        throttle::guard(self, username, origin.address, || self.prove_by_token(username, token, origin))
    }

    fn prove_by_token(
        &self,
        username: &str,
        token: &str,
        origin: RequestOrigin,
    ) -> Result<SendingIdentity, SignInRefusal> {
        let link = self.link(username)?;
        let (caller, ends) =
            self.0.tokens.verify_until(token, Audience::Communication).map_err(SignInRefusal::Token)?;
        let is_own = caller.kind == PrincipalKind::ServicePrincipal
            && caller.tenant == link.tenant
            && caller.app_id == Some(link.app_id);
        if !is_own {
            return Err(SignInRefusal::OtherApplication { linked: link.app_id, presented: caller.client });
        }
        self.admit(username, &link, caller.at(origin), Proof::Token(ends))
    }

    fn admit(
        &self,
        username: &str,
        link: &Link,
        caller: Caller,
        proof: Proof,
    ) -> Result<SendingIdentity, SignInRefusal> {
        let identity = SendingIdentity {
            service: link.service.clone(),
            app_id: link.app_id,
            tenant: link.tenant,
            caller,
            username: username.to_owned(),
            proof,
        };
        self.authorize(&identity)?;
        Ok(identity)
    }

    /// Whether an application that signed in may still send: its username stands for the same service and
    /// application, the application lives, and its roles allow all three actions at the service, at least for
    /// some message.
    ///
    /// # Errors
    /// [`SignInRefusal`] with the first thing that is missing.
    pub fn authorize(&self, identity: &SendingIdentity) -> Result<Permission, SignInRefusal> {
        let link = self.link(&identity.username)?;
        if link.service != identity.service
            || link.app_id != identity.app_id
            || link.tenant != identity.tenant
        {
            return Err(SignInRefusal::UsernameChanged(identity.username.clone()));
        }
        self.check_alive(identity)?;
        if let Some(domain) = &link.domain
            && !self.facts(&link.service)?.is_linked(domain)
        {
            return Err(SignInRefusal::UsernameDomainNotLinked(domain.clone()));
        }
        self.allowed_at_all(identity).map_err(SignInRefusal::Denied)
    }

    fn check_alive(&self, identity: &SendingIdentity) -> Result<(), SignInRefusal> {
        let refuse = |cause| SignInRefusal::Client { app_id: identity.app_id, cause };
        let client = self.0.platform.directory.client(identity.tenant, identity.app_id)?;
        let client = client.ok_or_else(|| refuse(ClientError::NotFound))?;
        if client.service_principal != Some(identity.caller.object_id) {
            return Err(refuse(ClientError::NoServicePrincipal));
        }
        if !client.enabled {
            return Err(refuse(ClientError::Disabled));
        }
        let now = self.0.platform.clock.now();
        match identity.proof {
            Proof::Secret(key_id) if !client.has_live_secret(key_id, now) => {
                Err(SignInRefusal::SecretGone(identity.app_id))
            }
            Proof::Token(ends) if ends <= now => Err(SignInRefusal::Token(TokenError::Expired)),
            Proof::Secret(_) | Proof::Token(_) => Ok(()),
        }
    }

    /// Whether an address is a registered sender of a linked, verified domain. Whole addresses are compared,
    /// ignoring letter case.
    ///
    /// # Errors
    /// [`SenderRefusal`].
    pub fn check_sender(
        &self,
        identity: &SendingIdentity,
        address: &EmailAddress,
    ) -> Result<(), SenderRefusal> {
        let facts = self.facts(&identity.service)?;
        match facts.domains.get(address.domain()) {
            None => Err(SenderRefusal::DomainNotLinked {
                domain: address.domain().clone(),
                service: identity.service.name().to_owned(),
            }),
            Some(false) => Err(SenderRefusal::DomainNotVerified(address.domain().clone())),
            Some(true) if facts.senders.contains(&address.key()) => Ok(()),
            Some(true) => Err(SenderRefusal::UnknownSender(address.clone())),
        }
    }

    /// Keeps a refusal for those who ask why ([`Sending::readiness`]). Nothing is kept for a username that
    /// stands for nothing: anybody could fill the memory with those.
    pub fn note_refusal(&self, username: &str, refusal: &str) {
        if let Ok(link) = self.link(username) {
            self.0.platform.refusals.note(&link.key, self.0.platform.clock.now(), refusal);
        }
    }

    /// What a username of this service still needs to send.
    ///
    /// # Errors
    /// [`ResourceError::NotFound`] when the service has no such username; [`ResourceError::Store`].
    pub fn readiness(&self, service: &ResourceId, username: &str) -> Result<Readiness, ResourceError> {
        let platform = &self.0.platform;
        platform.store.read(|conn| readiness::explain(platform, conn, service, username))
    }

    fn link(&self, username: &str) -> Result<Arc<Link>, SignInRefusal> {
        // SECURITY: anybody can make up a legacy username with an application id of their own: it stands for
        // something, and is remembered, only where there is such an application.
        if let Some(legacy) = username::parse_legacy(username)
            && self.0.platform.directory.client(legacy.tenant, legacy.app_id)?.is_none()
        {
            return Err(SignInRefusal::Client { app_id: legacy.app_id, cause: ClientError::NotFound });
        }
        self.remembered(
            username,
            |memory| &mut memory.links,
            |conn| {
                Ok(username::resolve(conn, username)?.map_err(|cause| match cause {
                    Unresolved::Unknown => SignInRefusal::UnknownUsername(username.to_owned()),
                    Unresolved::NoSuchService => SignInRefusal::UnknownService(username.to_owned()),
                }))
            },
        )?
    }

    fn facts(&self, service: &ResourceId) -> Result<Arc<ServiceFacts>, StoreError> {
        let key = service.scope().key();
        self.remembered(key, |memory| &mut memory.services, |conn| Ok(ServiceFacts::load(conn, service)))?
    }

    /// The value kept under `key` in one of the tables of the memory, or else what `find` answers. Refusals
    /// are not kept.
    fn remembered<V, E>(
        &self,
        key: &str,
        table: impl Fn(&mut Remembered) -> &mut HashMap<String, Arc<V>>,
        find: impl FnOnce(&Conn<'_>) -> Result<Result<V, E>, StoreError>,
    ) -> Result<Result<Arc<V>, E>, StoreError> {
        let store = &self.0.platform.store;
        let version = store.version();
        {
            let mut memory = self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if memory.version == version
                && let Some(value) = table(&mut memory).get(key)
            {
                return Ok(Ok(value.clone()));
            }
        }
        let value = match store.read(find)? {
            Ok(value) => Arc::new(value),
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut memory = self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.version < version || table(&mut memory).len() >= MOST_REMEMBERED {
            *memory = Remembered { version, ..Remembered::default() };
        }
        // INVARIANT: a slower reader does not put what it read at an older version among newer values.
        if memory.version == version {
            table(&mut memory).insert(key.to_owned(), value.clone());
        }
        Ok(Ok(value))
    }
}

/// What a communication service may send from.
#[derive(Debug, Default)]
pub(super) struct ServiceFacts {
    /// Each linked domain, and whether it is verified.
    domains: HashMap<DomainName, bool>,
    /// The keys of the addresses that are registered senders of linked, verified domains.
    senders: HashSet<String>,
}

impl ServiceFacts {
    /// Reads them. A service that does not exist may send from nothing.
    pub(super) fn load(conn: &Conn<'_>, service: &ResourceId) -> Result<ServiceFacts, StoreError> {
        let mut facts = ServiceFacts::default();
        let Some(service) = tree::find(conn, service)? else { return Ok(facts) };
        for id in linked_domains::ids(&service.properties) {
            let id = ResourceId::parse(id).map_err(|error| StoreError::Corrupt(format!("{id}: {error}")))?;
            let Some(resource) = tree::find(conn, &id)? else { continue };
            let Some(domain) = domains::sender_domain(&resource.properties) else { continue };
            let verified = verification::missing(&resource.properties).is_empty();
            if verified {
                for sender in tree::children(conn, &id, sender_usernames::INFO.path)? {
                    let username = stored::text(&sender.properties, "username");
                    facts.senders.extend(sender_usernames::address(username, &domain).map(|a| a.key()));
                }
            }
            *facts.domains.entry(domain).or_default() |= verified;
        }
        Ok(facts)
    }

    pub(super) fn is_linked(&self, domain: &DomainName) -> bool {
        self.domains.contains_key(domain)
    }

    /// The linked domains that are verified, by name.
    pub(super) fn verified_domains(&self) -> Vec<&DomainName> {
        let mut verified: Vec<_> =
            self.domains.iter().filter(|(_, verified)| **verified).map(|(d, _)| d).collect();
        verified.sort();
        verified
    }
}
