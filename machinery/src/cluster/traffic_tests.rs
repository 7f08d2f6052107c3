//! Requests against scripted answers, on a paused clock.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::super::limit::Rate;
use super::super::stub::{Log, scripted};
use super::*;
use crate::metrics::BaseMetrics;

/// A client whose server gives these answers (status code, `Retry-After`) in turn, then `200`; and when each request
/// arrived, in milliseconds since now.
fn client(
    rate: Rate,
    leadership: Leadership,
    answers: &[(u16, Option<&str>)],
) -> (Traffic, impl Fn() -> Vec<u128> + use<>) {
    let answers: VecDeque<_> =
        answers.iter().map(|(code, after)| (*code, after.map(str::to_owned))).collect();
    let answers = Mutex::new(answers);
    let (inner, log) = scripted(move |_| {
        let (code, after) = answers.lock().unwrap().pop_front().unwrap_or((200, None));
        let mut answer = Response::builder().status(code);
        if let Some(after) = after {
            answer = answer.header(RETRY_AFTER, after);
        }
        answer.body(Body::empty()).ok()
    });
    let start = Instant::now();
    let arrivals = move || {
        let log = log.lock().unwrap();
        log.iter().map(|seen| seen.at.duration_since(start).as_millis()).collect()
    };
    let traffic = Traffic {
        inner,
        metrics: BaseMetrics::new().unwrap().rest,
        host: "h".into(),
        token: None,
        policy: Some(RequestPolicy { bucket: Arc::new(Bucket::new(rate)), leadership }),
    };
    (traffic, arrivals)
}

const UNLIMITED: Rate = Rate { qps: 0.0, burst: 1 };

async fn ask(traffic: &Traffic, method: Method) -> Result<StatusCode, BoxError> {
    let request = Request::builder().method(method).uri("/").body(Body::from(br#""body""#.to_vec())).unwrap();
    traffic.clone().call(request).await.map(|answer| answer.status())
}

#[tokio::test(start_paused = true)]
async fn a_request_is_retried_when_retry_after_has_passed() {
    let answers = [(429, Some("2")), (503, Some("0"))];
    let (traffic, arrivals) = client(UNLIMITED, Leadership::always(), &answers);
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 200);
    assert_eq!(arrivals(), [0, 2000, 3000]);
    for code in ["429", "503", "200"] {
        assert_eq!(traffic.metrics.count(code, &Method::GET, "h"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_usable_retry_after_is_returned_at_once() {
    for answer in [(429, None), (503, None), (500, Some("1")), (429, Some("31")), (429, Some("soon"))] {
        let (traffic, arrivals) = client(UNLIMITED, Leadership::always(), &[answer]);
        assert_eq!(ask(&traffic, Method::GET).await.unwrap(), answer.0);
        assert_eq!(arrivals(), [0]);
    }
}

#[tokio::test(start_paused = true)]
async fn retries_end() {
    let (traffic, arrivals) = client(UNLIMITED, Leadership::always(), &[(429, Some("1")); 50]);
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 429);
    assert_eq!(arrivals().len(), 11);
    let (traffic, arrivals) = client(UNLIMITED, Leadership::always(), &[(429, Some("12")); 50]);
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 429);
    assert_eq!(arrivals(), [0, 12_000, 24_000]);
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_burst_are_sent_at_the_rate() {
    let rate = Rate { qps: 4.0, burst: 2 };
    let (traffic, arrivals) = client(rate, Leadership::always(), &[]);
    let asks = (0..4).map(|_| ask(&traffic, Method::GET));
    for answer in futures_util::future::join_all(asks).await {
        answer.unwrap();
    }
    assert_eq!(arrivals(), [0, 0, 250, 500]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_beyond_the_claim_is_not_sent_and_a_read_is() {
    let leadership = Leadership::elected();
    leadership.extend(Instant::now() + Duration::from_secs(1));
    let rate = Rate { qps: 0.5, burst: 1 };
    let (traffic, arrivals) = client(rate, leadership, &[]);
    assert_eq!(ask(&traffic, Method::PATCH).await.unwrap(), 200);
    let error = ask(&traffic, Method::PATCH).await.unwrap_err();
    assert!(error.is::<NotLeading>());
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 200);
    assert_eq!(arrivals(), [0, 4000]);
}

#[tokio::test(start_paused = true)]
async fn no_write_is_retried_once_the_claim_has_expired() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let leadership = Leadership::elected();
        leadership.extend(Instant::now() + Duration::from_secs(2));
        let (traffic, arrivals) = client(UNLIMITED, leadership, &[(429, Some("3"))]);
        assert!(ask(&traffic, method.clone()).await.unwrap_err().is::<NotLeading>(), "{method}");
        assert_eq!(arrivals().len(), 1);
    }
}

/// A client with a token file, whose server accepts only `valid` and calls `refusing` on any other.
fn with_token(
    path: &std::path::Path,
    valid: &'static str,
    leadership: Option<Leadership>,
    refusing: impl Fn() + Send + Sync + 'static,
) -> (Traffic, Log) {
    let (inner, log) = scripted(move |seen| {
        let token = &seen.headers[AUTHORIZATION];
        assert!(token.is_sensitive());
        let code = if token == valid { 200 } else { 401 };
        if code == 401 {
            refusing();
        }
        Response::builder().status(code).body(Body::empty()).ok()
    });
    let policy = |leadership| RequestPolicy { bucket: Arc::new(Bucket::new(UNLIMITED)), leadership };
    let traffic = Traffic {
        inner,
        metrics: BaseMetrics::new().unwrap().rest,
        host: "h".into(),
        token: Some(Arc::new(TokenFile::open(path).unwrap())),
        policy: leadership.map(policy),
    };
    (traffic, log)
}

/// Token and body of each request.
fn sent(log: &Log) -> Vec<String> {
    let log = log.lock().unwrap();
    log.iter()
        .map(|seen| {
            format!("{} {}", seen.headers[AUTHORIZATION].to_str().unwrap(), seen.body.as_str().unwrap())
        })
        .collect()
}

fn token_file() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "old\n").unwrap();
    (directory, path)
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_token_is_refused_is_retried_once_with_the_new_one() {
    for leadership in [None, Some(Leadership::always())] {
        let (_guard, path) = token_file();
        let rotate = {
            let path = path.clone();
            move || std::fs::write(&path, "new\n").unwrap()
        };
        let (traffic, log) = with_token(&path, "Bearer new", leadership, rotate);
        assert_eq!(ask(&traffic, Method::PATCH).await.unwrap(), 200);
        assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 200);
        assert_eq!(sent(&log), ["Bearer old body", "Bearer new body", "Bearer new body"]);
        for code in ["401", "200"] {
            assert_eq!(traffic.metrics.count(code, &Method::PATCH, "h"), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_that_did_not_change_is_not_sent_again() {
    let (_guard, path) = token_file();
    let (traffic, log) = with_token(&path, "Bearer other", None, || {});
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 401);
    assert_eq!(sent(&log).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_not_sent_with_a_new_token_once_the_claim_has_expired() {
    let (_guard, path) = token_file();
    let leadership = Leadership::elected();
    leadership.extend(Instant::now() + Duration::from_secs(1));
    let lose = {
        let (path, leadership) = (path.clone(), leadership.clone());
        move || {
            std::fs::write(&path, "new").unwrap();
            leadership.extend(Instant::now());
        }
    };
    let (traffic, log) = with_token(&path, "Bearer new", Some(leadership), lose);
    let error = ask(&traffic, Method::PUT).await.unwrap_err();
    assert!(error.is::<NotLeading>());
    assert_eq!(sent(&log), ["Bearer old body"]);
}
