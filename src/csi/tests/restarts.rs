//! Tests of a driver that restarts: unchanged, with other capabilities, or as another driver.

use futures_util::FutureExt;
use tokio_util::task::AbortOnDropHandle;

use super::*;

impl Bench {
    /// Supervises the connection until the result is dropped.
    fn supervised(&self) -> AbortOnDropHandle<Fatal> {
        let client = self.client.clone();
        AbortOnDropHandle::new(tokio::spawn(async move { client.supervise().await }))
    }

    /// Restarts the driver with these capabilities, and waits until it is proven again.
    async fn restart_with(&mut self, capabilities: Capabilities) {
        self.driver.kill().await;
        self.client.until_not_served(Kind::Single).await;
        self.driver.script().capabilities(capabilities);
        self.driver.restart().await.unwrap();
        self.client.until_served(Kind::Single).await;
    }
}

#[tokio::test]
async fn a_call_during_which_the_driver_dies_is_indefinite_and_unavailable() {
    let mut bench = bench().await;
    bench.driver.script().hold(Asked::CreateSnapshot);
    let client = bench.client.clone();
    let call = tokio::spawn(async move { client.create_snapshot(request(), Secrets::default()).await });
    bench.driver.wait_for_calls(|calls| calls.iter().any(|call| call.method == Asked::CreateSnapshot)).await;
    bench.driver.kill().await;
    let refusal = call.await.unwrap().unwrap_err();
    assert_eq!(refusal.certainty, Certainty::Indefinite, "{refusal:?}");
    assert_eq!(bench.last_code(), "Unavailable");
}

#[tokio::test]
async fn nothing_is_sent_while_the_driver_is_away_and_it_is_proven_first_when_it_returns() {
    let mut bench = bench().await;
    let _supervised = bench.supervised();
    let mut session = bench.client.0.session.subscribe();
    session.mark_unchanged();
    bench.driver.kill().await;
    session.wait_for(Option::is_none).await.unwrap();
    let refusal = bench.create().await.unwrap_err();
    assert_eq!(refusal.certainty, Certainty::NotSent);

    bench.driver.clear_calls();
    std::fs::remove_file(socket(&bench.directory)).unwrap();
    bench.driver.restart().await.unwrap();
    session.wait_for(Option::is_some).await.unwrap();
    bench.create().await.unwrap();
    let first = bench.driver.calls().first().map(|call| call.method);
    assert_eq!(first, Some(Asked::GetPluginInfo));
}

#[tokio::test]
async fn a_call_on_a_connection_that_is_gone_is_not_sent() {
    let mut bench = bench().await;
    let session = bench.client.0.session.borrow().clone().unwrap();
    bench.driver.kill().await;
    session.gone.clone().wait_for(|gone| *gone).await.unwrap();
    // Without a supervisor the call goes to the dead connection itself.
    let refusal = bench.create().await.unwrap_err();
    assert_eq!(refusal.certainty, Certainty::NotSent, "{refusal:?}");
}

#[tokio::test]
async fn groups_stop_and_resume_with_the_capability_of_a_restarted_driver() {
    let mut bench = bench().await;
    let _supervised = bench.supervised();
    let create = || CreateGroup {
        name: "groupsnapshot-1".into(),
        source_volumes: vec!["vol-1".into()],
        parameters: BTreeMap::new(),
    };
    for groups in [false, true] {
        bench.restart_with(Capabilities { groups, ..Capabilities::default() }).await;
        if groups {
            bench.client.until_served(Kind::Group).await;
        }
        assert_eq!(bench.client.until_served(Kind::Group).now_or_never().is_some(), groups);
        assert_eq!(bench.client.until_not_served(Kind::Group).now_or_never().is_none(), groups);
        let made = bench.client.create_group(create(), Secrets::default()).await;
        assert_eq!(made.map_err(|refusal| refusal.certainty).err(), (!groups).then_some(Certainty::NotSent));
        assert_eq!(bench.driver.count(Asked::CreateVolumeGroupSnapshot), usize::from(groups));
    }
}

#[tokio::test]
async fn no_lookup_is_sent_to_a_driver_that_lost_the_capability() {
    let mut bench = bench().await;
    let _supervised = bench.supervised();
    let blind = Capabilities { get_snapshot: false, list_snapshots: false, ..Capabilities::default() };
    bench.restart_with(blind).await;
    let refusal = bench.client.find_snapshot("snapshot-1", Secrets::default()).await.unwrap_err();
    assert_eq!(refusal.certainty, Certainty::NotSent, "{refusal:?}");
    assert_eq!((bench.driver.count(Asked::ListSnapshots), bench.driver.count(Asked::GetSnapshot)), (0, 0));
}

#[test]
fn a_capability_allows_its_own_calls_and_no_others() {
    let optional = |abilities: Abilities| {
        let calls = [
            Method::ListSnapshots,
            Method::GetSnapshot,
            Method::CreateVolumeGroupSnapshot,
            Method::DeleteVolumeGroupSnapshot,
            Method::GetVolumeGroupSnapshot,
        ];
        calls.map(|method| abilities.allow(method))
    };
    let none = Abilities::default();
    assert!(none.allow(Method::CreateSnapshot) && none.allow(Method::DeleteSnapshot));
    assert_eq!(optional(none), [false; 5]);
    assert_eq!(optional(Abilities { list_snapshots: true, ..none }), [true, false, false, false, false]);
    assert_eq!(optional(Abilities { get_snapshot: true, ..none }), [false, true, false, false, false]);
    assert_eq!(optional(Abilities { group_snapshots: true, ..none }), [false, false, true, true, true]);
}

#[tokio::test]
async fn another_driver_behind_the_same_socket_is_fatal() {
    let mut bench = bench().await;
    bench.driver.kill().await;
    bench.driver.script().rename("other.csi.example.com");
    bench.driver.restart().await.unwrap();
    let fatal = bench.client.supervise().await;
    assert!(matches!(fatal, Fatal::AnotherDriver { now, .. } if now == "other.csi.example.com"));
}
