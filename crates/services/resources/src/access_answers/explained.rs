//! `explain`: a decision with all that led to it.

use gatepost_access::{About, Caller, DenialCause};
use gatepost_clock::{arm_format, from_micros};
use gatepost_names::{ObjectId, Scope, TenantId};
use gatepost_rbac::condition::Truth;
use gatepost_rbac::explain::{ConditionTrace, DenyVerdict, Explanation, Looked, LookedDeny, Verdict};
use gatepost_rbac::{Decision, Held, Lock, LockLevel, Plane};
use serde_json::{Value, json};
use uuid::Uuid;

use super::asked::{Asked, object_id, text};
use super::given::Given;
use super::{Answer, READ};
use crate::authorization::role_definition_id;
use crate::tags::malformed;
use crate::{ResourceError, Resources};

impl Resources {
    pub(super) fn explain_access(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
    ) -> Result<Value, ResourceError> {
        if let Some(correlation) = text(body, "correlationId")? {
            let id = correlation.parse().map_err(|_| malformed("'correlationId' must be a GUID."))?;
            return self.explain_refusal(caller, id);
        }
        let asked = Asked::read(body)?;
        let about = About {
            tenant: caller.tenant,
            principal: object_id(body, "principalId")?,
            action: &asked.action,
            plane: asked.plane,
            scope,
            at: asked.at,
            address: asked.address,
            attributes: &asked.given,
        };
        self.explanation(caller, &about)
    }

    /// Explains a refusal that is on the activity log: what it was, and how the same would be decided now.
    fn explain_refusal(&self, caller: &Caller, correlation: Uuid) -> Result<Value, ResourceError> {
        let found =
            self.refused_request(caller.tenant, correlation)?.ok_or_else(|| ResourceError::NotFound {
                code: "RefusalNotFound",
                message: format!(
                    "There is no refusal with the correlation id '{correlation}' on the activity log."
                ),
            })?;
        // The refusal may have happened elsewhere than where it is asked about.
        self.authorize(caller, READ, &found.scope)?;
        self.may_ask(caller, &found.scope, Answer::Explain)?;
        let is_data = self.catalogue().is_data_action(&found.action);
        let given = Given::default();
        let about = About {
            tenant: caller.tenant,
            principal: found.object_id,
            action: &found.action,
            plane: if is_data { Plane::Data } else { Plane::Control },
            scope: &found.scope,
            at: None,
            address: found.address,
            attributes: &given,
        };
        let mut answer = self.explanation(caller, &about)?;
        if let Some(members) = answer.as_object_mut() {
            members.insert(
                "refusal".to_owned(),
                json!({
                    "correlationId": correlation,
                    "at": arm_format(found.at),
                    "client": found.client,
                    "address": found.address,
                    "reason": reason_told(&found.reason),
                }),
            );
        }
        Ok(answer)
    }

    fn explanation(&self, caller: &Caller, about: &About<'_>) -> Result<Value, ResourceError> {
        let answer =
            self.platform().access.explain(about, |explained| self.explained(caller, about, explained));
        match answer {
            Ok(answer) => answer,
            Err(why) => Ok(json!({
                "decision": "Denied",
                "reason": why.to_string(),
                "action": about.action,
                "scope": about.scope.as_str(),
            })),
        }
    }

    fn explained(
        &self,
        caller: &Caller,
        about: &About<'_>,
        explained: &Explanation<'_>,
    ) -> Result<Value, ResourceError> {
        let tenant = about.tenant;
        let person = self.person(tenant, about.principal)?;
        let principals = explained.principals.iter().map(|membership| {
            let mut shown = self.person(tenant, membership.id)?.shown();
            if let Some(members) = shown.as_object_mut() {
                members.insert("through".to_owned(), self.people(tenant, &membership.path)?.into());
            }
            Ok(shown)
        });
        let principals = principals.collect::<Result<Vec<Value>, ResourceError>>()?;
        let each = |looked: &Looked<'_>| self.looked(tenant, about.scope, looked);
        let assignments = explained.assignments.iter().map(each).collect::<Result<Vec<Value>, _>>()?;
        // Who may ask here need not have the right to hear of other scopes.
        let may_hear = |scope: &Scope| self.may(caller, READ, scope);
        let elsewhere = explained.elsewhere.iter().filter(|held| may_hear(held.scope));
        let elsewhere = elsewhere.map(|held| self.held(tenant, about.scope, held));
        let elsewhere = elsewhere.collect::<Result<Vec<Value>, _>>()?;
        Ok(json!({
            "decision": decision(&explained.decision),
            "reason": reason(explained, &may_hear),
            "principal": person.shown(),
            "action": about.action,
            "isDataAction": about.plane == Plane::Data,
            "scope": about.scope.as_str(),
            "principals": principals,
            "principalCount": explained.principal_count,
            "assignments": assignments,
            "assignmentCount": explained.assignment_count,
            "elsewhere": { "count": explained.elsewhere_count, "granting": elsewhere },
            "denyAssignments": explained.denies.iter().map(denied).collect::<Vec<_>>(),
            "locks": explained.locks.iter().map(|lock| locked(lock)).collect::<Vec<_>>(),
            "remedies": self.remedies(about, explained, &person),
        }))
    }

    fn looked(&self, tenant: TenantId, scope: &Scope, looked: &Looked<'_>) -> Result<Value, ResourceError> {
        let mut shown = self.held(tenant, scope, &looked.held)?;
        if let Some(members) = shown.as_object_mut() {
            members.insert("verdict".to_owned(), verdict(looked.verdict).into());
            members.insert("explanation".to_owned(), sentence(looked).into());
            let conditions: Vec<Value> = looked.conditions.iter().map(condition).collect();
            members.insert("conditions".to_owned(), conditions.into());
        }
        Ok(shown)
    }

    fn held(&self, tenant: TenantId, scope: &Scope, held: &Held<'_>) -> Result<Value, ResourceError> {
        Ok(json!({
            "id": assignment_id(held),
            "principal": self.person(tenant, held.principal)?.shown(),
            "roleDefinitionId": role_definition_id(held.role, scope),
            "roleName": held.definition.map(|role| role.name()),
            "scope": held.scope.as_str(),
        }))
    }
}

/// The full id of an assignment.
pub(super) fn assignment_id(held: &Held<'_>) -> String {
    let base = held.scope.as_str().trim_end_matches('/');
    format!("{base}/providers/Microsoft.Authorization/roleAssignments/{}", held.assignment)
}

fn decision(decision: &Decision<'_>) -> &'static str {
    match decision {
        Decision::Allowed(_) => "Allowed",
        Decision::Possible(_) => "Conditional",
        Decision::Denied(_) => "Denied",
    }
}

fn reason(explained: &Explanation<'_>, may_hear: &dyn Fn(&Scope) -> bool) -> String {
    match (&explained.decision, &explained.cause) {
        (Decision::Allowed(grant), _) => {
            format!("The role '{}', assigned at '{}', grants it.", grant.role_name, grant.scope)
        }
        (Decision::Possible(grant), _) => format!(
            "The role '{}', assigned at '{}', grants it for some requests: it depends on what the request says.",
            grant.role_name, grant.scope
        ),
        (Decision::Denied(_), Some(DenialCause::AssignedElsewhere { elsewhere, .. }))
            if !may_hear(&elsewhere.scope) =>
        {
            "No role that it has at this scope or above it grants the action.".to_owned()
        }
        (Decision::Denied(_), Some(cause)) => sentence_of(cause),
        (Decision::Denied(_), None) => "It is denied.".to_owned(),
    }
}

/// As it was logged, without what lies elsewhere: who asks about this scope need not have the right to hear of
/// others. Where it has that right, the decision of now names them.
fn reason_told(logged: &str) -> &str {
    if logged.contains("is assigned to it at '") {
        return "no role that it has at this scope or above it grants the action";
    }
    logged
}

fn sentence_of(cause: &DenialCause) -> String {
    let clause = cause.to_string();
    let mut letters = clause.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Grants => "Grants",
        Verdict::Depends => "DependsOnRequest",
        Verdict::ConditionFalse => "ConditionNotMet",
        Verdict::NotYet(_) => "NotYetValid",
        Verdict::NoLonger(_) => "NoLongerValid",
        Verdict::Excluded => "ExcludedByNotActions",
        Verdict::OtherPlane => "OtherPlane",
        Verdict::Absent => "NotInRole",
        Verdict::RoleGone => "RoleDoesNotExist",
    }
}

fn sentence(looked: &Looked<'_>) -> String {
    let role = looked.held.definition.map_or("The role", |role| role.name());
    match looked.verdict {
        Verdict::Grants => format!("{role} grants the action here."),
        Verdict::Depends => format!("{role} grants the action here if the request meets a condition."),
        Verdict::ConditionFalse => format!("{role} would grant the action, but a condition is not met."),
        Verdict::NotYet(from) => {
            format!("{role} will grant the action from {}.", arm_format(from_micros(from)))
        }
        Verdict::NoLonger(to) => format!("{role} granted the action until {}.", arm_format(from_micros(to))),
        Verdict::Excluded => format!("{role} takes the action away in its notActions."),
        Verdict::OtherPlane => format!("{role} grants the action on the other plane only."),
        Verdict::Absent => format!("{role} does not have the action."),
        Verdict::RoleGone => "The role definition does not exist.".to_owned(),
    }
}

fn condition(trace: &ConditionTrace) -> Value {
    let lines = trace
        .lines
        .iter()
        .map(|line| json!({ "comparison": line.text, "saw": line.saw, "outcome": truth(line.outcome) }));
    json!({
        "of": if trace.by_assignment { "assignment" } else { "role" },
        "condition": trace.text,
        "outcome": truth(trace.outcome),
        "comparisons": lines.collect::<Vec<_>>(),
    })
}

fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "True",
        Truth::False => "False",
        Truth::Unknown => "Unknown",
    }
}

fn denied(looked: &LookedDeny<'_>) -> Value {
    let (verdict, by) = deny_verdict(looked.verdict);
    json!({
        "id": looked.deny.id,
        "name": looked.deny.name,
        "scope": looked.deny.scope.as_str(),
        "verdict": verdict,
        "excludedBy": by,
        "conditions": looked.condition.iter().map(condition).collect::<Vec<_>>(),
    })
}

fn deny_verdict(verdict: DenyVerdict) -> (&'static str, Option<ObjectId>) {
    match verdict {
        DenyVerdict::Denies => ("Denies", None),
        DenyVerdict::Depends => ("DependsOnRequest", None),
        DenyVerdict::OnlyAudits => ("OnlyAudits", None),
        DenyVerdict::ConditionFalse => ("ConditionNotMet", None),
        DenyVerdict::Excluded(by) => ("PrincipalExcluded", Some(by)),
        DenyVerdict::OtherPrincipals => ("OtherPrincipals", None),
        DenyVerdict::OtherActions => ("OtherActions", None),
    }
}

fn locked(lock: &Lock) -> Value {
    let level = match lock.level {
        LockLevel::CanNotDelete => "CanNotDelete",
        LockLevel::ReadOnly => "ReadOnly",
    };
    json!({ "name": lock.name, "scope": lock.scope.as_str(), "level": level })
}
