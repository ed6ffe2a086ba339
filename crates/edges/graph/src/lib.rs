//! Microsoft Graph, as far as the directory goes: users, groups, applications, service principals, what they are
//! to each other, directory roles, app roles, permission grants, deleted items, changes, batches, sign-ins, the
//! organization (reference entra-arm-clients.md section 7).
//!
//! The edge reads paths, OData options and JSON, calls the directory, and writes what it answers in Graph's
//! form. It decides nothing: whether the caller may, what a property may be and what exists is the directory's
//! to say. Every reply, errors too, is JSON with the headers that Graph sends.

mod batch;
mod credentials;
mod delta;
mod directory_objects;
mod error;
mod links;
mod navigation;
mod objects;
mod options;
mod path;
mod reply;
mod request;
mod roles;
mod route;
mod scopes;
mod sign_ins;
mod tenant;

use gatepost_access::{Access, Caller, RequestOrigin};
use gatepost_clock::Clock;
use gatepost_directory::Directory;
use gatepost_https::{Answer, Call, Edge};
use gatepost_names::Origins;
use gatepost_tokens::{Resource, Tokens};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, Method, StatusCode};

use crate::error::GraphError;
use crate::reply::Replies;

/// The edge.
#[derive(Clone)]
pub struct Graph {
    directory: Directory,
    tokens: Tokens,
    clock: Clock,
    origins: Origins,
}

impl Graph {
    /// The edge over a directory. Access decisions are made by the directory with its own `access`; the
    /// parameter makes the wiring say so.
    pub fn new(
        directory: Directory,
        tokens: Tokens,
        _access: Access,
        clock: Clock,
        origins: Origins,
    ) -> Graph {
        Graph { directory, tokens, clock, origins }
    }

    fn caller(&self, call: &Call) -> Result<(Caller, Option<Vec<String>>), GraphError> {
        let token = call.bearer().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| GraphError::unauthenticated("Access token is empty."))?;
        let presented = self.tokens.verify_token(token, Resource::Graph)?;
        let caller = presented.caller.at(RequestOrigin::new(call.request_id, call.peer.ip()));
        if !presented.delegated {
            return Ok((caller, None));
        }
        Ok((caller.through(&presented.scopes), Some(presented.scopes)))
    }

    fn replies<'a>(&'a self, call: &'a Call) -> Replies<'a> {
        Replies {
            call,
            now: self.clock.now(),
            graph: &self.origins.graph,
            authority: &self.origins.authority,
        }
    }
}

impl Graph {
    fn answer_one(&self, call: &Call) -> Answer {
        let replies = self.replies(call);
        let answer = self
            .caller(call)
            .and_then(|(caller, scopes)| self.routed(&caller, scopes.as_deref(), call, &replies));
        answer.unwrap_or_else(|error| replies.error(&error))
    }

    fn routed(
        &self,
        caller: &Caller,
        scopes: Option<&[String]>,
        call: &Call,
        replies: &Replies<'_>,
    ) -> Result<Answer, GraphError> {
        if let Some(scopes) = scopes {
            let (_, segments) = path::parse(&call.path)?;
            // What is nowhere is nowhere for everybody.
            if route::is_known(&segments) && !scopes::allow(scopes, &call.method, &segments) {
                return Err(GraphError::denied());
            }
        }
        route::answer(&self.directory, &self.tokens, caller, call, replies)
    }

    /// `/v1.0/$batch`: each of its requests is one of the same caller's.
    fn answer_batch(&self, call: &Call, version: &str) -> Answer {
        let replies = self.replies(call);
        let answered = if call.method == Method::POST {
            self.caller(call).and_then(|_| batch::answer(call, version, &|inner| self.answer_one(&inner)))
        } else {
            Err(GraphError::method("POST"))
        };
        match answered {
            Ok(body) => replies.json(StatusCode::OK, &body),
            Err(error) => replies.error(&error),
        }
    }

    /// Who the user of a token is (OpenID Connect Core section 5.3).
    fn answer_userinfo(&self, call: &Call) -> Answer {
        let replies = self.replies(call);
        if call.method != Method::GET && call.method != Method::POST {
            return replies.error(&GraphError::method("GET, POST"));
        }
        let token = call.bearer().unwrap_or_default();
        match self.tokens.userinfo(token) {
            Ok(claims) => replies.json(StatusCode::OK, &claims),
            Err(error) => {
                let mut answer = replies.error(&GraphError::from(error));
                if answer.status() == StatusCode::UNAUTHORIZED {
                    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                    answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                }
                answer
            }
        }
    }
}

/// The version, where a path is that of a batch.
fn batch_version(path: &str) -> Option<&'static str> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let version = segments.next()?;
    let batch = segments.next().is_some_and(|segment| {
        segment.eq_ignore_ascii_case("$batch") || segment.eq_ignore_ascii_case("%24batch")
    });
    (batch && segments.next().is_none())
        .then(|| ["v1.0", "beta"].into_iter().find(|known| known.eq_ignore_ascii_case(version)))
        .flatten()
}

impl Edge for Graph {
    fn answer(&self, call: Call) -> Answer {
        if let Some(version) = batch_version(&call.path) {
            return self.answer_batch(&call, version);
        }
        if call.path.trim_end_matches('/').eq_ignore_ascii_case("/oidc/userinfo") {
            return self.answer_userinfo(&call);
        }
        self.answer_one(&call)
    }

    fn too_large(&self, call: &Call) -> Answer {
        self.replies(call).error(&GraphError::too_large())
    }

    fn failed(&self, call: &Call) -> Answer {
        self.replies(call).error(&GraphError::internal())
    }
}
