//! Azure Resource Manager over HTTPS.
//!
//! The edge reads a request into a [`target::Target`], checks the api-version, finds out who asks, calls one use
//! case of `gatepost-resources` and maps its answer. It decides nothing itself. Rules: reference
//! entra-arm-clients.md sections 4 to 6, authorization-arm.md.

mod access_answers;
mod activity;
mod api_version;
mod authorization;
mod correlation;
mod dispatch;
mod locks;
mod management_groups;
mod messages;
mod metadata;
mod path;
mod refusal;
mod reply;
mod target;
mod tree;

use std::sync::Arc;

use gatepost_access::{Access, Caller, RequestLine, RequestOrigin};
use gatepost_clock::Clock;
use gatepost_https::{Answer, Call, Edge};
use gatepost_names::Origins;
use gatepost_resources::Resources;
use gatepost_resources::mail::MailQueue;
use gatepost_tokens::{Resource, TokenError, Tokens};

use refusal::Refusal;

/// Who a bearer token stands for.
type Verify = dyn Fn(&str) -> Result<Caller, TokenError> + Send + Sync;

/// The resource manager's edge.
#[derive(Clone)]
pub struct Arm {
    resources: Resources,
    verify: Arc<Verify>,
    clock: Clock,
    origins: Origins,
    mail_queue: Option<MailQueue>,
}

impl Arm {
    /// An edge over these services. Access is decided by `resources` with its own `access`; the parameter makes
    /// the wiring say so.
    pub fn new(resources: Resources, tokens: Tokens, _access: Access, clock: Clock, origins: Origins) -> Arm {
        Arm::with_verifier(resources, clock, origins, move |bearer| {
            tokens.verify(bearer, Resource::ResourceManager)
        })
    }

    /// An edge that asks `verify` who a bearer token stands for.
    pub fn with_verifier(
        resources: Resources,
        clock: Clock,
        origins: Origins,
        verify: impl Fn(&str) -> Result<Caller, TokenError> + Send + Sync + 'static,
    ) -> Arm {
        Arm { resources, verify: Arc::new(verify), clock, origins, mail_queue: None }
    }

    /// The same edge with the messages of the mail queue.
    #[must_use]
    pub fn with_mail_queue(self, queue: MailQueue) -> Arm {
        Arm { mail_queue: Some(queue), ..self }
    }

    fn caller(&self, call: &Call) -> Result<Caller, Refusal> {
        let authority = &self.origins.authority;
        let Some(bearer) = call.bearer() else {
            return Err(Refusal::unauthenticated(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
                authority,
                self.resources.only_tenant(),
            ));
        };
        let origin = RequestOrigin::new(correlation::id(call), call.peer.ip());
        (self.verify)(bearer).map(|caller| caller.at(origin).asking(self.line(call))).map_err(|error| {
            tracing::info!(request_id = %call.request_id, %error, "a token is refused");
            let tenant = self.resources.only_tenant();
            Refusal::of_token(error, call.request_id, self.clock.now(), authority, tenant)
        })
    }
}

impl Arm {
    /// The request as the activity log shows it. Of the query only the api-version is kept.
    fn line(&self, call: &Call) -> RequestLine {
        let version = call.query_value("api-version");
        let query = version.filter(|version| version.len() <= 64 && version.is_ascii());
        let query = query.map_or(String::new(), |version| format!("?api-version={version}"));
        RequestLine {
            method: call.method.to_string(),
            uri: format!("{}{}{query}", self.origins.resource_manager, call.path),
            client_request_id: call.header("x-ms-client-request-id").map(str::to_owned),
        }
    }
}

impl Edge for Arm {
    fn answer(&self, call: Call) -> Answer {
        match self.dispatch(&call) {
            Ok(reply) => reply.finish(&call, self.clock.now()),
            Err(refusal) => refusal.finish(&call, self.clock.now()),
        }
    }

    fn too_large(&self, call: &Call) -> Answer {
        Refusal::too_large().finish(call, self.clock.now())
    }

    fn failed(&self, call: &Call) -> Answer {
        Refusal::failed(call.request_id).finish(call, self.clock.now())
    }
}
