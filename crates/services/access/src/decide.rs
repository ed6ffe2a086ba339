//! Decisions over resources.

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope, SubscriptionId, TenantId};
use gatepost_rbac::condition::{Attributes, NoAttributes};
use gatepost_rbac::{Decision, Denial, DenialCause, Grant, PermissionBlock, Plane, Question};

use crate::attributes::{From, NotYetKnown, Told};
use crate::state::{Belonging, State};
use crate::{Access, Caller, Denied};

/// Why it was allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The role that grants the action.
    pub role: RoleDefinitionId,
    /// The role's name.
    pub role_name: String,
    /// The assignment of that role.
    pub assignment: RoleAssignmentName,
    /// Where it was made: the scope asked for, or one above it.
    pub assignment_scope: Scope,
    /// Whose assignment it is: the caller's own, or that of a group which it is in.
    pub principal: ObjectId,
    /// Whether it still depends on what the request turns out to be: the decision was asked for before that
    /// was known, and must be asked for again.
    pub conditional: bool,
}

/// Who is decided on. A refusal names it as `client`.
#[derive(Clone, Copy)]
struct Asking<'a> {
    tenant: TenantId,
    principal: ObjectId,
    client: Option<&'a str>,
    from: From,
}

/// What is asked.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    action: &'a str,
    scope: &'a Scope,
    plane: Plane,
    attributes: &'a dyn Attributes,
    /// Whether "it depends on the request" is good enough for now.
    possible: bool,
}

impl Access {
    /// Whether the caller may do an action of the control plane at a scope. Conditions are told the time and
    /// the client's address.
    ///
    /// # Errors
    /// [`Denied`] with what is missing. Whatever goes wrong inside is a refusal too, with an ERROR in the
    /// log.
    pub fn require(&self, caller: &Caller, action: &str, scope: &Scope) -> Result<Granted, Denied> {
        self.require_with(caller, action, scope, Plane::Control, &NoAttributes)
    }

    /// Whether the caller may do an action of the data plane at a scope.
    ///
    /// # Errors
    /// As [`Access::require`].
    pub fn require_data(&self, caller: &Caller, action: &str, scope: &Scope) -> Result<Granted, Denied> {
        self.require_with(caller, action, scope, Plane::Data, &NoAttributes)
    }

    /// As [`Access::require`], with what conditions can know of the request and of the resource.
    ///
    /// # Errors
    /// As [`Access::require`]. What is [`Unknown`] among the attributes is never in favour of the caller.
    ///
    /// [`Unknown`]: gatepost_rbac::condition::Attribute::Unknown
    pub fn require_with(
        &self,
        caller: &Caller,
        action: &str,
        scope: &Scope,
        plane: Plane,
        attributes: &dyn Attributes,
    ) -> Result<Granted, Denied> {
        self.answer(Asking::of(caller), Wanted { action, scope, plane, attributes, possible: false })
    }

    /// Whether the caller may do an action of the control plane for at least some requests: the question
    /// before a request is read. Where the answer is [`Granted::conditional`], ask [`Access::require_with`]
    /// once it is.
    ///
    /// # Errors
    /// As [`Access::require`].
    pub fn require_possible(&self, caller: &Caller, action: &str, scope: &Scope) -> Result<Granted, Denied> {
        let attributes = &NotYetKnown;
        let wanted = Wanted { action, scope, plane: Plane::Control, attributes, possible: true };
        self.answer(Asking::of(caller), wanted)
    }

    /// As [`Access::require_possible`], with what is known of the request already.
    ///
    /// # Errors
    /// As [`Access::require`].
    pub fn require_possible_with(
        &self,
        caller: &Caller,
        action: &str,
        scope: &Scope,
        plane: Plane,
        attributes: &dyn Attributes,
    ) -> Result<Granted, Denied> {
        self.answer(Asking::of(caller), Wanted { action, scope, plane, attributes, possible: true })
    }

    /// As [`Access::require`], where the reason does not matter: to leave things out of a listing.
    pub fn can(&self, caller: &Caller, action: &str, scope: &Scope) -> bool {
        let asking = Asking::of(caller);
        let now = self.0.clock.micros();
        let attributes = Told::new(now, asking.from, &NoAttributes);
        let state = self.state();
        if self.foreign(&state, scope, asking.tenant).is_some() {
            return false;
        }
        let question = asking.question(action, scope, Plane::Control, &attributes, now);
        matches!(state.world(asking.tenant).decide(&question), Decision::Allowed(_))
    }

    /// Whether a deny assignment keeps the caller from an action of the control plane at a scope, whatever its
    /// roles grant there.
    pub fn is_denied(&self, caller: &Caller, action: &str, scope: &Scope) -> bool {
        let asking = Asking::of(caller);
        let now = self.0.clock.micros();
        let attributes = Told::new(now, asking.from, &NoAttributes);
        let state = self.state();
        let question = asking.question(action, scope, Plane::Control, &attributes, now);
        state.world(asking.tenant).perhaps_denied_by(&question).is_some()
    }

    /// Whether a principal that is not calling could do an action of the control plane at a scope. Where it
    /// depends on the request that it would make, the answer is [`Granted::conditional`].
    ///
    /// # Errors
    /// As [`Access::require`]; the principal is named by its object id.
    pub fn decide_for(
        &self,
        tenant: TenantId,
        principal: ObjectId,
        action: &str,
        scope: &Scope,
    ) -> Result<Granted, Denied> {
        let asking = Asking { tenant, principal, client: None, from: From::NotYet };
        let attributes = &NotYetKnown;
        self.answer(asking, Wanted { action, scope, plane: Plane::Control, attributes, possible: true })
    }

    /// What the caller may do at a scope: the blocks of each role that applies there. A block carries the
    /// condition under which it grants, its own or that of the assignment; one that would need both to hold
    /// carries both, joined by `AND`.
    pub fn permissions(&self, caller: &Caller, scope: &Scope) -> Vec<PermissionBlock> {
        let state = self.state();
        if self.foreign(&state, scope, caller.tenant).is_some() {
            return Vec::new();
        }
        let mut blocks = Vec::new();
        let held = state.world(caller.tenant).grants_at(caller.object_id, scope, self.0.clock.micros());
        for held in held {
            if held.condition.is_some_and(|condition| condition.is_never_true()) {
                continue;
            }
            let definition = state.definition(caller.tenant, held.role);
            let condition = held.condition.map(|condition| condition.text());
            let granted = definition.iter().flat_map(|role| &role.permissions);
            blocks.extend(granted.map(|block| under(block, condition)));
        }
        blocks
    }

    /// Whether the caller has any role in a subscription, at any depth, or above it: it is listed then.
    pub fn sees_subscription(&self, caller: &Caller, subscription: SubscriptionId) -> bool {
        let (state, now) = (self.state(), self.0.clock.micros());
        state.world(caller.tenant).reaches_subscription(caller.object_id, subscription, now)
            && self.foreign(&state, &Scope::subscription(subscription), caller.tenant).is_none()
    }

    fn answer(&self, asking: Asking<'_>, wanted: Wanted<'_>) -> Result<Granted, Denied> {
        let Wanted { action, scope, plane, .. } = wanted;
        let denied = |cause| Denied {
            client: asking.client.map_or_else(|| asking.principal.to_string(), str::to_owned),
            object_id: asking.principal,
            action: action.to_owned(),
            scope: scope.clone(),
            cause: Box::new(cause),
        };
        let state = self.state();
        if let Some(cause) = self.foreign(&state, scope, asking.tenant) {
            return Err(denied(cause));
        }
        let now = self.0.clock.micros();
        let attributes = Told::new(now, asking.from, wanted.attributes);
        let question = asking.question(action, scope, plane, &attributes, now);
        let world = state.world(asking.tenant);
        match world.decide(&question) {
            Decision::Allowed(grant) => return Ok(granted(grant, false)),
            Decision::Possible(grant) if wanted.possible => return Ok(granted(grant, true)),
            Decision::Denied(Denial::Undecided) => {
                let principal = asking.principal;
                tracing::error!(%principal, action, %scope, "access is refused: it could not be decided");
                return Err(denied(DenialCause::Undecided));
            }
            Decision::Possible(_) | Decision::Denied(_) => {}
        }
        Err(denied(world.denial_cause(&question)))
    }

    /// Why a scope is not for this tenant to decide on.
    pub(crate) fn foreign(&self, state: &State, scope: &Scope, tenant: TenantId) -> Option<DenialCause> {
        match self.belonging(state, scope, tenant) {
            Ok(Belonging::Own) => None,
            Ok(Belonging::Foreign) => Some(DenialCause::ForeignSubscription),
            Err(error) => {
                tracing::error!(%error, %scope, "access is refused: the subscription's tenant cannot be read");
                Some(DenialCause::Undecided)
            }
        }
    }
}

impl<'a> Asking<'a> {
    fn of(caller: &'a Caller) -> Asking<'a> {
        Asking {
            tenant: caller.tenant,
            principal: caller.object_id,
            client: Some(&caller.client),
            from: caller.request.address.map_or(From::Nowhere, From::Address),
        }
    }

    fn question(
        &self,
        action: &'a str,
        scope: &'a Scope,
        plane: Plane,
        attributes: &'a Told<'a>,
        now: i64,
    ) -> Question<'a> {
        Question { principal: self.principal, action, plane, scope, now, attributes }
    }
}

fn granted(grant: Grant<'_>, conditional: bool) -> Granted {
    Granted {
        role: grant.role,
        role_name: grant.role_name.to_owned(),
        assignment: grant.assignment,
        assignment_scope: grant.scope.clone(),
        principal: grant.principal,
        conditional,
    }
}

/// A block of a role that is assigned under a condition.
fn under(block: &PermissionBlock, condition: Option<&str>) -> PermissionBlock {
    let both = match (&block.condition, condition) {
        (Some(own), Some(assigned)) => Some(format!("({own}) AND ({assigned})")),
        (own, assigned) => own.clone().or_else(|| assigned.map(str::to_owned)),
    };
    let version = both.is_some().then(|| "2.0".to_owned());
    PermissionBlock { condition: both, condition_version: version, ..block.clone() }
}
