//! Answers for those who administer access: why a decision falls out as it does, who could do a thing, what a
//! change would change. Who may ask is for the caller to check.

use std::net::IpAddr;

use gatepost_clock::Timestamp;
use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope, TenantId};
use gatepost_rbac::condition::Attributes;
use gatepost_rbac::explain::{Explanation, Hypothesis, Impossible, WhatIf, WhoCan};
use gatepost_rbac::least::Operation;
use gatepost_rbac::{DenialCause, Plane, Question, RoleDefinition};
use gatepost_store::StoreError;
use uuid::Uuid;

use crate::attributes::{From, NotYetKnown, Told};
use crate::{Access, RoleAssignment, StoredDeny};

/// What a decision is asked about.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// Who would do it; does not matter where the question is who can.
    pub principal: ObjectId,
    /// The action.
    pub action: &'a str,
    /// Its plane.
    pub plane: Plane,
    /// Where.
    pub scope: &'a Scope,
    /// When; now, where nothing is said.
    pub at: Option<Timestamp>,
    /// From which address; open, where nothing is said.
    pub address: Option<IpAddr>,
    /// What else a request would tell. What it leaves [`Unknown`] stays open in the answer.
    ///
    /// [`Unknown`]: gatepost_rbac::condition::Attribute::Unknown
    pub attributes: &'a dyn Attributes,
}

/// A change that is only thought of.
#[derive(Clone, Debug)]
pub enum Change {
    /// An assignment is made, or put in the place of the one of this name.
    PutAssignment(RoleAssignment),
    /// An assignment is deleted.
    RemoveAssignment(RoleAssignmentName),
    /// A custom role is made or changed.
    PutRole(RoleDefinition),
    /// A custom role is deleted.
    RemoveRole(RoleDefinitionId),
    /// A principal becomes a member of a group.
    PutMember {
        /// The group.
        group: ObjectId,
        /// The principal.
        member: ObjectId,
    },
    /// A principal stops being a member of a group.
    RemoveMember {
        /// The group.
        group: ObjectId,
        /// The principal.
        member: ObjectId,
    },
    /// A deny assignment is made or changed.
    PutDeny(StoredDeny),
    /// A deny assignment is deleted.
    RemoveDeny(Uuid),
}

/// Why nothing is said about a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// It is another tenant's.
    #[error("the scope is another tenant's")]
    Foreign,
    /// Whose it is cannot be told; the log has the reason.
    #[error("it could not be decided; see the log")]
    Undecided,
}

/// Why it cannot be said what a change would change.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// What would be deleted does not exist.
    #[error("there is nothing of this name to delete")]
    NothingThere,
    /// The change itself would be refused.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Access {
    /// Explains a decision; hands the explanation to `read`.
    ///
    /// # Errors
    /// [`Unanswerable`].
    pub fn explain<T>(
        &self,
        about: &About<'_>,
        read: impl FnOnce(&Explanation<'_>) -> T,
    ) -> Result<T, Unanswerable> {
        self.ask(about, |world, question| read(&world.explain(question)))
    }

    /// Who could do a thing: those after `after` by their ids, at most `limit`.
    ///
    /// # Errors
    /// As [`Access::explain`].
    pub fn who_can(
        &self,
        about: &About<'_>,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<WhoCan, Unanswerable> {
        self.ask(about, |world, question| world.who_can(question, after, limit))
    }

    fn ask<T>(
        &self,
        about: &About<'_>,
        answer: impl FnOnce(&gatepost_rbac::Snapshot, &Question<'_>) -> T,
    ) -> Result<T, Unanswerable> {
        let state = self.state();
        match self.foreign(&state, about.scope, about.tenant) {
            None => {}
            Some(DenialCause::ForeignSubscription) => return Err(Unanswerable::Foreign),
            Some(_) => return Err(Unanswerable::Undecided),
        }
        let About { principal, action, plane, scope, .. } = *about;
        let now = about.at.unwrap_or_else(|| self.0.clock.now()).as_microsecond();
        let from = about.address.map_or(From::NotYet, From::Address);
        let attributes = &Told::new(now, from, about.attributes);
        let question = Question { principal, action, plane, scope, now, attributes };
        Ok(answer(state.world(about.tenant), &question))
    }

    /// What a change would change, over the operations of a catalogue. Nothing is changed.
    ///
    /// # Errors
    /// [`WhatIfError`].
    pub fn what_if(
        &self,
        tenant: TenantId,
        change: &Change,
        catalogue: &[Operation<'_>],
    ) -> Result<WhatIf, WhatIfError> {
        let hypothesis = match change {
            Change::PutAssignment(assignment) => Hypothesis::PutAssignment(assignment.compiled()),
            Change::RemoveAssignment(name) => {
                let found = self.assignment(tenant, *name)?.ok_or(WhatIfError::NothingThere)?;
                Hypothesis::RemoveAssignment(found.principal, *name)
            }
            Change::PutRole(role) => Hypothesis::PutRole(role.clone()),
            Change::RemoveRole(id) => Hypothesis::RemoveRole(*id),
            Change::PutMember { group, member } => Hypothesis::PutMember(*group, *member),
            Change::RemoveMember { group, member } => Hypothesis::RemoveMember(*group, *member),
            Change::PutDeny(deny) => Hypothesis::PutDeny(deny.compiled()),
            Change::RemoveDeny(id) => {
                self.deny(tenant, *id)?.ok_or(WhatIfError::NothingThere)?;
                Hypothesis::RemoveDeny(*id)
            }
        };
        let now = self.0.clock.micros();
        let attributes = Told::new(now, From::NotYet, &NotYetKnown);
        let state = self.state();
        Ok(state.world(tenant).what_if(&hypothesis, catalogue, now, &attributes)?)
    }
}
