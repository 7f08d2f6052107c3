//! Tests of drivers whose answers, lists, errors and capabilities break the CSI spec and are still usable.

use futures_util::FutureExt;
use tokio_util::task::AbortOnDropHandle;

use machinery::logging::LogFormat;
use machinery::logging::testing::{LogBuffer, listen};

use super::*;

impl Bench {
    fn answers_creations(&self, how: Malformed) {
        self.driver.script().fail(Asked::CreateSnapshot, Fault::Malformed(how), Times::Next(1));
    }

    /// Creates snapshots of these names, and returns their handles.
    async fn created(&self, names: &[&str]) -> Vec<String> {
        let mut handles = Vec::new();
        for name in names {
            let create = CreateSnapshot { name: (*name).to_owned(), ..request() };
            let made = self.client.create_snapshot(create, Secrets::default()).await.unwrap();
            handles.push(made.handle);
        }
        handles
    }

    async fn found(&self, handle: &str) -> Result<Option<TakenSnapshot>, Refusal> {
        self.client.list_snapshot(handle, Secrets::default()).await
    }
}

#[tokio::test]
async fn only_an_answer_without_a_handle_is_refused_and_the_error_names_the_field() {
    let bench = bench().await;
    for (malformed, field) in
        [(Malformed::Empty, "snapshot is missing"), (Malformed::NoId, "snapshot.snapshot_id")]
    {
        let refusal = bench.refused(Fault::Malformed(malformed)).await;
        assert_eq!(refusal.certainty, Certainty::Indefinite);
        assert!(refusal.message.contains(field), "{malformed:?}: {}", refusal.message);
    }
}

#[tokio::test]
async fn an_answer_with_a_handle_is_accepted_whatever_else_it_holds() {
    let bench = bench().await;
    let sound = bench.create().await.unwrap();
    for malformed in [
        Malformed::OtherSource,
        Malformed::GoZeroTime,
        Malformed::EndOfTime,
        Malformed::AbsurdSeconds,
        Malformed::AbsurdNanos,
        Malformed::NoCreationTime,
        Malformed::NegativeSize,
        Malformed::NoSize,
    ] {
        bench.answers_creations(malformed);
        let taken = bench.create().await.unwrap();
        assert_eq!(taken.handle, sound.handle, "{malformed:?}");
        let timeless =
            !matches!(malformed, Malformed::OtherSource | Malformed::NegativeSize | Malformed::NoSize);
        assert_eq!(taken.creation_time, sound.creation_time.filter(|_| !timeless), "{malformed:?}");
        assert_eq!(taken.size, None, "the volume is empty");
    }
    assert_eq!(bench.create().await.unwrap(), sound);
}

#[tokio::test]
async fn an_answer_of_any_size_is_accepted() {
    let bench = bench().await;
    bench.answers_creations(Malformed::Oversized);
    assert!(bench.create().await.unwrap().source_volume.len() > 4 << 20);
    assert_eq!(bench.last_code(), "OK");
}

#[tokio::test]
async fn a_source_volume_in_another_form_is_accepted() {
    let bench = bench().await;
    bench.driver.script().habits(Habits { short_sources: true, capitals: true, ..Habits::default() });
    let create = CreateSnapshot { source_volume: "pool/vol-1".into(), ..request() };
    let made = bench.client.create_snapshot(create, Secrets::default()).await.unwrap();
    assert_eq!(made.source_volume, "POOL");
    let stored = bench.driver.snapshots();
    assert_eq!(made.handle, stored[0].id.to_uppercase());
    assert_eq!(stored[0].source_volume_id, "pool/vol-1");
}

#[tokio::test]
async fn a_group_is_accepted_whatever_its_members_are() {
    let bench = bench().await;
    let (log, _listening) = listen(crate::PROGRAM, 2, LogFormat::Text);
    let create = CreateGroup {
        name: "groupsnapshot-1".into(),
        source_volumes: vec!["vol-1".into(), "vol-2".into()],
        parameters: BTreeMap::new(),
    };
    let sound = bench.client.create_group(create.clone(), Secrets::default()).await.unwrap();
    for (malformed, members) in
        [(Malformed::OtherSource, 2), (Malformed::GoZeroTime, 2), (Malformed::NoMemberIds, 0)]
    {
        let fault = Fault::Malformed(malformed);
        bench.driver.script().fail(Asked::CreateVolumeGroupSnapshot, fault, Times::Next(1));
        let taken = bench.client.create_group(create.clone(), Secrets::default()).await.unwrap();
        assert_eq!((&taken.handle, taken.members.len()), (&sound.handle, members), "{malformed:?}");
    }
    assert_eq!(log.text().matches("members without a snapshot_id").count(), 1, "{}", log.text());
}

#[tokio::test]
async fn a_handle_is_found_on_any_page_of_a_driver_that_lists_everything() {
    let bench = bench().await;
    let handles = bench.created(&["a", "b", "c", "d", "e"]).await;
    bench.driver.script().habits(Habits { lists_all_by: 2, ..Habits::default() });
    for handle in &handles {
        assert_eq!(bench.found(handle).await.unwrap().map(|found| found.handle).as_ref(), Some(handle));
    }
    bench.driver.clear_calls();
    assert_eq!(bench.found("snap-of-nobody").await.unwrap(), None);
    assert_eq!(bench.driver.count(Asked::ListSnapshots), 3);

    bench.driver.script().habits(Habits { lists_all_by: 2, capitals: true, ..Habits::default() });
    for handle in &handles {
        let found = bench.found(handle).await.unwrap().unwrap();
        assert_eq!(found.handle, handle.to_uppercase());
    }
}

#[tokio::test]
async fn the_only_entry_of_a_driver_that_ignores_the_handle_is_not_taken_for_ours() {
    let bench = bench().await;
    bench.created(&["a"]).await;
    bench.driver.script().habits(Habits { lists_all_by: 2, ..Habits::default() });
    assert_eq!(bench.found("snap-of-nobody").await.unwrap(), None);
}

#[tokio::test]
async fn a_list_whose_token_expires_begins_again_a_limited_number_of_times() {
    let bench = bench().await;
    let mut handles = bench.created(&["a", "b", "c"]).await;
    handles.sort();
    let script = bench.driver.script();
    script.habits(Habits { lists_all_by: 2, ..Habits::default() });
    bench.driver.clear_calls();
    script.expire_tokens(1);
    assert!(bench.found(&handles[2]).await.unwrap().is_some());
    assert_eq!(bench.driver.count(Asked::ListSnapshots), 4);
    script.expire_tokens(u32::MAX);
    let refusal = bench.found(&handles[2]).await.unwrap_err();
    assert!(
        refusal.message.contains("Aborted") && refusal.message.contains("expired"),
        "{}",
        refusal.message
    );
}

#[tokio::test]
async fn a_list_that_repeats_a_page_is_an_error_that_says_so() {
    let bench = bench().await;
    bench.created(&["a"]).await;
    let fault = Fault::Malformed(Malformed::SameToken);
    bench.driver.script().fail(Asked::ListSnapshots, fault, Times::UntilCleared);
    let refusal = bench.found("snap-of-nobody").await.unwrap_err();
    assert!(
        refusal.message.contains("next_token names a page that was listed before"),
        "{}",
        refusal.message
    );
}

#[tokio::test]
async fn an_error_text_of_any_length_arrives_whole_with_its_code() {
    let bench = bench().await;
    for length in [2_000, 40_000, 1_000_000] {
        let text = "größer, föö ".repeat(length / 12);
        // Go servers repeat the message in the details.
        let details = format!("{text}\n").into_bytes().into();
        let status = tonic::Status::with_details(Code::NotFound, text.replace(' ', " \n\t"), details);
        let refusal = bench.refused(Fault::Before(status)).await;
        assert_eq!((refusal.code, refusal.certainty), (reply::Code::NotFound, Certainty::Definite));
        assert!(refusal.message.ends_with(text.trim_end()), "{length}");
        bench.create().await.unwrap();
    }
    assert!(bench.client.is_connected());
}

/// A driver that does not answer whether it takes groups, and the log.
struct Silent {
    directory: TempDir,
    driver: sandbox::driver::Driver,
    client: Driver,
    log: LogBuffer,
    _supervised: AbortOnDropHandle<Fatal>,
}

const SILENT: &str = "does not say whether it takes group snapshots";

impl Silent {
    async fn start(fault: Fault, timeout: Duration) -> (Self, tracing::subscriber::DefaultGuard) {
        let (log, listening) = listen(crate::PROGRAM, 2, LogFormat::Text);
        let directory = TempDir::new().unwrap();
        let driver = start(&directory).await;
        driver.script().fail(Asked::GroupControllerGetCapabilities, fault, Times::UntilCleared);
        let (client, _) = client(socket(&directory), timeout);
        client.connect().await.unwrap();
        let supervised = client.clone();
        let supervised = AbortOnDropHandle::new(tokio::spawn(async move { supervised.supervise().await }));
        (Self { directory, driver, client, log, _supervised: supervised }, listening)
    }
}

#[tokio::test]
async fn a_group_question_that_fails_or_hangs_delays_no_single_snapshot() {
    for fault in [Fault::before(Code::Internal), Fault::Hang] {
        let (silent, _listening) = Silent::start(fault, Duration::from_hours(1)).await;
        silent.client.create_snapshot(request(), Secrets::default()).await.unwrap();
        assert!(silent.client.until_served(Kind::Group).now_or_never().is_none());
        let create = CreateGroup {
            name: "g".into(),
            source_volumes: vec!["vol-1".into()],
            parameters: BTreeMap::new(),
        };
        let refusal = silent.client.create_group(create, Secrets::default()).await.unwrap_err();
        assert_eq!(refusal.certainty, Certainty::NotSent);
        drop(silent.directory);
    }
}

#[tokio::test]
async fn the_group_question_is_repeated_until_it_is_answered_and_logged_once() {
    let fault = Fault::before(Code::Unavailable);
    let (mut silent, _listening) = Silent::start(fault, Duration::from_secs(20)).await;
    let questions = |calls: &[sandbox::driver::Call], count| {
        calls.iter().filter(|call| call.method == Asked::GroupControllerGetCapabilities).count() >= count
    };
    silent.driver.wait_for_calls(|calls| questions(calls, 2)).await;
    silent.driver.script().clear();
    silent.client.until_served(Kind::Group).await;
    let log = silent.log.text();
    assert_eq!(log.matches(SILENT).count(), 1, "{log}");
    assert_eq!(log.matches("the driver takes group snapshots now").count(), 1, "{log}");

    // An answer on one connection does not hold for the next.
    silent.driver.kill().await;
    silent.client.until_not_served(Kind::Single).await;
    let fault = Fault::before(Code::Internal);
    silent.driver.script().fail(Asked::GroupControllerGetCapabilities, fault, Times::Next(1));
    silent.driver.clear_calls();
    silent.driver.restart().await.unwrap();
    silent.client.until_served(Kind::Single).await;
    assert!(silent.client.until_served(Kind::Group).now_or_never().is_none());
    silent.client.until_served(Kind::Group).await;
    let log = silent.log.text();
    assert_eq!(log.matches(SILENT).count(), 2, "{log}");
    assert_eq!(log.matches("the driver takes group snapshots now").count(), 2, "{log}");
    assert!(questions(&silent.driver.calls(), 2));
}

#[tokio::test]
async fn a_driver_without_probe_or_with_an_empty_answer_to_it_is_ready() {
    let odd = [Fault::before(Code::Unimplemented), Fault::Malformed(Malformed::Empty)];
    for fault in odd {
        let directory = TempDir::new().unwrap();
        let driver = start(&directory).await;
        driver.script().fail(Asked::Probe, fault, Times::UntilCleared);
        let (client, _) = client(socket(&directory), Duration::from_secs(5));
        client.connect().await.unwrap();
        assert_eq!(driver.count(Asked::Probe), 1);
    }
}
