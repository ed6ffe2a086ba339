//! What a deny assignment says to a question, and why.

use gatepost_names::ObjectId;

use super::{ConditionTrace, MOST_SHOWN, Membership, ids};
use crate::condition::{Condition, Truth};
use crate::deny::both;
use crate::explain::looked::either;
use crate::{
    DeniedPrincipals, DenyAssignment, DenyEffect, PermissionBlock, Question, Snapshot, action_matches,
};

/// A deny assignment that was looked at.
#[derive(Debug)]
pub struct LookedDeny<'a> {
    /// The deny assignment.
    pub deny: &'a DenyAssignment,
    /// What it says.
    pub verdict: DenyVerdict,
    /// Its own condition, if that was asked.
    pub condition: Option<ConditionTrace>,
}

/// What a deny assignment says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyVerdict {
    /// It denies the action.
    Denies,
    /// It would, for some requests: it depends on attributes that are not known.
    Depends,
    /// It would, were it enforced: its effect is `audit`.
    OnlyAudits,
    /// A condition is not fulfilled.
    ConditionFalse,
    /// The principal is, or is in, this excluded principal.
    Excluded(ObjectId),
    /// It is not about the principal.
    OtherPrincipals,
    /// It is not about the action.
    OtherActions,
}

impl DenyVerdict {
    fn rank(self) -> u8 {
        match self {
            DenyVerdict::Denies => 0,
            DenyVerdict::Depends => 1,
            DenyVerdict::OnlyAudits => 2,
            DenyVerdict::ConditionFalse => 3,
            DenyVerdict::Excluded(_) => 4,
            DenyVerdict::OtherPrincipals => 5,
            DenyVerdict::OtherActions => 6,
        }
    }
}

impl Snapshot {
    /// What each deny assignment that reaches the scope says; what denies comes first.
    pub(super) fn looked_denies(
        &self,
        question: &Question<'_>,
        principals: &[Membership],
    ) -> Vec<LookedDeny<'_>> {
        let denies = self.denies_at(question.scope).into_iter();
        let mut looked: Vec<LookedDeny<'_>> = denies.map(|deny| look(deny, question, principals)).collect();
        looked.sort_by_key(|looked| looked.verdict.rank());
        looked.truncate(MOST_SHOWN);
        looked
    }
}

fn look<'a>(deny: &'a DenyAssignment, question: &Question<'_>, principals: &[Membership]) -> LookedDeny<'a> {
    let bare = |verdict| LookedDeny { deny, verdict, condition: None };
    let by_blocks = deny.permissions.iter().filter_map(|block| truth_of(block, question)).reduce(either);
    let Some(by_blocks) = by_blocks else { return bare(DenyVerdict::OtherActions) };
    let meant = match &deny.principals {
        DeniedPrincipals::Everyone => true,
        DeniedPrincipals::These(these) => ids(principals).any(|id| these.contains(&id)),
    };
    if !meant {
        return bare(DenyVerdict::OtherPrincipals);
    }
    if let Some(excluded) = ids(principals).find(|id| deny.excluded.contains(id)) {
        return bare(DenyVerdict::Excluded(excluded));
    }
    let condition = deny.condition.as_deref().map(|one| ConditionTrace::of(one, true, question));
    let truth = both(by_blocks, condition.as_ref().map_or(Truth::True, |trace| trace.outcome));
    let verdict = match (truth, deny.effect) {
        (Truth::False, _) => DenyVerdict::ConditionFalse,
        (_, DenyEffect::Audit) => DenyVerdict::OnlyAudits,
        (Truth::True, DenyEffect::Enforced) => DenyVerdict::Denies,
        (Truth::Unknown, DenyEffect::Enforced) => DenyVerdict::Depends,
    };
    LookedDeny { deny, verdict, condition }
}

/// What a block comes to; nothing if it does not have the action.
fn truth_of(block: &PermissionBlock, question: &Question<'_>) -> Option<Truth> {
    let (denied, spared) = block.on(question.plane);
    let any = |patterns: &[String]| patterns.iter().any(|pattern| action_matches(pattern, question.action));
    if !any(denied) || any(spared) {
        return None;
    }
    // One that cannot be read denies always, as in the decision.
    let condition = block.condition.as_deref().and_then(|text| Condition::parse(text).ok());
    Some(condition.map_or(Truth::True, |one| one.evaluate(question.action, question.attributes)))
}
