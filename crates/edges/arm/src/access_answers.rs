//! Questions about access at every scope, in our own namespace.

use gatepost_names::Scope;
use gatepost_resources::access_answers::Answer;
use http::Method;

use crate::Arm;
use crate::dispatch::Request;
use crate::refusal::Refusal;
use crate::reply::Reply;

impl Arm {
    pub(crate) fn on_access_answer(
        &self,
        request: &Request<'_>,
        scope: &Scope,
        answer: Answer,
    ) -> Result<Reply, Refusal> {
        if !request.is(&Method::POST) {
            return Err(request.wrong_method());
        }
        let (resources, caller) = (&self.resources, request.caller);
        let refuse = |error| request.refuse(error);
        // Who may not ask is refused before the body is looked at.
        resources.may_ask(caller, scope, answer).map_err(refuse)?;
        let body = request.body()?;
        resources.answer_access(caller, scope, answer, &body).map(Reply::ok).map_err(refuse)
    }
}
