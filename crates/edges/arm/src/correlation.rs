//! Under which id a request is on record: the client is told, the activity log keeps it, and whoever asks for an
//! explanation names it.

use gatepost_https::Call;
use uuid::Uuid;

/// The correlation id that the client chose for several requests, if it is a GUID; the request's own otherwise.
pub(crate) fn id(call: &Call) -> Uuid {
    let chosen =
        call.header("x-ms-correlation-request-id").and_then(|text| Uuid::try_parse(text.trim()).ok());
    chosen.filter(|id| !id.is_nil()).unwrap_or(call.request_id)
}
