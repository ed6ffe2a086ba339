//! Microsoft Graph, as far as the directory goes: applications, service principals, users to look up, the
//! organization (reference entra-arm-clients.md section 7).
//!
//! The edge reads paths, OData options and JSON, calls the directory, and writes what it answers in Graph's
//! form. It decides nothing: whether the caller may, what a property may be and what exists is the directory's
//! to say. Every reply, errors too, is JSON with the headers that Graph sends.

mod error;
mod options;
mod path;
mod reply;
mod route;

use gatepost_access::{Access, Caller};
use gatepost_clock::Clock;
use gatepost_directory::Directory;
use gatepost_https::{Answer, Call, Edge};
use gatepost_names::Origins;
use gatepost_tokens::{Resource, Tokens};

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

    fn caller(&self, call: &Call) -> Result<Caller, GraphError> {
        let token = call.bearer().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| GraphError::unauthenticated("Access token is empty."))?;
        self.tokens.verify(token, Resource::Graph).map_err(GraphError::from)
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

impl Edge for Graph {
    fn answer(&self, call: Call) -> Answer {
        let replies = self.replies(&call);
        let answer =
            self.caller(&call).and_then(|caller| route::answer(&self.directory, &caller, &call, &replies));
        answer.unwrap_or_else(|error| replies.error(&error))
    }

    fn too_large(&self, call: &Call) -> Answer {
        self.replies(call).error(&GraphError::too_large())
    }

    fn failed(&self, call: &Call) -> Answer {
        self.replies(call).error(&GraphError::internal())
    }
}
