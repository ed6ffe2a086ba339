//! The mail queue, in our own namespace.

use gatepost_resources::ResourceError;
use gatepost_resources::mail::NAMESPACE;
use http::Method;

use crate::Arm;
use crate::dispatch::Request;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::target::Target;

impl Arm {
    pub(crate) fn on_messages(&self, request: &Request<'_>, target: Target) -> Result<Reply, Refusal> {
        let caller = request.caller;
        let refuse = |error| request.refuse(error);
        let Some(queue) = &self.mail_queue else {
            return Err(refuse(ResourceError::InvalidResourceNamespace(NAMESPACE.into())));
        };
        match (&request.call.method, target) {
            (&Method::GET, Target::Messages(scope)) => {
                let (filter, page) = (request.filter(), request.page()?);
                let listing = queue.list(caller, &scope, filter.as_deref(), &page).map_err(refuse)?;
                Ok(self.listing(request, listing))
            }
            (&Method::GET, Target::Message(scope, id)) => {
                queue.show(caller, &scope, &id).map(Reply::ok).map_err(refuse)
            }
            (&Method::POST, Target::MessageAction(scope, id, action)) => {
                queue.act(caller, &scope, &id, &action).map(Reply::ok).map_err(refuse)
            }
            _ => Err(request.wrong_method()),
        }
    }
}
