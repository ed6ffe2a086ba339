//! The management interface: health, readiness and metrics, over plain HTTP on loopback.

use bytes::Bytes;
use gatepost_delivery::Delivery;
use gatepost_directory::{Directory, WARNING_DAYS};
use gatepost_https::{Answer, Call, Edge, json};
use gatepost_store::{Store, StoreError, tenants};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

/// Answers `/healthz`, `/readyz` and `/metrics`.
pub(crate) struct Management {
    pub(crate) store: Store,
    pub(crate) delivery: Delivery,
    pub(crate) directory: Directory,
}

impl Edge for Management {
    fn body_limit(&self) -> usize {
        0
    }

    fn answer(&self, call: Call) -> Answer {
        if call.method != Method::GET && call.method != Method::HEAD {
            return problem(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here");
        }
        match call.path.as_str() {
            "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => match self.store.read(|conn| tenants::meta(conn, "ready").map(|_| ())) {
                Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
                Err(error) => not_ready(&error),
            },
            "/metrics" => text(StatusCode::OK, self.metrics()),
            _ => problem(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics"),
        }
    }

    fn too_large(&self, _call: &Call) -> Answer {
        problem(StatusCode::PAYLOAD_TOO_LARGE, "requests have no body here")
    }

    fn failed(&self, call: &Call) -> Answer {
        problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("request {} failed", call.request_id))
    }
}

impl Management {
    /// The counters in the text format of Prometheus.
    fn metrics(&self) -> String {
        let counters = self.delivery.counted();
        let mut shown = String::new();
        for (name, kind, help, value) in [
            ("gatepost_messages_accepted_total", "counter", "Messages accepted.", counters.accepted),
            ("gatepost_recipients_delivered_total", "counter", "Recipients delivered.", counters.delivered),
            (
                "gatepost_recipients_deferred_total",
                "counter",
                "Attempts to be made again.",
                counters.deferred,
            ),
            ("gatepost_recipients_failed_total", "counter", "Recipients given up.", counters.failed),
            ("gatepost_queue_recipients", "gauge", "Recipients without a final state.", counters.queued),
            ("gatepost_queue_behind", "gauge", "Durable messages without rows yet.", counters.behind),
            ("gatepost_spool_bytes", "gauge", "Bytes of the spool journal.", counters.spool_bytes),
        ] {
            shown.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
        }
        match self.directory.count_credentials_ending() {
            Ok(ending) => shown.push_str(&format!(
                "# HELP gatepost_credentials_ending Client secrets and certificates that end within \
                 {WARNING_DAYS} days.\n# TYPE gatepost_credentials_ending gauge\ngatepost_credentials_ending {ending}\n"
            )),
            // A number that is not known is left out, not made up.
            Err(error) => tracing::warn!(%error, "credentials that end cannot be counted"),
        }
        shown
    }
}

fn not_ready(error: &StoreError) -> Answer {
    tracing::error!(%error, "not ready");
    problem(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
}

fn problem(status: StatusCode, message: &str) -> Answer {
    let body: Value = json!({ "error": { "code": status.as_u16().to_string(), "message": message } });
    json(status, &body)
}

fn text(status: StatusCode, body: String) -> Answer {
    let mut answer = Answer::new(Bytes::from(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    answer
}
