//! What the plugin says happens next, against what the controller would do with all that there is in the cluster.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use kube::client::Body;
use kubectl_snapshots::session::Session;
use kubectl_snapshots::why::{self, Decided};
use machinery::object::Object;
use machinery::watch::Sink;
use serde_json::Value;
use snapshot_controller::caches::UserMemory;
use snapshot_controller::look::{Look, claim::is_to_be_freed};
use snapshot_controller::wake::{CachedKind, Feed};
use tokio::time::sleep;
use tower::Service;

use crate::end::is_copied_in_a_restore;
use crate::objects::{Kind, name, namespace};
use crate::world::World;

/// Decisions that were compared, in all lives of this test run.
pub static COMPARED: AtomicU64 = AtomicU64::new(0);
/// Those of them that were more than to rest.
pub static ACTIVE: AtomicU64 = AtomicU64::new(0);

/// What can be asked about, by kubectl's short name.
const ASKED: [(Kind, &str); 5] = [
    (Kind::Snapshot, "vs"),
    (Kind::Group, "vgs"),
    (Kind::Content, "vsc"),
    (Kind::GroupContent, "vgsc"),
    (Kind::Claim, "pvc"),
];

/// A connection to the API server on which nothing goes wrong and that takes no time.
#[derive(Clone)]
struct Still(Arc<World>);

impl Service<Request<Body>> for Still {
    type Response = Response<Full<bytes::Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let (code, answer) = world.cluster.answer(Request::from_parts(parts, body));
            let mut response = Response::new(Full::new(answer));
            *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
            Ok(response)
        })
    }
}

/// Asks about everything, again and again, for ever.
pub async fn foretell(world: Arc<World>) {
    let mut chance = world.chance.of("the plugin asks");
    loop {
        let longest = if world.is_bad() { 20_000 } else { 600_000 };
        sleep(Duration::from_millis(chance.u64(10..longest))).await;
        for why in compare(&world).await {
            world.breaks(why);
        }
    }
}

/// Compares all decisions of this moment.
pub async fn compare(world: &Arc<World>) -> Vec<String> {
    let full = Feed::alone().unwrap();
    fill(world, &full);
    let look = Look { caches: &full.caches, keeps_mode: true };
    let version = world.cluster.version();
    let mut wrong = Vec::new();
    for (kind, short) in ASKED {
        for object in world.cluster.objects(kind.resource()) {
            let asked = ask(world, short, &object).await;
            if world.cluster.version() != version {
                // The rest would compare two moments.
                return wrong;
            }
            let told = asked.map(|answer| answer.decided);
            let decided = decided(&look, kind, &object);
            COMPARED.fetch_add(1, Ordering::Relaxed);
            if is_active(&decided) {
                ACTIVE.fetch_add(1, Ordering::Relaxed);
            }
            match told {
                Ok(Some(told)) if told == decided => {}
                told => wrong.push(format!(
                    "why says {told:?} of {kind:?} {}, and the controller {decided:?}",
                    name(&object)
                )),
            }
        }
    }
    wrong
}

/// What the plugin says still has to be done, once nothing happens any more.
pub async fn owed(world: &Arc<World>) -> Vec<String> {
    const AT_WORK: [&str; 5] =
        ["controller-acts", "no-controller", "sidecar-acts", "no-sidecar", "waits-for-restore"];
    let mut wrong = Vec::new();
    for (kind, short) in ASKED {
        for object in world.cluster.objects(kind.resource()) {
            if kind == Kind::Snapshot && is_copied_in_a_restore(&object) {
                continue;
            }
            match ask(world, short, &object).await {
                Ok(answer) if !AT_WORK.contains(&answer.id()) => {}
                Ok(answer) => {
                    wrong.push(format!("why says of {kind:?} {}: {}", name(&object), answer.found.waits));
                }
                Err(error) => wrong.push(format!("why says nothing of {kind:?} {}: {error}", name(&object))),
            }
        }
    }
    wrong
}

async fn ask(world: &Arc<World>, short: &str, object: &Value) -> anyhow::Result<why::Answer> {
    let client = kube::Client::new(Still(Arc::clone(world)), "default");
    why::ask(&Session::over(client, namespace(object)), &format!("{short}/{}", name(object))).await
}

fn is_active(decided: &Decided) -> bool {
    use snapshot_controller::decide::{content, step};
    !matches!(
        decided,
        Decided::User(step::Step::Rest) | Decided::Content(content::Step::Rest) | Decided::Freed(false)
    )
}

fn read<B: CachedKind>(object: &Value) -> Object<B> {
    serde_json::from_value(object.clone()).unwrap()
}

fn fill(world: &World, feed: &Feed) {
    fn all<B: CachedKind>(world: &World, feed: &Feed, kind: Kind) {
        for object in world.cluster.objects(kind.resource()) {
            Sink::<B>::seen(feed, read(&object));
        }
    }
    all::<model::group_snapshot::GroupSnapshot>(world, feed, Kind::Group);
    all::<model::group_content::GroupContent>(world, feed, Kind::GroupContent);
    all::<model::class::GroupClass>(world, feed, Kind::GroupClass);
    all::<model::snapshot::Snapshot>(world, feed, Kind::Snapshot);
    all::<model::content::SingleContent>(world, feed, Kind::Content);
    all::<model::class::SingleClass>(world, feed, Kind::Class);
    all::<model::claim::Claim>(world, feed, Kind::Claim);
    all::<model::claim::Volume>(world, feed, Kind::Volume);
}

fn decided(look: &Look<'_>, kind: Kind, object: &Value) -> Decided {
    let mut memory = UserMemory::default();
    match kind {
        Kind::Snapshot => Decided::User(look.snapshot(&read(object), &mut memory)),
        Kind::Group => Decided::User(look.group(&read(object), &mut memory)),
        Kind::Content => Decided::Content(look.content(&read(object))),
        Kind::GroupContent => Decided::Content(look.group_content(&read(object))),
        Kind::Claim => Decided::Freed(is_to_be_freed(look.caches, &read(object))),
        Kind::Class | Kind::GroupClass | Kind::Volume | Kind::Event => panic!("nobody asks about a {kind:?}"),
    }
}
