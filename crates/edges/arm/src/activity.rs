//! The activity log.

use gatepost_names::SubscriptionId;
use http::Method;

use crate::Arm;
use crate::dispatch::Request;
use crate::refusal::Refusal;
use crate::reply::Reply;

impl Arm {
    /// The events of a subscription, or of what is in none.
    pub(crate) fn on_events(
        &self,
        request: &Request<'_>,
        subscription: Option<SubscriptionId>,
    ) -> Result<Reply, Refusal> {
        if !request.is(&Method::GET) {
            return Err(request.wrong_method());
        }
        let (filter, select, page) = (request.filter(), request.query("$select"), request.page()?);
        let listing = self
            .resources
            .events(request.caller, subscription, filter.as_deref(), select.as_deref(), &page)
            .map_err(|error| request.refuse(error))?;
        Ok(self.listing(request, listing))
    }

    pub(crate) fn on_event_categories(&self, request: &Request<'_>) -> Result<Reply, Refusal> {
        if !request.is(&Method::GET) {
            return Err(request.wrong_method());
        }
        Ok(Reply::list(self.resources.event_categories()))
    }
}
