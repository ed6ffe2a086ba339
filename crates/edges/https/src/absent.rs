//! The edge of an origin whose protocol is not built yet.

use http::StatusCode;

use crate::{Answer, Call, Edge, json};

/// Answers each request with 501, so that a client learns what is missing instead of guessing from a refused
/// connection.
#[derive(Clone, Debug)]
pub struct Absent {
    /// What is absent, as a sentence's subject: `The portal`.
    name: &'static str,
}

impl Absent {
    /// The edge of `name`, which is a sentence's subject: `The portal`.
    pub fn new(name: &'static str) -> Absent {
        Absent { name }
    }
}

impl Edge for Absent {
    /// Nothing is read from a body.
    fn body_limit(&self) -> usize {
        64 * 1024
    }

    fn answer(&self, _call: Call) -> Answer {
        let message = format!("{} is not part of this version of Gatepost.", self.name);
        json(
            StatusCode::NOT_IMPLEMENTED,
            &serde_json::json!({"error": {"code": "NotImplemented", "message": message}}),
        )
    }

    fn too_large(&self, call: &Call) -> Answer {
        self.answer(call.clone())
    }

    fn failed(&self, call: &Call) -> Answer {
        self.answer(call.clone())
    }
}
