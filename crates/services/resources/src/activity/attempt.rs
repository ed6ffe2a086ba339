//! The one way by which anything of the control plane is written.

use gatepost_access::{Access, Caller, DenialCause, Denied, Granted};
use gatepost_names::Scope;
use gatepost_store::activity as log;

use super::event::{End, Event};
use super::outcome::{Outcome, status_and_code};
use crate::provider::Change;
use crate::{ResourceError, Resources, locks};

/// A write that a caller asks for: what is needed for it, and where.
#[derive(Clone, Debug)]
pub(crate) struct Intended<'a> {
    action: &'a str,
    scope: &'a Scope,
    method: Method,
    id: Option<String>,
    if_possible: bool,
    despite_locks: bool,
    /// What allows it instead of a role at the scope.
    allowed_as: Option<AllowedAs>,
}

/// What allows a write instead of a role at the scope.
#[derive(Clone, Copy, Debug)]
struct AllowedAs {
    role: &'static str,
    still: fn(&Access, &Caller) -> bool,
}

/// What kind of write it is: locks tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Put,
    Patch,
    Delete,
    Post,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Post => "POST",
        }
    }
}

impl<'a> Intended<'a> {
    fn new(method: Method, action: &'a str, scope: &'a Scope) -> Intended<'a> {
        Intended {
            action,
            scope,
            method,
            id: None,
            if_possible: false,
            despite_locks: false,
            allowed_as: None,
        }
    }

    /// To make or replace what `scope` names.
    pub(crate) fn put(action: &'a str, scope: &'a Scope) -> Intended<'a> {
        Intended::new(Method::Put, action, scope)
    }

    /// To change what `scope` names.
    pub(crate) fn patch(action: &'a str, scope: &'a Scope) -> Intended<'a> {
        Intended::new(Method::Patch, action, scope)
    }

    /// To delete what `scope` names, with all that is in it.
    pub(crate) fn delete(action: &'a str, scope: &'a Scope) -> Intended<'a> {
        Intended::new(Method::Delete, action, scope)
    }

    /// To do an action on what `scope` names.
    pub(crate) fn post(action: &'a str, scope: &'a Scope) -> Intended<'a> {
        Intended::new(Method::Post, action, scope)
    }

    /// It is about something at the scope, that has this id: a role assignment, a lock.
    #[must_use]
    pub(crate) fn of(self, id: impl Into<String>) -> Intended<'a> {
        Intended { id: Some(id.into()), ..self }
    }

    /// Whoever could be allowed to do this with some request is let through; `work` must then ask
    /// `Access::require_with` for the request itself.
    #[must_use]
    pub(crate) fn if_possible(self) -> Intended<'a> {
        Intended { if_possible: true, ..self }
    }

    /// No lock keeps from it.
    #[must_use]
    pub(crate) fn despite_locks(self) -> Intended<'a> {
        Intended { despite_locks: true, ..self }
    }

    /// It is allowed already, by something else than a role at the scope; `still` asks for that again.
    #[must_use]
    pub(crate) fn allowed_as(self, role: &'static str, still: fn(&Access, &Caller) -> bool) -> Intended<'a> {
        Intended { allowed_as: Some(AllowedAs { role, still }), ..self }
    }

    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(self.scope.as_str())
    }
}

/// A write that the caller may do. It is over when [`Resources::change`] returns.
pub(crate) struct Attempt<'a> {
    resources: &'a Resources,
    caller: &'a Caller,
    intended: Intended<'a>,
    /// The role that allows it.
    role: String,
}

impl Resources {
    /// Does a write: asks for access, checks locks, calls `work`, and records how it ended. `work` reads the
    /// request and then writes with [`Attempt::commit`].
    ///
    /// # Errors
    /// [`ResourceError::Denied`], `ScopeLocked`, and what `work` answers.
    pub(crate) fn change<T>(
        &self,
        caller: &Caller,
        intended: Intended<'_>,
        work: impl FnOnce(&Attempt<'_>) -> Result<T, ResourceError>,
    ) -> Result<T, ResourceError> {
        let role = match intended.allowed_as {
            Some(allowed) => allowed.role.to_owned(),
            None if intended.if_possible => {
                self.authorize_possible(caller, intended.action, intended.scope)?.role_name
            }
            None => self.authorize(caller, intended.action, intended.scope)?.role_name,
        };
        let attempt = Attempt { resources: self, caller, intended, role };
        let outcome = attempt.check_locks().and_then(|()| work(&attempt));
        if let Err(error) = &outcome {
            attempt.failed(error);
        }
        outcome
    }

    /// Records a refusal; answers it as an error.
    pub(crate) fn refused(&self, caller: &Caller, denied: Denied) -> ResourceError {
        let error = ResourceError::Denied(Box::new(denied));
        if let ResourceError::Denied(denied) = &error {
            let scope = denied.scope.clone();
            self.record_failure(caller, &denied.action, "GET", &scope, scope.as_str(), None, &error);
        }
        error
    }

    #[expect(clippy::too_many_arguments, reason = "one for each part of an event")]
    pub(crate) fn record_failure(
        &self,
        caller: &Caller,
        action: &str,
        method: &str,
        scope: &Scope,
        id: &str,
        role: Option<&str>,
        error: &ResourceError,
    ) {
        let (status, code) = status_and_code(error);
        let (message, reason, refused) = match error {
            ResourceError::Denied(denied) => {
                (denied.client_message(), Some(denied.to_string()), Some(&**denied))
            }
            ResourceError::LinkedDenied { action, scope, linked, scopes } => {
                let message = linked.linked_client_message_for(action, scope, scopes);
                (message, Some(linked.to_string()), Some(&**linked))
            }
            // What went wrong inside is in the server's own log.
            ResourceError::Store(_) => ("The server failed.".to_owned(), None, None),
            error => (error.to_string(), None, None),
        };
        let end = End::Failed { status, code, message, reason, refused };
        self.record(&self.event(caller, action, method, scope, id, role, end));
    }

    #[expect(clippy::too_many_arguments, reason = "one for each part of an event")]
    fn event<'e>(
        &'e self,
        caller: &'e Caller,
        action: &'e str,
        method: &'e str,
        scope: &'e Scope,
        id: &'e str,
        role: Option<&'e str>,
        end: End<'e>,
    ) -> Event<'e> {
        let platform = self.platform();
        Event {
            caller,
            at: platform.clock.now(),
            action,
            action_name: self.catalogue().display_name(action),
            method,
            scope,
            id,
            role,
            origin: &platform.origins.resource_manager,
            end,
        }
    }

    /// Records what changed nothing.
    fn record(&self, event: &Event<'_>) {
        let (status, code) = event.ending();
        self.recorder().record(event.caller.object_id, event.row(false), status, code);
    }
}

impl Attempt<'_> {
    /// Runs `work` in a transaction, with the event of its success in the same one.
    ///
    /// # Errors
    /// What `work` answers; nothing is written then.
    pub(crate) fn commit<T: Outcome>(
        &self,
        work: impl FnOnce(&Change<'_>) -> Result<T, ResourceError>,
    ) -> Result<T, ResourceError> {
        let platform = self.resources.platform();
        let answer = platform.store.write::<_, ResourceError>(|tx| {
            // What was taken from the caller since the first look is gone, and a lock that was acknowledged since
            // holds: no other writer is at work now.
            self.check_granted()?;
            self.check_locks()?;
            let change = Change { tx, caller: self.caller, now: platform.clock.now(), platform };
            let answer = work(&change)?;
            if answer.changed() {
                log::insert(tx, &self.event(End::Succeeded(answer.status())).row(true))?;
            }
            Ok(answer)
        })?;
        if !answer.changed() {
            self.resources.record(&self.event(End::Succeeded(answer.status())));
        }
        self.resources.recorder().purge_if_due();
        Ok(answer)
    }

    /// Runs `work`, which writes nothing here itself: it only answers, or another service writes.
    ///
    /// # Errors
    /// What `work` answers.
    pub(crate) fn perform<T: Outcome>(
        &self,
        work: impl FnOnce() -> Result<T, ResourceError>,
    ) -> Result<T, ResourceError> {
        let answer = work()?;
        self.resources.record(&self.event(End::Succeeded(answer.status())));
        Ok(answer)
    }

    /// SECURITY: the question of [`Resources::change`] once more.
    fn check_granted(&self) -> Result<(), ResourceError> {
        let Intended { action, scope, if_possible, allowed_as, .. } = &self.intended;
        let (access, caller) = (&self.resources.platform().access, self.caller);
        match allowed_as {
            Some(allowed) if (allowed.still)(access, caller) => {}
            Some(_) => {
                return Err(ResourceError::from(Denied {
                    client: caller.client.clone(),
                    object_id: caller.object_id,
                    action: (*action).to_owned(),
                    scope: (*scope).clone(),
                    cause: Box::new(DenialCause::NoAssignment),
                }));
            }
            None if *if_possible => drop(access.require_possible(caller, action, scope)?),
            None => drop(access.require(caller, action, scope)?),
        }
        Ok(())
    }

    fn check_locks(&self) -> Result<(), ResourceError> {
        let Intended { despite_locks, method, scope, .. } = &self.intended;
        if *despite_locks {
            return Ok(());
        }
        // What is at a scope has an id below it, so that locks further down have no say in it.
        let own = self.intended.id.as_deref().and_then(|id| Scope::parse(id).ok());
        locks::check(self.resources, self.caller, own.as_ref().unwrap_or(scope), *method)
    }

    fn event<'e>(&'e self, end: End<'e>) -> Event<'e> {
        let Intended { action, method, scope, .. } = &self.intended;
        let role = Some(self.role.as_str());
        self.resources.event(self.caller, action, method.as_str(), scope, self.intended.id(), role, end)
    }

    fn failed(&self, error: &ResourceError) {
        let Intended { action, method, scope, .. } = &self.intended;
        let refused = matches!(error, ResourceError::Denied(_));
        let role = (!refused).then_some(self.role.as_str());
        self.resources.record_failure(
            self.caller,
            action,
            method.as_str(),
            scope,
            self.intended.id(),
            role,
            error,
        );
    }
}

impl Resources {
    /// As [`Resources::authorize`], for a request that is not known yet: lets through whoever could be allowed to
    /// make one.
    pub(crate) fn authorize_possible(
        &self,
        caller: &Caller,
        action: &str,
        scope: &Scope,
    ) -> Result<Granted, ResourceError> {
        self.trusts(caller, scope)?;
        self.platform()
            .access
            .require_possible(caller, action, scope)
            .map_err(|denied| self.refused(caller, denied))
    }
}
