//! Locks at every scope.

use gatepost_names::Scope;
use gatepost_resources::{Deleted, Intent};
use http::{Method, StatusCode};

use crate::Arm;
use crate::dispatch::Request;
use crate::refusal::Refusal;
use crate::reply::Reply;

impl Arm {
    pub(crate) fn on_locks(&self, request: &Request<'_>, scope: &Scope) -> Result<Reply, Refusal> {
        if !request.is(&Method::GET) {
            return Err(request.wrong_method());
        }
        let (filter, page) = (request.filter(), request.page()?);
        let listing = self.resources.locks(request.caller, scope, filter.as_deref(), &page);
        Ok(self.listing(request, listing.map_err(|error| request.refuse(error))?))
    }

    pub(crate) fn on_lock(&self, request: &Request<'_>, scope: &Scope, name: &str) -> Result<Reply, Refusal> {
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        match request.call.method {
            Method::GET => resources.lock(caller, scope, name).map(Reply::ok).map_err(refuse),
            Method::PUT => {
                let body = request.body_for(resources, Intent::WriteLock(scope))?;
                let (body, created) = resources.put_lock(caller, scope, name, &body).map_err(refuse)?;
                Ok(Reply::with(if created { StatusCode::CREATED } else { StatusCode::OK }, body))
            }
            Method::DELETE => match resources.delete_lock(caller, scope, name).map_err(refuse)? {
                Deleted::Absent => Ok(Reply::empty(StatusCode::NO_CONTENT)),
                Deleted::Done | Deleted::Accepted(_) => Ok(Reply::empty(StatusCode::OK)),
            },
            _ => Err(request.wrong_method()),
        }
    }
}
