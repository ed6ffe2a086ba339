//! One request and its answer: the body within its limit, the edge on a thread of its own, and what is answered
//! where the edge is not asked or does not return.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::{Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use crate::deadline::Deadline;
use crate::limits::FREE_BODY;
use crate::{Answer, Call, Edge, Limits, no_content};

/// How long and how much is read and thrown away after a body was refused, so that a peer which sends all of it
/// before it reads finds the refusal rather than a reset connection.
const DRAIN_TIME: Duration = Duration::from_secs(10);
const DRAIN_BYTES: u64 = 256 * 1024 * 1024;

/// The peer is gone or broke the framing: there is nobody to answer.
#[derive(Debug, thiserror::Error)]
#[error("the request's body ended early: {0}")]
pub(crate) struct Gone(#[from] hyper::Error);

/// Asks one edge, within the limits of its listener.
pub(crate) struct Exchange {
    edge: Arc<dyn Edge>,
    limits: Limits,
    running: Arc<Semaphore>,
    /// Those that run and those that wait.
    admitted: Arc<Semaphore>,
    /// Bytes that are left of [`Limits::bodies`].
    bodies: Arc<Semaphore>,
}

/// What reading a body came to.
enum BodyRead {
    /// With its share of [`Limits::bodies`], to be given back together with the bytes.
    Whole(Bytes, Option<OwnedSemaphorePermit>),
    TooLarge,
    TooSlow,
    NoRoom,
}

impl Exchange {
    pub(crate) fn new(edge: Arc<dyn Edge>, limits: Limits) -> Exchange {
        Exchange {
            edge,
            limits,
            running: Arc::new(Semaphore::new(limits.running)),
            admitted: Arc::new(Semaphore::new(limits.running + limits.waiting)),
            bodies: Arc::new(Semaphore::new(limits.bodies.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Answers one request of `peer`.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        deadline: &Deadline,
    ) -> Result<http::Response<Full<Bytes>>, Gone> {
        deadline.served();
        let begun = Instant::now();
        let (head, body) = request.into_parts();
        let call = Call {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or("").to_owned(),
            headers: head.headers,
            body: Bytes::new(),
            peer,
            request_id: Uuid::new_v4(),
        };
        let answer = match refusal(&call, head.version) {
            Some(answer) => closing(answer),
            None => self.answer_call(&call, body).await?,
        };
        tracing::debug!(
            request_id = %call.request_id,
            %peer,
            method = %call.method,
            path = call.path,
            status = answer.status().as_u16(),
            milliseconds = begun.elapsed().as_millis(),
            "answered"
        );
        deadline.answered(self.limits.transfer(answer.body().len()));
        Ok(answer.map(Full::new))
    }

    async fn answer_call(&self, call: &Call, mut body: Incoming) -> Result<Answer, Gone> {
        let expects = call.headers.contains_key(header::EXPECT);
        match self.read_body(call, &mut body).await? {
            BodyRead::Whole(bytes, share) => Ok(self.ask(call, bytes, share).await),
            BodyRead::TooLarge => {
                // A peer that waits for "100 Continue" sends nothing after a refusal.
                if !expects {
                    tokio::spawn(drain(body));
                }
                Ok(closing(self.edge.too_large(call)))
            }
            BodyRead::NoRoom => {
                tracing::warn!(request_id = %call.request_id, "refused: too many bytes of bodies in memory");
                // Part of the body has come: the peer is sending it.
                tokio::spawn(drain(body));
                Ok(closing(overloaded()))
            }
            BodyRead::TooSlow => Ok(closing(no_content(StatusCode::REQUEST_TIMEOUT))),
        }
    }

    async fn read_body(&self, call: &Call, body: &mut Incoming) -> Result<BodyRead, Gone> {
        let limit = self.edge.body_limit();
        let declared = call.header("content-length").and_then(|text| text.parse::<u64>().ok());
        if declared.is_some_and(|length| length > limit as u64) {
            return Ok(BodyRead::TooLarge);
        }
        if body.is_end_stream() {
            return Ok(BodyRead::Whole(Bytes::new(), None));
        }
        let allowed = self.limits.body + self.limits.transfer(declared.map_or(limit, |n| n as usize));
        tokio::time::timeout(allowed, collect(body, limit, &self.bodies))
            .await
            .unwrap_or(Ok(BodyRead::TooSlow))
    }

    /// Runs the edge on a thread that may block.
    async fn ask(&self, call: &Call, body: Bytes, share: Option<OwnedSemaphorePermit>) -> Answer {
        let Ok(admitted) = Arc::clone(&self.admitted).try_acquire_owned() else {
            tracing::warn!(request_id = %call.request_id, "refused: too many requests wait already");
            return overloaded();
        };
        let Ok(running) = Arc::clone(&self.running).acquire_owned().await else { return overloaded() };
        let edge = Arc::clone(&self.edge);
        let whole = Call { body, ..call.clone() };
        let asked = tokio::task::spawn_blocking(move || {
            let answer = std::panic::catch_unwind(AssertUnwindSafe(|| edge.answer(whole)));
            // INVARIANT: the places are given back when the work ends, also where the peer did not wait for it.
            drop((admitted, running, share));
            answer.ok()
        });
        match asked.await {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => {
                tracing::error!(
                    request_id = %call.request_id,
                    method = %call.method,
                    path = call.path,
                    "an edge panicked"
                );
                self.failed(call)
            }
        }
    }

    fn failed(&self, call: &Call) -> Answer {
        std::panic::catch_unwind(AssertUnwindSafe(|| self.edge.failed(call)))
            .unwrap_or_else(|_| no_content(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

/// The answer to a request that no edge can be asked: a target that is not a path (RFC 9112 section 3.2), or an
/// HTTP/1.1 request without exactly one Host field.
fn refusal(call: &Call, version: Version) -> Option<Answer> {
    if call.method == Method::CONNECT {
        return Some(no_content(StatusCode::METHOD_NOT_ALLOWED));
    }
    let hosts = call.headers.get_all(header::HOST).iter().count();
    let host_is_right = hosts == 1 || (hosts == 0 && version < Version::HTTP_11);
    (!call.path.starts_with('/') || !host_is_right).then(|| no_content(StatusCode::BAD_REQUEST))
}

fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn overloaded() -> Answer {
    let mut answer = no_content(StatusCode::SERVICE_UNAVAILABLE);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

async fn collect(body: &mut Incoming, limit: usize, bodies: &Arc<Semaphore>) -> Result<BodyRead, Gone> {
    let mut whole = BytesMut::new();
    let mut share: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            if whole.len() + data.len() > limit {
                return Ok(BodyRead::TooLarge);
            }
            let length = whole.len() + data.len();
            let missing = length.saturating_sub(FREE_BODY + share.as_ref().map_or(0, |s| s.num_permits()));
            if missing > 0 {
                let wanted = u32::try_from(missing).unwrap_or(u32::MAX);
                let Ok(more) = Arc::clone(bodies).try_acquire_many_owned(wanted) else {
                    return Ok(BodyRead::NoRoom);
                };
                match &mut share {
                    Some(share) => share.merge(more),
                    None => share = Some(more),
                }
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(BodyRead::Whole(whole.freeze(), share))
}

async fn drain(mut body: Incoming) {
    let emptied = async {
        let mut drained = 0_u64;
        while let Some(Ok(frame)) = body.frame().await {
            drained += frame.data_ref().map_or(0, Bytes::len) as u64;
            if drained > DRAIN_BYTES {
                return;
            }
        }
    };
    // Whether it was all read or not, dropping the body lets the connection close.
    let _ = tokio::time::timeout(DRAIN_TIME, emptied).await;
}
