//! Delegated permissions: what clients may do with resources on behalf of users.

use gatepost_access::{Caller, DirectoryAction};
use gatepost_names::{ObjectId, TenantId};
use gatepost_odata::{Budget, EvaluationError, Filter};
use gatepost_store::directory::{self as rows, GrantRow, ObjectKind};
use gatepost_store::{Conn, StoreError, Tx};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app_roles::{Links, read_short_id, short_id};
use crate::requests::{refuse_others, take};
use crate::{Directory, DirectoryError, ObjectKey, requests};

const RESOURCE: &str = "OAuth2PermissionGrant";
/// Most bytes of the permissions of a grant.
const LONGEST_SCOPE: usize = 8192;
/// Grants that are looked at in one query.
const CHUNK: u32 = 500;
/// What a filter can ask of a grant.
const PROPERTIES: [&str; 6] = ["id", "clientId", "consentType", "principalId", "resourceId", "scope"];

/// Which grants to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantsOf {
    /// All of the tenant.
    Tenant,
    /// Those of a client: a service principal.
    Client(ObjectKey),
    /// Those for one user.
    User(ObjectKey),
}

impl Directory {
    /// A page of grants.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::InvalidFilter`], [`DirectoryError::NotFound`],
    /// [`DirectoryError::InvalidPageToken`], [`DirectoryError::Store`].
    pub fn grants(
        &self,
        caller: &Caller,
        of: &GrantsOf,
        filter: Option<&Filter>,
        after: Option<&str>,
        top: usize,
    ) -> Result<Links, DirectoryError> {
        let after =
            after.map(|text| read_short_id(text).ok_or(DirectoryError::InvalidPageToken)).transpose()?;
        if let Some(filter) = filter {
            check_filter(filter)?;
        }
        self.0.store.read(|conn| {
            let source = self.source(conn, caller, of, filter)?;
            let budget = Budget::per_request();
            let mut links = Links::default();
            let (mut at, mut last) = (after, None);
            loop {
                let chunk = source.page(conn, caller.tenant, at)?;
                at = chunk.last().map(|row| row.id);
                for row in &chunk {
                    let value = shown(row);
                    if !matches(filter, &value, &budget)? {
                        continue;
                    }
                    if links.values.len() == top {
                        links.next = last;
                        return Ok(links);
                    }
                    links.values.push(value);
                    last = Some(short_id(row.id));
                }
                if chunk.len() < CHUNK as usize {
                    return Ok(links);
                }
            }
        })
    }

    /// The narrowest index that holds all grants that are asked for.
    fn source(
        &self,
        conn: &Conn<'_>,
        caller: &Caller,
        of: &GrantsOf,
        filter: Option<&Filter>,
    ) -> Result<Source, DirectoryError> {
        let action = DirectoryAction::ReadPermissionGrants;
        let (kind, key) = match of {
            GrantsOf::Tenant => {
                self.require(caller, action)?;
                let parts = filter.map_or(&[][..], Filter::conjuncts);
                let id_of = |name: &str| {
                    parts.iter().filter_map(Filter::text_equality).find_map(|(path, text)| {
                        path.is(&[name]).then(|| text.parse().unwrap_or(ObjectId(Uuid::nil())))
                    })
                };
                let source = id_of("clientId").map(Source::Client);
                let source = source.or_else(|| id_of("principalId").map(Source::Principal));
                let source = source.or_else(|| id_of("resourceId").map(Source::Resource));
                return Ok(source.unwrap_or(Source::All));
            }
            GrantsOf::Client(key) => (ObjectKind::ServicePrincipal, key),
            GrantsOf::User(key) => (ObjectKind::User, key),
        };
        let found = requests::find(conn, caller.tenant, kind, key)?;
        let row = self.require_found(conn, caller, action, found, key)?;
        Ok(if kind == ObjectKind::User { Source::Principal(row.id) } else { Source::Client(row.id) })
    }

    /// One grant.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::NotFound`], [`DirectoryError::Store`].
    pub fn grant(&self, caller: &Caller, id: &str) -> Result<Value, DirectoryError> {
        self.require(caller, DirectoryAction::ReadPermissionGrants)?;
        self.0.store.read(|conn| Ok(shown(&find(conn, caller.tenant, id)?)))
    }

    /// Grants delegated permissions as a request says; answers the grant.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn create_grant(&self, caller: &Caller, sent: &Map<String, Value>) -> Result<Value, DirectoryError> {
        self.require(caller, DirectoryAction::ManagePermissionGrants)?;
        let new = parse(sent)?;
        self.0.store.write(|tx| {
            let missing = |id: ObjectId| DirectoryError::NotFound(id.to_string());
            let mut parties = vec![
                (new.client, ObjectKind::ServicePrincipal),
                (new.resource, ObjectKind::ServicePrincipal),
            ];
            parties.extend(new.principal.map(|user| (user, ObjectKind::User)));
            for (id, kind) in parties {
                rows::find(tx, caller.tenant, id)?
                    .filter(|row| row.kind == kind)
                    .ok_or_else(|| missing(id))?;
            }
            insert(tx, caller.tenant, &new)?;
            Ok(shown(&new))
        })
    }

    /// Changes the permissions of a grant.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn change_grant(
        &self,
        caller: &Caller,
        id: &str,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        self.require(caller, DirectoryAction::ManagePermissionGrants)?;
        let mut sent = sent.clone();
        let scope = take(&mut sent, "scope");
        refuse_others(&sent)?;
        let scope = scope_of(scope)?;
        self.0.store.write(|tx| {
            let row = find(tx, caller.tenant, id)?;
            Ok(rows::update_grant(tx, caller.tenant, row.id, &scope)?)
        })
    }

    /// Takes a grant back.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn delete_grant(&self, caller: &Caller, id: &str) -> Result<(), DirectoryError> {
        self.require(caller, DirectoryAction::ManagePermissionGrants)?;
        self.0.store.write(|tx| {
            let row = find(tx, caller.tenant, id)?;
            rows::delete_grant(tx, caller.tenant, row.id)?;
            Ok(())
        })
    }

    /// The delegated permissions that a client has on a resource for a user: those granted for every user and
    /// those granted for this one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delegated_scopes(
        &self,
        tenant: TenantId,
        client: ObjectId,
        resource: ObjectId,
        user: ObjectId,
    ) -> Result<Vec<String>, StoreError> {
        self.0.store.read(|conn| {
            let mut scopes: Vec<String> = Vec::new();
            for principal in [None, Some(user)] {
                let grant = rows::find_grant(conn, tenant, client, resource, principal)?;
                let granted = grant.iter().flat_map(|grant| grant.scope.split_whitespace());
                for scope in granted {
                    if !scopes.iter().any(|known| known == scope) {
                        scopes.push(scope.to_owned());
                    }
                }
            }
            Ok(scopes)
        })
    }

    /// Adds delegated permissions of a client on a resource, for a user or for every user: what consent does.
    /// Whether who consents may is for the caller to check.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub fn put_delegated_grant(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        client: ObjectId,
        resource: ObjectId,
        user: Option<ObjectId>,
        scopes: &[String],
    ) -> Result<(), DirectoryError> {
        match rows::find_grant(tx, tenant, client, resource, user)? {
            Some(grant) => {
                let known: Vec<&str> = grant.scope.split_whitespace().collect();
                let new = scopes.iter().map(String::as_str).filter(|scope| !known.contains(scope));
                let merged: Vec<&str> = known.iter().copied().chain(new).collect();
                Ok(rows::update_grant(tx, tenant, grant.id, &merged.join(" "))?)
            }
            None => {
                let scope = scopes.join(" ");
                insert(tx, tenant, &GrantRow { id: Uuid::new_v4(), client, resource, principal: user, scope })
            }
        }
    }
}

enum Source {
    All,
    Client(ObjectId),
    Principal(ObjectId),
    Resource(ObjectId),
}

impl Source {
    fn page(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        after: Option<Uuid>,
    ) -> Result<Vec<GrantRow>, StoreError> {
        match self {
            Source::All => rows::grants(conn, tenant, None, after, CHUNK),
            Source::Client(id) => rows::grants(conn, tenant, Some(*id), after, CHUNK),
            Source::Principal(id) => rows::grants_of_principal(conn, tenant, *id, after, CHUNK),
            Source::Resource(id) => rows::grants_of_resource(conn, tenant, *id, after, CHUNK),
        }
    }
}

fn matches(filter: Option<&Filter>, value: &Value, budget: &Budget) -> Result<bool, DirectoryError> {
    let Some(filter) = filter else { return Ok(true) };
    filter.matches(value, budget).map_err(|error| match error {
        EvaluationError::TooComplex => DirectoryError::UnsupportedQuery(error.to_string()),
        other => DirectoryError::InvalidFilter(other.to_string()),
    })
}

/// Grants are found by equality of their properties.
fn check_filter(filter: &Filter) -> Result<(), DirectoryError> {
    for part in filter.conjuncts() {
        let known =
            part.text_equality().is_some_and(|(path, _)| PROPERTIES.iter().any(|name| path.is(&[name])));
        if !known {
            return Err(DirectoryError::UnsupportedQuery(
                "Unsupported or invalid query filter clause specified for resource 'OAuth2PermissionGrant'."
                    .to_owned(),
            ));
        }
    }
    Ok(())
}

fn find(conn: &Conn<'_>, tenant: TenantId, id: &str) -> Result<GrantRow, DirectoryError> {
    let found = match read_short_id(id) {
        Some(known) => rows::grant(conn, tenant, known)?,
        None => None,
    };
    found.ok_or_else(|| DirectoryError::NotFound(id.to_owned()))
}

fn insert(tx: &Tx<'_>, tenant: TenantId, grant: &GrantRow) -> Result<(), DirectoryError> {
    match rows::insert_grant(tx, tenant, grant) {
        Err(StoreError::Conflict(_)) => Err(DirectoryError::PermissionExists),
        other => Ok(other?),
    }
}

fn invalid(name: &str) -> DirectoryError {
    DirectoryError::InvalidProperty { property: name.to_owned(), resource: RESOURCE }
}

/// The permissions of a grant, each once.
fn scope_of(sent: Option<Value>) -> Result<String, DirectoryError> {
    let text = match sent {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.len() <= LONGEST_SCOPE => text,
        Some(_) => return Err(invalid("scope")),
    };
    let mut scopes: Vec<&str> = Vec::new();
    for scope in text.split_whitespace() {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes.join(" "))
}

fn parse(sent: &Map<String, Value>) -> Result<GrantRow, DirectoryError> {
    let mut sent = sent.clone();
    let missing =
        |name: &str| DirectoryError::MissingProperty { property: name.to_owned(), resource: RESOURCE };
    let mut id = |name: &str| match take(&mut sent, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse::<ObjectId>().map(Some).map_err(|_| invalid(name)),
        Some(_) => Err(invalid(name)),
    };
    let (client, resource, principal) = (id("clientId")?, id("resourceId")?, id("principalId")?);
    let all = match take(&mut sent, "consentType") {
        Some(Value::String(text)) if text.eq_ignore_ascii_case("AllPrincipals") => true,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("Principal") => false,
        None | Some(Value::Null) => return Err(missing("consentType")),
        Some(_) => return Err(invalid("consentType")),
    };
    let scope = scope_of(take(&mut sent, "scope"))?;
    // Some clients send times that Graph no longer has.
    for old in ["startTime", "expiryTime", "id"] {
        take(&mut sent, old);
    }
    refuse_others(&sent)?;
    if all == principal.is_some() {
        return Err(if all { invalid("principalId") } else { missing("principalId") });
    }
    Ok(GrantRow {
        id: Uuid::new_v4(),
        client: client.ok_or_else(|| missing("clientId"))?,
        resource: resource.ok_or_else(|| missing("resourceId"))?,
        principal,
        scope,
    })
}

/// A grant as Microsoft Graph shows it.
fn shown(row: &GrantRow) -> Value {
    json!({
        "clientId": row.client,
        "consentType": if row.principal.is_some() { "Principal" } else { "AllPrincipals" },
        "id": short_id(row.id),
        "principalId": row.principal,
        "resourceId": row.resource,
        "scope": row.scope,
    })
}
