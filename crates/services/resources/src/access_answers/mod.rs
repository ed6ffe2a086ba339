//! Answers about access, in our own namespace `Gatepost.Access`: below any scope one can ask why somebody may or
//! may not do a thing there, who can, which is the least role that allows it, how two roles differ, and what a
//! change would change.
//!
//! Who asks learns who has which role, so it takes `Microsoft.Authorization/roleAssignments/read` at the scope, and
//! either the answer's own action or the right to assign roles there. A caller who was refused learns none of it
//! from the refusal.

mod asked;
mod explained;
mod given;
mod people;
mod remedies;
mod roles;
mod sizes;
mod what_if;
mod who_can;

#[cfg(test)]
mod tests;

use gatepost_access::Caller;
use gatepost_names::Scope;
use serde_json::Value;

use crate::provider::Operation;
use crate::tags::must_be_object;
use crate::{ResourceError, Resources, authorization};
pub(crate) use sizes::Sizes;

/// The namespace.
pub const NAMESPACE: &str = "Gatepost.Access";

const READ: &str = "Microsoft.Authorization/roleAssignments/read";

macro_rules! operations {
    ($($name:literal, $display:literal;)*) => {
        &[$(Operation {
            name: concat!("Gatepost.Access/", $name),
            display_name: $display,
            description: concat!($display, "."),
            is_data_action: false,
        }),*]
    };
}

/// What can be asked.
pub(crate) const OPERATIONS: &[Operation] = operations! {
    "explain/action", "Ask why somebody may or may not do a thing";
    "whoCan/action", "Ask who can do a thing";
    "least/action", "Ask which is the least role that allows a thing";
    "diff/action", "Ask how two roles differ";
    "whatIf/action", "Ask who would gain and lose what by a change";
};

/// One of the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Why.
    Explain,
    /// Who.
    WhoCan,
    /// By which role.
    Least,
    /// Which of two roles.
    Diff,
    /// What if.
    WhatIf,
}

impl Answer {
    /// Reads the last segment of a path, ignoring letter case.
    pub fn parse(name: &str) -> Option<Answer> {
        let all = [Answer::Explain, Answer::WhoCan, Answer::Least, Answer::Diff, Answer::WhatIf];
        all.into_iter().find(|answer| answer.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Answer::Explain => "explain",
            Answer::WhoCan => "whoCan",
            Answer::Least => "least",
            Answer::Diff => "diff",
            Answer::WhatIf => "whatIf",
        }
    }

    fn action(self) -> String {
        format!("{NAMESPACE}/{}/action", self.name())
    }
}

impl Resources {
    /// Answers a question about access at a scope. The body is read after the caller is let through.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] without the rights that the module names; [`ResourceError::BadRequest`] and
    /// [`ResourceError::InvalidRequestContent`] for a body that asks for nothing sensible;
    /// [`ResourceError::NotFound`] for a refusal, a role or an assignment that is not there.
    pub fn answer_access(
        &self,
        caller: &Caller,
        scope: &Scope,
        answer: Answer,
        body: &Value,
    ) -> Result<Value, ResourceError> {
        self.may_ask(caller, scope, answer)?;
        must_be_object(body)?;
        match answer {
            Answer::Explain => self.explain_access(caller, scope, body),
            Answer::WhoCan => self.who_can(caller, scope, body),
            Answer::Least => self.least_role(caller, scope, body),
            Answer::Diff => self.role_difference(caller, scope, body),
            Answer::WhatIf => self.what_if(caller, scope, body),
        }
    }

    /// Lets a caller through who may ask this about this scope, before anything of the request is read.
    ///
    /// # Errors
    /// [`ResourceError::Denied`].
    pub fn may_ask(&self, caller: &Caller, scope: &Scope, answer: Answer) -> Result<(), ResourceError> {
        self.authorize(caller, READ, scope)?;
        let assigns = authorization::WRITE_ASSIGNMENT;
        if self.platform().access.require_possible(caller, assigns, scope).is_ok() {
            return Ok(());
        }
        self.authorize(caller, &answer.action(), scope).map(|_| ())
    }
}
