//! The wire between a process and the API server: requests get lost before or after they take effect, are refused, and
//! arrive late, also after the end of their sender.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use kube::client::Body;
use machinery::leadership::Leadership;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

use crate::chance::{delay, strikes};
use crate::objects::{owner, text};
use crate::world::World;
use crate::{haste, watching};

pub type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

/// How long a request may be under way.
const LATEST: Duration = Duration::from_secs(20);
/// When a connection without an answer is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a request may be under way that its sender has given up: less than the minute for which it is reckoned with.
const OVERDUE: Duration = Duration::from_secs(50);

#[derive(Clone)]
pub struct Net {
    pub world: Arc<World>,
    pub who: Arc<str>,
    /// The lead of the process.
    pub lead: Leadership,
    /// The end of the process.
    pub end: CancellationToken,
}

/// What becomes of a request.
enum Fate {
    Answered,
    /// It is refused with this code, and has no effect.
    Refused(u16),
    /// It never arrives.
    Lost,
    /// It takes effect, and its answer is lost.
    Unheard,
    /// It takes effect, and is answered with this code.
    Denied(u16),
    /// Its sender is told that it failed, and it takes effect afterwards.
    Overdue,
}

impl Service<Request<Body>> for Net {
    type Response = Response<AnswerBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let net = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let request = Request::from_parts(parts, body);
            let end = net.end.clone();
            if end.is_cancelled() || !net.world.may_send() {
                return std::future::pending().await;
            }
            let (sender, answer) = oneshot::channel();
            // What was sent goes on without its sender.
            tokio::spawn(async move {
                let answer = net.carry(request).await;
                let _ = sender.send(answer);
            });
            tokio::select! {
                biased;
                () = end.cancelled() => std::future::pending().await,
                answer = answer => answer?,
            }
        })
    }
}

impl Net {
    async fn carry(self, request: Request<Bytes>) -> Result<Response<AnswerBody>, BoxError> {
        let world = &self.world;
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let (fate, there, back) = self.fate(&request, is_watch);
        sleep(there).await;
        let told = |what: &str| {
            if !is_watch {
                world.tell(format!("{} {} {} {what}", self.who, request.method(), request.uri().path()));
            }
        };
        match fate {
            Fate::Refused(code) => {
                told(&format!("is refused with {code}"));
                return Ok(refusal(code));
            }
            Fate::Lost => {
                told("is lost");
                sleep(back).await;
                return Err("connection reset".into());
            }
            Fate::Overdue => {
                told("is given up");
                sleep(back).await;
                self.goes_on(request);
                return Err("no answer in time".into());
            }
            Fate::Answered | Fate::Unheard | Fate::Denied(_) => {}
        }
        if is_watch {
            return Ok(watching::open(self, &request));
        }
        if let Fate::Unheard | Fate::Denied(_) = fate {
            told("will not be heard of");
        }
        let (code, answer) = self.arrives(request);
        match fate {
            Fate::Unheard => {
                sleep(SILENCE.min(back * 10)).await;
                Err("no answer in time".into())
            }
            Fate::Denied(code) => {
                sleep(back).await;
                Ok(refusal(code))
            }
            Fate::Answered | Fate::Refused(_) | Fate::Lost | Fate::Overdue => {
                sleep(back).await;
                Ok(whole(code, answer))
            }
        }
    }

    fn arrives(&self, request: Request<Bytes>) -> (u16, Bytes) {
        // Its sender may have ended, or lost the lead, since it was sent.
        let is_late = self.end.is_cancelled() || !self.lead.holds();
        self.world.arrives(&self.who, is_late, request)
    }

    /// A request that its sender has given up arrives in the end.
    fn goes_on(self, request: Request<Bytes>) {
        let mut chance = self.world.chance.of(&format!("{} overdue", self.who));
        if request.method() == Method::POST {
            haste::about(&self.world, request.body(), 500);
            let content = serde_json::from_slice(request.body()).unwrap_or_default();
            self.world.laws().given_up.insert(text(owner(&content), "/uid").to_owned());
        }
        tokio::spawn(async move {
            sleep(OVERDUE.mul_f64(chance.f64())).await;
            self.arrives(request);
        });
    }

    fn fate(&self, request: &Request<Bytes>, is_watch: bool) -> (Fate, Duration, Duration) {
        let world = &self.world;
        let what = format!("{} {} {}", self.who, request.method(), request.uri().path());
        let mut chance = world.chance.of(&what);
        if !world.is_bad() {
            let moment = Duration::from_micros(chance.u64(100..3_000));
            return (Fate::Answered, moment, moment);
        }
        let longest = if world.weather.requests == 0 { Duration::from_millis(50) } else { LATEST };
        let (there, back) = (delay(&mut chance, longest), delay(&mut chance, longest));
        let asks_for_content =
            request.method() == Method::POST && request.uri().path().ends_with("snapshotcontents");
        if asks_for_content && world.weather.requests > 0 && strikes(&mut chance, 60) {
            return (Fate::Overdue, there, back);
        }
        if !strikes(&mut chance, world.weather.requests) {
            return (Fate::Answered, there, back);
        }
        let is_write = request.method() != Method::GET;
        let fate = match chance.u32(0..9) {
            0 => Fate::Refused([500, 503, 429, 504][chance.usize(0..4)]),
            1 if is_write => Fate::Refused(409),
            3 | 4 if !is_watch => Fate::Unheard,
            6 | 7 if is_write => Fate::Overdue,
            5 if is_write => Fate::Denied([500, 504][chance.usize(0..2)]),
            _ => Fate::Lost,
        };
        (fate, there, back)
    }
}

fn refusal(code: u16) -> Response<AnswerBody> {
    let reason = match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version",
        "details": {"name": "x"},
    });
    whole(code, status.to_string().into())
}

fn whole(code: u16, body: Bytes) -> Response<AnswerBody> {
    let body = Full::new(body).map_err(BoxError::from).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    response
}
