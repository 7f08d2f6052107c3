//! Requests against scripted answers, on a paused clock.

use std::collections::VecDeque;
use std::sync::Mutex;

use kube::client::ClientBuilder;
use tower::service_fn;

use super::super::limit::Rate;
use super::*;
use crate::metrics::BaseMetrics;

/// When each request arrived, in milliseconds since the start.
type Arrivals = Arc<Mutex<Vec<u128>>>;

/// A client whose server gives these answers in turn, `200` when they are used up.
fn client(rate: Rate, claim: Claim, answers: &[(u16, Option<&str>)]) -> (Traffic, Arrivals) {
    let arrivals = Arrivals::default();
    let answers: VecDeque<_> =
        answers.iter().map(|(code, after)| (*code, after.map(str::to_owned))).collect();
    let answers = Arc::new(Mutex::new(answers));
    let start = Instant::now();
    let server = service_fn({
        let arrivals = arrivals.clone();
        move |_: Request<Body>| {
            arrivals.lock().unwrap().push(start.elapsed().as_millis());
            let (code, after) = answers.lock().unwrap().pop_front().unwrap_or((200, None));
            let mut answer = Response::builder().status(code);
            if let Some(after) = after {
                answer = answer.header(RETRY_AFTER, after);
            }
            let answer = answer.body(Body::empty()).unwrap();
            async move { Ok::<_, BoxError>(answer) }
        }
    });
    let traffic = Traffic {
        inner: ClientBuilder::new(server, "default").build(),
        metrics: BaseMetrics::new().unwrap().rest,
        host: "h".into(),
        token: None,
        policy: Some(Policy { bucket: Arc::new(Bucket::new(rate)), claim }),
    };
    (traffic, arrivals)
}

const UNLIMITED: Rate = Rate { qps: 0.0, burst: 1 };

async fn ask(traffic: &Traffic, method: Method) -> Result<StatusCode, BoxError> {
    let request = Request::builder().method(method).uri("/").body(Body::from(b"body".to_vec())).unwrap();
    traffic.clone().call(request).await.map(|answer| answer.status())
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_as_long_as_the_server_asks_and_is_sent_again() {
    let answers = [(429, Some("2")), (503, Some("0"))];
    let (traffic, arrivals) = client(UNLIMITED, Claim::always(), &answers);
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 200);
    assert_eq!(*arrivals.lock().unwrap(), [0, 2000, 3000]);
    for code in ["429", "503", "200"] {
        assert_eq!(traffic.metrics.count(code, &Method::GET, "h"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_asks_for_nothing_is_passed_on_at_once() {
    for answer in [(429, None), (503, None), (500, Some("1")), (429, Some("31")), (429, Some("soon"))] {
        let (traffic, arrivals) = client(UNLIMITED, Claim::always(), &[answer]);
        assert_eq!(ask(&traffic, Method::GET).await.unwrap(), answer.0);
        assert_eq!(*arrivals.lock().unwrap(), [0]);
    }
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    let (traffic, arrivals) = client(UNLIMITED, Claim::always(), &[(429, Some("1")); 50]);
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 429);
    assert_eq!(arrivals.lock().unwrap().len(), 11);
    let (traffic, arrivals) = client(UNLIMITED, Claim::always(), &[(429, Some("12")); 50]);
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 429);
    assert_eq!(*arrivals.lock().unwrap(), [0, 12_000, 24_000]);
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_burst_go_out_at_the_rate() {
    let rate = Rate { qps: 4.0, burst: 2 };
    let (traffic, arrivals) = client(rate, Claim::always(), &[]);
    let asks = (0..4).map(|_| ask(&traffic, Method::GET));
    for answer in futures_util::future::join_all(asks).await {
        answer.unwrap();
    }
    assert_eq!(*arrivals.lock().unwrap(), [0, 0, 250, 500]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_longer_than_the_claim_lasts_is_not_sent_and_a_read_is() {
    let claim = Claim::elected();
    claim.extend(Instant::now() + Duration::from_secs(1));
    let rate = Rate { qps: 0.5, burst: 1 };
    let (traffic, arrivals) = client(rate, claim, &[]);
    assert_eq!(ask(&traffic, Method::PATCH).await.unwrap(), 200);
    let error = ask(&traffic, Method::PATCH).await.unwrap_err();
    assert!(error.is::<NotLeading>());
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 200);
    assert_eq!(*arrivals.lock().unwrap(), [0, 4000]);
}

#[tokio::test(start_paused = true)]
async fn no_write_creation_or_deletion_is_repeated_once_the_claim_is_gone() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let claim = Claim::elected();
        claim.extend(Instant::now() + Duration::from_secs(2));
        let (traffic, arrivals) = client(UNLIMITED, claim, &[(429, Some("3"))]);
        assert!(ask(&traffic, method.clone()).await.unwrap_err().is::<NotLeading>(), "{method}");
        assert_eq!(arrivals.lock().unwrap().len(), 1);
    }
}

/// A client with the token of a file, whose server takes only `valid`; whenever it refuses, `refusing` is called. And
/// the tokens and bodies that came.
fn with_token(
    path: &std::path::Path,
    valid: &'static str,
    claim: Option<Claim>,
    refusing: impl Fn() + Clone + Send + Sync + 'static,
) -> (Traffic, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let server = service_fn({
        let seen = seen.clone();
        move |request: Request<Body>| {
            let (seen, refusing) = (seen.clone(), refusing.clone());
            async move {
                let (head, body) = request.into_parts();
                let token = &head.headers[AUTHORIZATION];
                assert!(token.is_sensitive());
                let body = String::from_utf8(body.collect_bytes().await?.to_vec())?;
                seen.lock().unwrap().push(format!("{} {body}", token.to_str()?));
                let code = if token == valid { 200 } else { 401 };
                if code == 401 {
                    refusing();
                }
                Ok::<_, BoxError>(Response::builder().status(code).body(Body::empty())?)
            }
        }
    });
    let policy = |claim| Policy { bucket: Arc::new(Bucket::new(UNLIMITED)), claim };
    let traffic = Traffic {
        inner: ClientBuilder::new(server, "default").build(),
        metrics: BaseMetrics::new().unwrap().rest,
        host: "h".into(),
        token: Some(Arc::new(TokenFile::open(path).unwrap())),
        policy: claim.map(policy),
    };
    (traffic, seen)
}

fn token_file() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "old\n").unwrap();
    (directory, path)
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_token_is_refused_goes_once_more_with_the_new_one() {
    for claim in [None, Some(Claim::always())] {
        let (_guard, path) = token_file();
        let rotate = {
            let path = path.clone();
            move || std::fs::write(&path, "new\n").unwrap()
        };
        let (traffic, seen) = with_token(&path, "Bearer new", claim, rotate);
        assert_eq!(ask(&traffic, Method::PATCH).await.unwrap(), 200);
        assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 200);
        assert_eq!(*seen.lock().unwrap(), ["Bearer old body", "Bearer new body", "Bearer new body"]);
        for code in ["401", "200"] {
            assert_eq!(traffic.metrics.count(code, &Method::PATCH, "h"), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_and_did_not_change_is_not_sent_again() {
    let (_guard, path) = token_file();
    let (traffic, seen) = with_token(&path, "Bearer other", None, || {});
    assert_eq!(ask(&traffic, Method::GET).await.unwrap(), 401);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_not_sent_with_a_new_token_once_the_claim_has_run_out() {
    let (_guard, path) = token_file();
    let claim = Claim::elected();
    claim.extend(Instant::now() + Duration::from_secs(1));
    let lose = {
        let (path, claim) = (path.clone(), claim.clone());
        move || {
            std::fs::write(&path, "new").unwrap();
            claim.extend(Instant::now());
        }
    };
    let (traffic, seen) = with_token(&path, "Bearer new", Some(claim), lose);
    let error = ask(&traffic, Method::PUT).await.unwrap_err();
    assert!(error.is::<NotLeading>());
    assert_eq!(*seen.lock().unwrap(), ["Bearer old body"]);
}
