//! Tests of the client against a scripted driver on a real socket.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::driver::{Amnesia, Capabilities, Fault, Habits, Malformed, Method as Asked, Options, Times};
use tempfile::TempDir;
use tonic::Code;

use machinery::secrets::Secrets;
use model::facts::Kind;
use model::reply::{self, Certainty, Refusal, TakenSnapshot};

use super::*;

mod odd_answers;
mod restarts;

#[derive(Default)]
struct Seen(Mutex<Vec<(Method, &'static str)>>);

impl Observe for Seen {
    fn call_done(&self, _driver: &str, method: Method, code: &'static str, _took: Duration) {
        self.0.lock().unwrap().push((method, code));
    }
}

struct Bench {
    directory: TempDir,
    driver: sandbox::driver::Driver,
    client: Driver,
    seen: Arc<Seen>,
}

fn socket(directory: &TempDir) -> PathBuf {
    directory.path().join("csi.sock")
}

fn client(socket: PathBuf, timeout: Duration) -> (Driver, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    (Driver::new(socket, timeout, true, Arc::clone(&seen) as Arc<dyn Observe>), seen)
}

async fn start(directory: &TempDir) -> sandbox::driver::Driver {
    let options = Options { make_missing_volumes: true, ..Options::default() };
    sandbox::driver::Driver::start(&socket(directory), options).await.unwrap()
}

async fn bench_with(timeout: Duration) -> Bench {
    let directory = TempDir::new().unwrap();
    let driver = start(&directory).await;
    let (client, seen) = client(socket(&directory), timeout);
    client.connect().await.unwrap();
    client.until_served(Kind::Group).await;
    Bench { directory, driver, client, seen }
}

async fn bench() -> Bench {
    bench_with(Duration::from_secs(20)).await
}

fn request() -> CreateSnapshot {
    CreateSnapshot { name: "snapshot-1".into(), source_volume: "vol-1".into(), parameters: BTreeMap::new() }
}

impl Bench {
    async fn create(&self) -> Result<TakenSnapshot, Refusal> {
        self.client.create_snapshot(request(), Secrets::default()).await
    }

    async fn refused(&self, fault: Fault) -> Refusal {
        self.driver.script().fail(Asked::CreateSnapshot, fault, Times::Next(1));
        self.create().await.unwrap_err()
    }

    fn last_code(&self) -> &'static str {
        self.seen.0.lock().unwrap().last().unwrap().1
    }
}

#[tokio::test]
async fn a_connection_is_proven_once_and_each_operation_is_one_call() {
    let bench = bench().await;
    let snapshot = bench.create().await.unwrap();
    assert_eq!(snapshot.source_volume, "vol-1");
    bench.client.delete_snapshot(snapshot.handle, Secrets::default()).await.unwrap();
    let calls: Vec<Asked> = bench.driver.calls().iter().map(|call| call.method).collect();
    let expected = [
        Asked::GetPluginInfo,
        Asked::Probe,
        Asked::ControllerGetCapabilities,
        Asked::GroupControllerGetCapabilities,
        Asked::CreateSnapshot,
        Asked::DeleteSnapshot,
    ];
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn the_client_waits_for_a_socket_that_appears_late() {
    let directory = TempDir::new().unwrap();
    let (client, _) = client(socket(&directory), Duration::from_secs(5));
    let connecting = tokio::spawn(async move { client.connect().await });
    tokio::task::yield_now().await;
    assert!(!connecting.is_finished());
    let _driver = start(&directory).await;
    assert_eq!(connecting.await.unwrap().unwrap().name, "hostdir.csi.sandbox");
}

#[tokio::test]
async fn a_socket_path_that_is_a_directory_is_fatal() {
    let directory = TempDir::new().unwrap();
    let (client, _) = client(directory.path().to_owned(), Duration::from_secs(5));
    let fatal = client.connect().await.unwrap_err();
    assert_eq!(fatal, Fatal::SocketIsDirectory(directory.path().to_owned()));
    assert!(fatal.to_string().contains("--csi-address"));
}

#[tokio::test]
async fn a_driver_without_the_snapshot_capability_is_fatal_and_the_error_names_it() {
    let directory = TempDir::new().unwrap();
    let options = Options { capabilities: Capabilities::NONE, ..Options::default() };
    let _driver = sandbox::driver::Driver::start(&socket(&directory), options).await.unwrap();
    let (client, _) = client(socket(&directory), Duration::from_secs(5));
    let fatal = client.connect().await.unwrap_err();
    assert!(fatal.to_string().contains("CREATE_DELETE_SNAPSHOT"), "{fatal}");
}

#[tokio::test]
async fn a_driver_that_fails_or_is_not_ready_is_asked_again() {
    let directory = TempDir::new().unwrap();
    let driver = start(&directory).await;
    driver.script().fail(Asked::GetPluginInfo, Fault::before(Code::Internal), Times::Next(1));
    driver.script().unready_probes(1);
    let (client, _) = client(socket(&directory), Duration::from_secs(5));
    client.connect().await.unwrap();
    assert_eq!(driver.count(Asked::GetPluginInfo), 3);
    assert_eq!(driver.count(Asked::Probe), 2);
}

#[tokio::test]
async fn a_call_ends_with_its_timeout_even_after_headers() {
    let bench = bench_with(Duration::from_millis(300)).await;
    for fault in [Fault::Hang, Fault::HangAfterHeaders] {
        let refusal = bench.refused(fault).await;
        assert_eq!(refusal.certainty, Certainty::Indefinite);
        let words = "code = DeadlineExceeded desc = context deadline exceeded: no answer within --timeout";
        assert!(refusal.message.contains(words), "{}", refusal.message);
        assert_eq!(bench.last_code(), "DeadlineExceeded");
    }
}

#[tokio::test]
async fn every_code_of_the_driver_is_judged_by_the_spec() {
    let bench = bench().await;
    for code in (1..17).map(Code::from_i32) {
        let refusal = bench.refused(Fault::before(code)).await;
        let definite = matches!(i32::from(code), 3 | 5 | 6 | 7 | 9 | 11 | 12 | 16);
        let expected = if definite { Certainty::Definite } else { Certainty::Indefinite };
        assert_eq!(refusal.certainty, expected, "{code:?}");
        assert_eq!(refusal.code == reply::Code::NotFound, code == Code::NotFound);
        assert!(refusal.message.contains("scripted failure"));
    }
}

#[tokio::test]
async fn a_handle_is_looked_up_by_get_if_the_driver_has_it_and_else_by_list() {
    for get_snapshot in [true, false] {
        let directory = TempDir::new().unwrap();
        let capabilities = Capabilities { get_snapshot, ..Capabilities::default() };
        let options = Options { capabilities, make_missing_volumes: true, ..Options::default() };
        let driver = sandbox::driver::Driver::start(&socket(&directory), options).await.unwrap();
        let (client, _) = client(socket(&directory), Duration::from_secs(5));
        client.connect().await.unwrap();
        let made = client.create_snapshot(request(), Secrets::default()).await.unwrap();
        let found = client.find_snapshot(&made.handle, Secrets::default()).await.unwrap();
        assert_eq!(found, Some(made.clone()));
        driver.script().forget(Amnesia::All);
        assert_eq!(client.find_snapshot(&made.handle, Secrets::default()).await.unwrap(), None);
        let asked = if get_snapshot { Asked::GetSnapshot } else { Asked::ListSnapshots };
        assert_eq!(driver.count(asked), 2);
    }
}

#[tokio::test]
async fn a_group_is_created_found_and_deleted() {
    let bench = bench().await;
    let create = CreateGroup {
        name: "groupsnapshot-1".into(),
        source_volumes: vec!["vol-1".into(), "vol-2".into()],
        parameters: BTreeMap::new(),
    };
    let group = bench.client.create_group(create, Secrets::default()).await.unwrap();
    assert_eq!(group.members.len(), 2);
    let members: Vec<String> = group.members.iter().map(|member| member.handle.clone()).collect();
    let found = bench.client.get_group(&group.handle, members.clone(), Secrets::default()).await.unwrap();
    assert_eq!(found.map(|found| found.handle), Some(group.handle.clone()));
    bench.client.delete_group(group.handle.clone(), members.clone(), Secrets::default()).await.unwrap();
    assert_eq!(bench.client.get_group(&group.handle, members, Secrets::default()).await.unwrap(), None);
}

#[tokio::test]
async fn a_secret_in_the_drivers_message_does_not_reach_the_error() {
    let bench = bench().await;
    let status = tonic::Status::unauthenticated("login as admin with hunter2 failed");
    bench.driver.script().fail(Asked::CreateSnapshot, Fault::Before(status), Times::Next(1));
    let secrets = Secrets::new(BTreeMap::from([("password".into(), "hunter2".into())]));
    let refusal = bench.client.create_snapshot(request(), secrets).await.unwrap_err();
    assert!(
        refusal.message.contains("***stripped***") && !refusal.message.contains("hunter2"),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn at_v_5_every_call_is_logged_with_request_and_answer_but_no_secret() {
    use machinery::logging::LogFormat;
    use machinery::logging::testing::listen;

    let bench = bench().await;
    for format in [LogFormat::Text, LogFormat::Json] {
        let (log, _listening) = listen(crate::PROGRAM, 5, format);
        let secrets = || Secrets::new(BTreeMap::from([("password".into(), "hunter2".into())]));
        let snapshot = bench.client.create_snapshot(request(), secrets()).await.unwrap();
        let status = tonic::Status::internal("hunter2 is wrong");
        bench.driver.script().fail(Asked::DeleteSnapshot, Fault::Before(status), Times::Next(1));
        let refusal = bench.client.delete_snapshot(snapshot.handle.clone(), secrets()).await.unwrap_err();
        tracing::warn!("{}", refusal.message);
        let log = log.text();
        for word in ["CreateSnapshot", "vol-1", "password", "***stripped***", &snapshot.handle, "Internal"] {
            assert!(log.contains(word), "{word} is missing: {log}");
        }
        assert!(!log.contains("hunter2"), "{log}");
        assert_eq!(log.lines().count(), 5, "{log}");
    }
}

#[tokio::test]
async fn an_idle_connection_sends_no_pings_because_drivers_hang_up_on_them() {
    let directory = TempDir::new().unwrap();
    let _driver = start(&directory).await;
    let relayed = directory.path().join("relay.sock");
    let listener = tokio::net::UnixListener::bind(&relayed).unwrap();
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (counted, to) = (Arc::clone(&sent), socket(&directory));
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = tokio::net::UnixStream::connect(to).await.unwrap();
        let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.split(), far.split());
        let up = async {
            let mut buffer = [0; 4096];
            loop {
                let count = tokio::io::AsyncReadExt::read(&mut near_in, &mut buffer).await.unwrap();
                counted.fetch_add(count, std::sync::atomic::Ordering::SeqCst);
                tokio::io::AsyncWriteExt::write_all(&mut far_out, &buffer[..count]).await.unwrap();
            }
        };
        tokio::join!(up, async { tokio::io::copy(&mut far_in, &mut near_out).await.unwrap() });
    });
    let (client, _) = client(relayed, Duration::from_secs(20));
    client.connect().await.unwrap();
    client.create_snapshot(request(), Secrets::default()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = sent.load(std::sync::atomic::Ordering::SeqCst);
    tokio::time::pause();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(before > 0);
    assert_eq!(sent.load(std::sync::atomic::Ordering::SeqCst), before);
}
