//! Objects by their relations to one: members, owners, memberships.

use gatepost_access::{Caller, directory_role_name};
use gatepost_names::{ObjectId, TenantId};
use gatepost_odata::{Budget, Filter, Search};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{Conn, StoreError, groups};
use serde_json::Value;

use crate::listing::{Mark, Wanted, check_filter, check_search};
use crate::{Directory, DirectoryError, ObjectKey, Order, objects, requests, rights};

/// Ids that are read in one query.
const CHUNK: usize = 500;
/// Related objects that are put in another order than that of their ids.
const MOST_SORTED: usize = 20_000;

const ALL_KINDS: [ObjectKind; 4] =
    [ObjectKind::User, ObjectKind::Group, ObjectKind::ServicePrincipal, ObjectKind::Application];

/// How objects are related to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Directly in the group.
    Members,
    /// In the group, directly or through groups.
    TransitiveMembers,
    /// The groups and directory roles that it is directly in.
    MemberOf,
    /// The groups and directory roles that it is in, directly or through groups.
    TransitiveMemberOf,
    /// Its owners.
    Owners,
    /// What it owns.
    OwnedObjects,
}

/// Which related objects to list.
#[derive(Clone, Debug, Default)]
pub struct RelationRequest {
    /// Only those of this kind.
    pub kind: Option<ObjectKind>,
    /// Only those that this holds for.
    pub filter: Option<Filter>,
    /// Only those that this finds.
    pub search: Option<Search>,
    /// In which order: any, or by display name.
    pub order: Order,
    /// At most so many.
    pub top: usize,
    /// After the page that answered this.
    pub after: Option<String>,
    /// Whether to count all of them.
    pub count: bool,
}

/// An object among objects of several kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// Its kind; `None` for a directory role.
    pub kind: Option<ObjectKind>,
    /// The object as Microsoft Graph shows it.
    pub object: Value,
}

/// A page of related objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RelatedListing {
    /// The objects.
    pub objects: Vec<Related>,
    /// Names the next page, if there is more.
    pub next: Option<String>,
    /// How many there are in all, where asked.
    pub count: Option<u64>,
}

impl Directory {
    /// A page of the objects that are related to one.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], [`DirectoryError::Denied`], and as [`Directory::list`].
    pub fn related(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        key: &ObjectKey,
        relation: Relation,
        request: &RelationRequest,
    ) -> Result<RelatedListing, DirectoryError> {
        let kinds = request.kind.map_or(ALL_KINDS.to_vec(), |kind| vec![kind]);
        if let Some(filter) = &request.filter {
            check_filter(filter, &kinds)?;
        }
        if let Some(search) = &request.search {
            check_search(search, &kinds)?;
        }
        let after = request.after.as_deref().map(Mark::parse).transpose()?;
        self.0.store.read(|conn| {
            let found = requests::find(conn, caller.tenant, kind, key)?;
            let row = self.require_found(conn, caller, rights::reading(kind), found, key)?;
            let budget = Budget::per_request();
            let wanted =
                Wanted { filter: request.filter.as_ref(), search: request.search.as_ref(), budget: &budget };
            let source = self.ids_of(conn, caller.tenant, row.id, relation)?;
            let mut walk = Walk {
                conn,
                tenant: caller.tenant,
                request,
                wanted,
                after,
                total: 0,
                last: None,
                listing: RelatedListing::default(),
            };
            if matches!(relation, Relation::MemberOf | Relation::TransitiveMemberOf)
                && walk.after.is_none()
                && request.kind.is_none()
                && walk.wanted.is_everything()
            {
                let roles = match relation {
                    Relation::MemberOf => self.0.access.directory_roles(caller.tenant, row.id),
                    _ => self.0.access.effective_directory_roles(caller.tenant, row.id),
                };
                for template in roles.into_iter().filter(|role| directory_role_name(*role).is_some()) {
                    walk.total += 1;
                    let object = crate::directory_roles::role_entity(template);
                    walk.listing.objects.push(Related { kind: None, object });
                }
            }
            walk.run(&source)?;
            walk.listing.count = request.count.then_some(walk.total);
            Ok(walk.listing)
        })
    }

    /// Where the ids of related objects come from.
    fn ids_of(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        of: ObjectId,
        relation: Relation,
    ) -> Result<Source, StoreError> {
        let sorted = |mut ids: Vec<ObjectId>| {
            ids.sort_unstable();
            Source::Known(ids)
        };
        Ok(match relation {
            Relation::Members => Source::Members(of),
            Relation::MemberOf => Source::MemberOf(of),
            Relation::TransitiveMembers => sorted(self.0.access.members_of(tenant, of)),
            Relation::TransitiveMemberOf => sorted(self.0.access.groups_of(tenant, of)),
            Relation::Owners => Source::Known(rows::owners_of(conn, tenant, of, None, u32::MAX)?),
            Relation::OwnedObjects => Source::Owned(of),
        })
    }
}

/// Ids in order.
enum Source {
    Members(ObjectId),
    MemberOf(ObjectId),
    Owned(ObjectId),
    /// In memory, sorted.
    Known(Vec<ObjectId>),
}

impl Source {
    /// The ids after one, some at a time.
    fn page(
        &self,
        conn: &Conn<'_>,
        tenant: TenantId,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<ObjectId>, StoreError> {
        match self {
            Source::Members(group) => groups::members_page(conn, tenant, *group, after, limit),
            Source::MemberOf(member) => groups::memberships_page(conn, tenant, *member, after, limit),
            Source::Owned(owner) => {
                rows::owned_by(conn, tenant, *owner, after, u32::try_from(limit).unwrap_or(u32::MAX))
            }
            Source::Known(ids) => {
                let first = after.map_or(0, |after| ids.partition_point(|id| *id <= after));
                Ok(ids.iter().skip(first).take(limit).copied().collect())
            }
        }
    }
}

struct Walk<'a> {
    conn: &'a Conn<'a>,
    tenant: TenantId,
    request: &'a RelationRequest,
    wanted: Wanted<'a>,
    after: Option<Mark>,
    total: u64,
    last: Option<Mark>,
    listing: RelatedListing,
}

impl Walk<'_> {
    fn run(&mut self, source: &Source) -> Result<(), DirectoryError> {
        if self.request.order != Order::Any {
            return self.by_name(source);
        }
        let counting = self.request.count;
        let mut at = if counting { None } else { self.after.as_ref().map(|mark| mark.id) };
        let plain = self.wanted.is_everything() && self.request.kind.is_none() && !counting;
        let limit = if plain { self.request.top.saturating_add(1).min(CHUNK) } else { CHUNK };
        loop {
            let ids = source.page(self.conn, self.tenant, at, limit)?;
            at = ids.last().copied();
            for id in &ids {
                let mark = Mark::by_id(*id);
                let due = self.after.as_ref().is_none_or(|after| *id > after.id);
                // To count all is not to read all.
                if counting && self.wanted.is_everything() && self.request.kind.is_none() && !due {
                    self.total += 1;
                    continue;
                }
                if counting
                    && self.listing.next.is_some()
                    && self.wanted.is_everything()
                    && self.request.kind.is_none()
                {
                    self.total += 1;
                    continue;
                }
                if let Some(row) = self.find(*id)? {
                    self.take(&row, mark, due)?;
                }
                if self.listing.next.is_some() && !counting {
                    return Ok(());
                }
            }
            if ids.len() < limit {
                return Ok(());
            }
        }
    }

    /// All related objects by their names.
    fn by_name(&mut self, source: &Source) -> Result<(), DirectoryError> {
        let ids = source.page(self.conn, self.tenant, None, MOST_SORTED + 1)?;
        if ids.len() > MOST_SORTED {
            return Err(DirectoryError::UnsupportedQuery(
                "Sorting not supported for current query.".to_owned(),
            ));
        }
        let mut named = Vec::new();
        for id in ids {
            if let Some(row) = self.find(id)? {
                named.push((row.display_name.to_lowercase(), row));
            }
        }
        named.sort_by(|(left, a), (right, b)| (left, a.id).cmp(&(right, b.id)));
        let descending = self.request.order == Order::NameDescending;
        if descending {
            named.reverse();
        }
        for (name, row) in named {
            let mark = Mark { key: rows::Key::Text(name), id: row.id };
            let due = self.after.as_ref().is_none_or(|after| {
                let (own, start) = (text_key(&mark), text_key(after));
                if descending { own < start } else { own > start }
            });
            self.take(&row, mark, due)?;
        }
        Ok(())
    }

    /// The object, if it lives and is one that is asked for.
    fn find(&self, id: ObjectId) -> Result<Option<ObjectRow>, DirectoryError> {
        let row = rows::find(self.conn, self.tenant, id)?;
        let row = row.filter(|row| self.request.kind.is_none_or(|kind| row.kind == kind));
        match row {
            Some(row) if self.wanted.is(&row)? => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    fn take(&mut self, row: &ObjectRow, mark: Mark, due: bool) -> Result<(), DirectoryError> {
        self.total += 1;
        if !due {
            return Ok(());
        }
        if self.listing.objects.len() < self.request.top {
            let object = objects::entity(self.conn, row)?;
            self.listing.objects.push(Related { kind: Some(row.kind), object });
            self.last = Some(mark);
        } else if self.listing.next.is_none() {
            self.listing.next = self.last.as_ref().map(Mark::to_string);
        }
        Ok(())
    }
}

fn text_key(mark: &Mark) -> (&str, ObjectId) {
    match &mark.key {
        rows::Key::Text(text) => (text, mark.id),
        rows::Key::Number(_) => ("", mark.id),
    }
}
