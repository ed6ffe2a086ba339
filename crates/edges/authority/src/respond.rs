//! Answers to redirect URIs: in a query, in a fragment, or in a form that the browser posts (OAuth 2.0 Multiple
//! Response Type Encoding Practices, Form Post Response Mode).

use gatepost_https::Answer;
use gatepost_oauth::{ResponseMode, SignInError};

use crate::pages;
use crate::reply::Exchange;

/// Where an answer goes.
pub(crate) struct Reply<'a> {
    pub(crate) uri: &'a str,
    pub(crate) mode: ResponseMode,
    pub(crate) state: Option<&'a str>,
}

impl Exchange<'_> {
    /// Sends an answer to a redirect URI, which the caller knows to be the client's.
    pub(crate) fn reply_to(&self, reply: &Reply<'_>, fields: Vec<(&'static str, String)>) -> Answer {
        if reply.mode == ResponseMode::FormPost {
            return self.page(http::StatusCode::OK, pages::form_post(reply.uri, &fields));
        }
        let encoded: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let sign = match reply.mode {
            ResponseMode::Fragment => '#',
            _ if reply.uri.contains('?') => '&',
            _ => '?',
        };
        self.see_other(&format!("{}{sign}{encoded}", reply.uri))
    }

    /// Sends a refusal to a redirect URI (RFC 6749 section 4.1.2.1).
    pub(crate) fn refuse_to(&self, reply: &Reply<'_>, refusal: &SignInError) -> Answer {
        tracing::info!(
            trace_id = %self.call.request_id,
            peer = %self.call.peer,
            code = refusal.code(),
            "no authorization: {refusal}"
        );
        let mut fields = vec![
            ("error", refusal.authorization_error().to_owned()),
            ("error_description", self.description(refusal)),
        ];
        fields.extend(refusal.suberror().map(|suberror| ("error_subcode", suberror.to_owned())));
        fields.extend(reply.state.map(|state| ("state", state.to_owned())));
        self.reply_to(reply, fields)
    }
}
