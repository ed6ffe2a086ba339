//! Who could do something.

use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope};

use super::Looked;
use super::looked::Verdict;
use crate::{Decision, Held, Question, Snapshot};

/// Most assignments that are shown of each principal.
const MOST_THROUGH: usize = 5;

/// A part of those who could do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhoCan {
    /// They, by their ids.
    pub holders: Vec<Holder>,
    /// After which id the next part begins; nothing if there is none.
    pub next: Option<ObjectId>,
    /// How many principals there are to which a role that has the action is assigned here, themselves or through
    /// a group: of these, some may be denied it.
    pub candidates: usize,
}

/// Somebody who could do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who. Groups are among them: what a group can do its members can.
    pub principal: ObjectId,
    /// Whether it depends on the request.
    pub conditional: bool,
    /// The assignments that grant it, some of them.
    pub through: Vec<Through>,
}

/// An assignment that grants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    /// The assignment.
    pub assignment: RoleAssignmentName,
    /// The role.
    pub role: RoleDefinitionId,
    /// Its name.
    pub role_name: String,
    /// Where it was made.
    pub scope: Scope,
    /// How the principal comes to it: the groups on the way, the one that has the role last. Empty where it has
    /// it itself.
    pub path: Vec<ObjectId>,
}

impl Snapshot {
    /// Who could do what `question` asks, whose own principal does not matter: those after `after`, at most
    /// `limit`.
    pub fn who_can(&self, question: &Question<'_>, after: Option<ObjectId>, limit: usize) -> WhoCan {
        let mut all = self.granted(question);
        // Groups are walked once, however many of them, one in another, have the role.
        all.extend(self.principals.members_of_all(&all));
        all.sort_unstable();
        all.dedup();
        let candidates = all.len();
        let begin = after.map_or(0, |last| all.partition_point(|id| *id <= last));
        let mut holders = Vec::new();
        let mut next = None;
        for (n, principal) in all.iter().enumerate().skip(begin) {
            if holders.len() == limit {
                next = n.checked_sub(1).and_then(|last| all.get(last)).copied();
                break;
            }
            let asked = Question { principal: *principal, ..*question };
            let conditional = match self.decide(&asked) {
                Decision::Allowed(_) => false,
                Decision::Possible(_) => true,
                Decision::Denied(_) => continue,
            };
            let through = self.through(&asked);
            holders.push(Holder { principal: *principal, conditional, through });
        }
        WhoCan { holders, next, candidates }
    }

    fn through(&self, question: &Question<'_>) -> Vec<Through> {
        let held = self.grants_at(question.principal, question.scope, question.now);
        let granting = held.into_iter().filter(|held| grants(held, question)).take(MOST_THROUGH);
        granting
            .map(|held| Through {
                assignment: held.assignment,
                role: held.role,
                role_name: held.definition.map_or_else(String::new, |role| role.name().to_owned()),
                scope: held.scope.clone(),
                path: match held.principal == question.principal {
                    true => Vec::new(),
                    false => self.path_to(question.principal, held.principal),
                },
            })
            .collect()
    }
}

/// Whether an assignment grants what is asked, at least for some requests.
fn grants(held: &Held<'_>, question: &Question<'_>) -> bool {
    // Most roles do not have the action: that is quickly told.
    let has = held.definition.is_some_and(|role| {
        matches!(
            role.coverage(question.action, question.plane),
            crate::Coverage::Granted | crate::Coverage::Conditioned
        )
    });
    has && matches!(Looked::at(*held, question).verdict, Verdict::Grants | Verdict::Depends)
}
