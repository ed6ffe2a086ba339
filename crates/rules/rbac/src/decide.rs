//! The decision (reference rbac.md section 3).

use std::ops::ControlFlow;

use gatepost_names::{ObjectId, Scope};

use crate::action::Action;
use crate::assignment::{Window, window};
use crate::condition::{Attributes, Truth};
use crate::deny::both;
use crate::index::{Mark, NO_SLOT};
use crate::path::Path;
use crate::principals::{Principal, Row};
use crate::{Decision, Denial, DenyAssignment, Grant, Plane, Snapshot};

/// May this principal do this here and now?
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Who.
    pub principal: ObjectId,
    /// The action, such as `Microsoft.Communication/EmailServices/write`.
    pub action: &'a str,
    /// On which plane.
    pub plane: Plane,
    /// Where.
    pub scope: &'a Scope,
    /// When, in Unix µs: assignments may have a start and an end.
    pub now: i64,
    /// What conditions ask for.
    pub attributes: &'a dyn Attributes,
}

impl std::fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Question { principal, action, plane, scope, now, .. } = self;
        write!(f, "{principal} {action:?} on {plane:?} at {scope} at {now}")
    }
}

impl Snapshot {
    /// Decides, and says why. Allocates nothing. Its cost grows with the groups that the principal is in and
    /// with the assignments at and above the scope that these have, and with nothing else.
    ///
    /// Only [`Decision::Allowed`] is a yes. An action longer than any ([`crate::MAX_ACTION`]) is
    /// [`Denial::Undecided`].
    pub fn decide(&self, question: &Question<'_>) -> Decision<'_> {
        let (mut path, mut action) = (Path::of(question.scope), Action::of(question.action));
        let (Some(()), Some(())) = (path.take(&self.hierarchies), action.read()) else {
            return Decision::Denied(Denial::Undecided);
        };
        let mut search =
            Search { world: self, question, path: &path, action: &action, perhaps: None, unmet: false };
        let found = self.principals.each(question.principal, |id, principal| search.look(id, principal));
        let (grant, truth) = match (found, search.perhaps) {
            (ControlFlow::Break(grant), _) => (grant, Truth::True),
            (ControlFlow::Continue(()), Some(grant)) => (grant, Truth::Unknown),
            (ControlFlow::Continue(()), None) if search.unmet => return Decision::Denied(Denial::Condition),
            (ControlFlow::Continue(()), None) => return Decision::Denied(Denial::NotGranted),
        };
        match self.stopped(question, &path, &action) {
            Some((deny, Truth::True)) => Decision::Denied(Denial::Deny { deny, grant }),
            Some(_) => Decision::Possible(grant),
            None if truth == Truth::True => Decision::Allowed(grant),
            None => Decision::Possible(grant),
        }
    }

    /// Everybody who has an assignment that grants what is asked, at least for some requests, not counting what
    /// groups give to their members. The principal of the question does not matter.
    pub(crate) fn granted(&self, question: &Question<'_>) -> Vec<ObjectId> {
        let (path, action) = (Path::new(question.scope, &self.hierarchies), Action::new(question.action));
        let (Some(path), Some(action)) = (path, action) else { return Vec::new() };
        let grants = |id: ObjectId, principal: &Principal| {
            let mut search =
                Search { world: self, question, path: &path, action: &action, perhaps: None, unmet: false };
            search.look(id, principal).is_break() || search.perhaps.is_some()
        };
        self.principals.iter().filter(|(id, principal)| grants(*id, principal)).map(|(id, _)| id).collect()
    }

    /// The deny assignment that may stop the principal, for some values of attributes that are not known: whatever
    /// its roles grant.
    pub fn perhaps_denied_by(&self, question: &Question<'_>) -> Option<&DenyAssignment> {
        let path = Path::new(question.scope, &self.hierarchies)?;
        let action = Action::new(question.action)?;
        self.stopped(question, &path, &action).map(|(deny, _)| deny)
    }

    /// The deny assignment that stops the principal, and whether for certain.
    fn stopped(
        &self,
        question: &Question<'_>,
        path: &Path<'_>,
        action: &Action<'_>,
    ) -> Option<(&DenyAssignment, Truth)> {
        if self.denies.is_empty() {
            return None;
        }
        let Question { principal, plane, scope, attributes, .. } = *question;
        let is_one_of = |list: &[ObjectId]| {
            // A principal that is not known is in no group and still itself.
            let is_listed = |id: ObjectId| list.binary_search(&id).is_ok();
            let in_group = self.principals.each(principal, |id, _| match is_listed(id) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            });
            is_listed(principal) || in_group.is_break()
        };
        self.denies.stopping(scope, path, action, plane, attributes, &is_one_of)
    }
}

/// A search for an assignment that grants.
struct Search<'s, 'q> {
    world: &'s Snapshot,
    question: &'q Question<'q>,
    path: &'q Path<'q>,
    action: &'q Action<'q>,
    /// One that may grant: it depends on attributes that are not known.
    perhaps: Option<Grant<'s>>,
    /// Whether one would grant, were it not for its condition.
    unmet: bool,
}

impl<'s> Search<'s, '_> {
    /// Looks through the assignments of one principal; breaks off at one that grants.
    #[inline]
    fn look(&mut self, id: ObjectId, principal: &Principal) -> ControlFlow<Grant<'s>> {
        // Most have nothing near, and are passed by without a call.
        match self.path.meets(principal.homes()) {
            (false, false) => ControlFlow::Continue(()),
            (inside, outside) => self.look_closely(id, principal, inside, outside),
        }
    }

    #[inline(never)]
    fn look_closely(
        &mut self,
        id: ObjectId,
        principal: &Principal,
        inside: bool,
        outside: bool,
    ) -> ControlFlow<Grant<'s>> {
        let (first, marks) = self.path.marks_met(inside, outside);
        let filter = principal.filter();
        for (place, mark) in marks.iter().enumerate() {
            if filter.may_hold(*mark) {
                self.look_for(id, principal, first.wrapping_add(place), *mark)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Looks through the assignments of one mark.
    #[inline(never)]
    fn look_for(
        &mut self,
        id: ObjectId,
        principal: &Principal,
        place: usize,
        mark: Mark,
    ) -> ControlFlow<Grant<'s>> {
        let places = principal.tags().places(mark);
        if places.is_empty() {
            return ControlFlow::Continue(());
        }
        places.each_in(principal.rows(), mark, |row| self.look_at(id, place, row))
    }

    fn look_at(&mut self, id: ObjectId, place: usize, row: &Row) -> ControlFlow<Grant<'s>> {
        match self.weigh(id, place, row) {
            None => {}
            Some((grant, Truth::True)) => return ControlFlow::Break(grant),
            Some((grant, Truth::Unknown)) => self.perhaps = self.perhaps.or(Some(grant)),
            Some((_, Truth::False)) => self.unmet = true,
        }
        ControlFlow::Continue(())
    }

    /// What an assignment says to the question; nothing if its role does not grant the action, or it is not
    /// at this scope after all, or not now.
    fn weigh(&self, id: ObjectId, place: usize, row: &Row) -> Option<(Grant<'s>, Truth)> {
        let Question { plane, now, attributes, .. } = *self.question;
        let role = self.world.roles.get_for(row.role, self.action, plane)?;
        let scope = self.world.scopes.get(row.scope)?;
        let mut truth = role.truth(self.action, plane, attributes)?;
        if !self.path.is_at(place, scope) {
            return None;
        }
        if row.terms != NO_SLOT {
            // INVARIANT: terms that are missing where a row names some would lift a condition.
            let terms = self.world.terms.get(row.terms)?;
            if window(terms.starts, terms.ends, now) != Window::Open {
                return None;
            }
            if let Some(condition) = &terms.condition {
                truth = both(truth, condition.evaluate(self.action.text(), attributes));
            }
        }
        let (role, role_name) = (role.id(), role.name());
        Some((Grant { assignment: row.name, principal: id, scope, role, role_name }, truth))
    }
}
