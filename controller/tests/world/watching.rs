//! Watches that lag, break off, and forget.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tower::BoxError;

use crate::chance::{delay, strikes};
use crate::net::{AnswerBody, Net};
use crate::objects::text;
use crate::world::World;

/// The furthest that a watch falls behind.
const FURTHEST: Duration = Duration::from_secs(40);
/// How long before its end a watch sends a bookmark.
const BOOKMARK: Duration = Duration::from_secs(2);

struct Watching {
    net: Net,
    resource: &'static str,
    /// Only objects of this driver, if there is one.
    driver: Option<String>,
    version: u64,
    written: watch::Receiver<u64>,
    deadline: Instant,
    is_marked: bool,
    ended: bool,
}

pub fn open(net: Net, request: &Request<Bytes>) -> Response<AnswerBody> {
    let resource = World::resource(request.uri().path()).unwrap_or_default();
    let query: Vec<(String, String)> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_owned(), value.replace("%3D", "=")))
        })
        .collect();
    let given = |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let seconds = given("timeoutSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(60);
    let mut life = Duration::from_secs(seconds);
    let world = &net.world;
    let mut chance = world.chance.of(&format!("{} life of {resource}", net.who));
    if world.is_bad() && world.weather.watches && strikes(&mut chance, 300) {
        life = life.mul_f64(chance.f64());
    }
    let watching = Watching {
        resource,
        driver: given("fieldSelector").and_then(|of| of.strip_prefix("spec.driver=")).map(str::to_owned),
        version: given("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or_default(),
        written: world.written.subscribe(),
        deadline: Instant::now() + life,
        is_marked: false,
        ended: false,
        net,
    };
    let body = StreamBody::new(stream::unfold(watching, Watching::next)).boxed_unsync();
    Response::new(body)
}

type Part = Result<Frame<Bytes>, BoxError>;

impl Watching {
    async fn next(mut self) -> Option<(Part, Self)> {
        let world = self.net.world.clone();
        while !self.ended {
            self.lag().await;
            let bad = world.is_bad() && world.weather.watches;
            let mut chance = world.chance.of(&format!("{} watches {}", self.net.who, self.resource));
            self.written.borrow_and_update();
            let Some(changes) = world
                .cluster
                .written(self.resource, self.version)
                .filter(|_| !(bad && strikes(&mut chance, 15)))
            else {
                self.ended = true;
                let status =
                    json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
                return Some((Ok(line("ERROR", &status)), self));
            };
            if bad && strikes(&mut chance, 15) {
                self.ended = true;
                return Some((Err("the watch broke off".into()), self));
            }
            // One after the other, so that anything can happen between two.
            let wanted = |object: &Value| {
                self.driver.as_ref().is_none_or(|driver| text(object, "/spec/driver") == driver)
            };
            let next = changes.into_iter().find(|change| wanted(&change.object));
            if let Some(change) = next {
                self.version = change.version;
                let effect = match (&change.before, change.is_gone) {
                    (_, true) => "DELETED",
                    (None, false) => "ADDED",
                    (Some(_), false) => "MODIFIED",
                };
                return Some((Ok(line(effect, &change.object)), self));
            }
            if !self.is_marked && Instant::now() + BOOKMARK >= self.deadline {
                (self.is_marked, self.version) = (true, world.cluster.version());
                let mark = json!({"metadata": {"resourceVersion": self.version.to_string()}});
                return Some((Ok(line("BOOKMARK", &mark)), self));
            }
            let until = if self.is_marked { self.deadline } else { self.deadline - BOOKMARK };
            tokio::select! {
                biased;
                _ = self.written.changed() => {}
                () = sleep_until(until) => self.ended = self.is_marked,
            }
        }
        None
    }

    async fn lag(&mut self) {
        let world = &self.net.world;
        let mut chance = world.chance.of(&format!("{} lags for {}", self.net.who, self.resource));
        let bad = world.is_bad() && world.weather.watches;
        let furthest = if bad { FURTHEST } else { Duration::from_millis(20) };
        let mut left = delay(&mut chance, furthest);
        // A long lag ends with the faults.
        while left > Duration::ZERO {
            let part = left.min(Duration::from_secs(5));
            sleep(part).await;
            left = if world.is_bad() { left.saturating_sub(part) } else { Duration::ZERO };
        }
    }
}

fn line(effect: &str, object: &Value) -> Frame<Bytes> {
    let mut object = object.clone();
    if effect == "BOOKMARK" {
        (object["apiVersion"], object["kind"]) = ("v1".into(), "Any".into());
    }
    Frame::data(format!("{}\n", json!({"type": effect, "object": object})).into())
}
