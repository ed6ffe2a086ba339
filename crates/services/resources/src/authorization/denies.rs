//! Reading deny assignments.

use std::collections::HashSet;

use gatepost_access::{Caller, DenyPrincipal, Extent, StoredDeny};
use gatepost_names::{ObjectId, Scope, TenantId};
use serde_json::Value;
use uuid::Uuid;

use super::Query;
use super::bodies::excerpt;
use super::deny_bodies::{EVERYONE, exported, shown};
use super::filters::{DenyFilter, Whose};
use super::pages::{self, DenyPlace};
use crate::request::Listing;
use crate::versions::ApiVersion;
use crate::{ResourceError, Resources};

pub(crate) const READ: &str = "Microsoft.Authorization/denyAssignments/read";

impl Resources {
    /// The deny assignments at a scope, above it and below it, as far as the filter wants them and the caller
    /// may read them.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::BadRequest`] for a filter that is not understood.
    pub fn deny_assignments(
        &self,
        caller: &Caller,
        scope: &Scope,
        query: Query<'_>,
    ) -> Result<Listing, ResourceError> {
        let filter = DenyFilter::parse(query.filter)?;
        let scope = &self.enter(caller, READ, scope)?;
        let (access, tenant) = (&self.platform().access, caller.tenant);
        let extent = if filter.at_scope { Extent::AtOrAbove } else { Extent::All };
        let places = access.places(tenant, scope, extent);
        let inherited: HashSet<Scope> = self.lineage(tenant, scope).into_iter().collect();
        let whose = self.denied_principals(tenant, filter.whose);
        let found = pages::collect(
            query.page,
            |after: Option<&DenyPlace>, limit| {
                let after = after.map(|place| (&place.scope, place.name.as_str()));
                Ok(access.denies_page(tenant, &places, after, limit)?)
            },
            |deny| DenyPlace { scope: deny.scope.clone(), name: deny.name.clone() },
            |deny| {
                filter.name.as_ref().is_none_or(|name| *name == deny.name.to_lowercase())
                    && whose.as_ref().is_none_or(|whose| whose.is_denied_by(deny))
                    && filter
                        .export_of
                        .is_none_or(|id| names(&deny.principals, id) || names(&deny.excluded, id))
                    && (inherited.contains(&deny.scope) || self.may(caller, READ, &deny.scope))
            },
        )?;
        let value = found.rows.iter().map(|deny| match filter.export_of {
            Some(_) => exported(deny),
            None => self.deny_shown(deny, query.version),
        });
        Ok(Listing { value: value.collect(), next: found.next })
    }

    /// One deny assignment, by its id and its own scope.
    ///
    /// # Errors
    /// [`ResourceError::Denied`]; [`ResourceError::NotFound`] with `DenyAssignmentNotFound`.
    pub fn deny_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: &str,
        version: ApiVersion<'_>,
    ) -> Result<Value, ResourceError> {
        self.authorize(caller, READ, scope)?;
        let found = match Uuid::try_parse(id) {
            Ok(id) => self.platform().access.deny(caller.tenant, id)?,
            Err(_) => None,
        };
        match found.filter(|deny| deny.scope == *scope) {
            Some(deny) => Ok(self.deny_shown(&deny, version)),
            None => Err(ResourceError::NotFound {
                code: "DenyAssignmentNotFound",
                message: format!("The deny assignment '{}' is not found.", excerpt(id)),
            }),
        }
    }

    /// A deny assignment as it is read. That the directory cannot be asked costs a name, no more.
    pub(super) fn deny_shown(&self, deny: &StoredDeny, version: ApiVersion<'_>) -> Value {
        let directory = &self.platform().directory;
        let name_of = |id: ObjectId| {
            if id == EVERYONE {
                return Some("All Principals".to_owned());
            }
            directory.principal(deny.tenant, id).ok().flatten().map(|found| found.display_name)
        };
        shown(deny, version, &name_of)
    }

    fn denied_principals(&self, tenant: TenantId, whose: Option<Whose>) -> Option<Denied> {
        Some(match whose? {
            Whose::Own(id) => Denied { ids: HashSet::from([id]), with_everyone: false },
            Whose::WithGroups(id) => {
                let mut ids: HashSet<ObjectId> =
                    self.platform().access.groups_of(tenant, id).into_iter().collect();
                ids.insert(id);
                Denied { ids, with_everyone: true }
            }
        })
    }
}

/// Whose deny assignments are wanted.
struct Denied {
    ids: HashSet<ObjectId>,
    /// Whether those for everyone are theirs, unless they are excluded.
    with_everyone: bool,
}

impl Denied {
    fn is_denied_by(&self, deny: &StoredDeny) -> bool {
        let is_one = |principal: &DenyPrincipal| self.ids.contains(&principal.id);
        let named = deny.principals.iter().any(is_one);
        if !self.with_everyone {
            return named;
        }
        let everyone = names(&deny.principals, EVERYONE);
        (named || everyone) && !deny.excluded.iter().any(is_one)
    }
}

fn names(principals: &[DenyPrincipal], id: ObjectId) -> bool {
    principals.iter().any(|principal| principal.id == id)
}
