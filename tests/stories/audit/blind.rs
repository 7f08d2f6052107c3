//! Stories about audits that could not look at everything: exit code 1.

use super::*;

#[test]
fn without_list_snapshots_the_audit_says_so_and_still_compares_the_contents() {
    story(async {
        let capabilities = Capabilities { list_snapshots: false, ..Capabilities::default() };
        let stage = Stage::with(Options { capabilities, ..Options::default() }).await;
        let handle = stage.snapshot_of_another("both").await;
        stage.given(&handle, json!({})).await;
        stage.given(&handle, json!({})).await;
        let report = audit(&stage, &[]).await.json(1);
        assert!(report["problems"][0].as_str().unwrap().contains("LIST_SNAPSHOTS"), "{report}");
        assert_eq!(
            (&report["twiceReferenced"]["count"], &report["missing"]["count"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(stage.calls(Method::ListSnapshots), 0);
    });
}

#[test]
fn a_list_that_fails_on_page_40_is_incomplete_and_keeps_what_was_seen() {
    story(async {
        let stage = Stage::with(without_groups()).await;
        for number in 0..45 {
            stage.snapshot_of_another(&format!("leak-{number}")).await;
        }
        stage.given("snap-gone", json!({})).await;
        stage.driver.script().habits(Habits { lists_all_by: 1, ..Habits::default() });
        let as_it_is = Fault::Malformed(Malformed::NoMemberIds);
        stage.driver.script().fail(Method::ListSnapshots, as_it_is, Times::Next(39));
        stage.driver.script().fail(Method::ListSnapshots, Fault::before(Code::Internal), Times::UntilCleared);
        let report = audit(&stage, &[]).await.json(1);
        assert_eq!(
            (&report["verdict"], &report["unreferenced"]["count"]),
            (&json!("incomplete"), &json!(39))
        );
        let problem = report["problems"][0].as_str().unwrap();
        assert!(problem.contains("after 39 pages") && problem.contains("scripted failure"), "{problem}");
        assert_eq!(report["missing"]["count"], 0, "{report}");
    });
}

#[test]
fn a_list_that_repeats_its_token_is_incomplete() {
    story(async {
        let stage = Stage::set().await;
        stage.snapshot_of_another("leak").await;
        let repeated = Fault::Malformed(Malformed::SameToken);
        stage.driver.script().fail(Method::ListSnapshots, repeated, Times::UntilCleared);
        let report = audit(&stage, &[]).await.json(1);
        assert!(report["problems"].to_string().contains("next_token"), "{report}");
    });
}

#[test]
fn without_an_api_server_the_audit_fails_with_one_line() {
    story(async {
        let stage = Stage::set().await;
        let path = stage.path("away.kubeconfig");
        let away = "{clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], current-context: a, \
                    contexts: [{name: a, context: {cluster: a}}]}";
        std::fs::write(&path, away).unwrap();
        let audit = audit_as(&stage, &path, &["-o", "json"]).await;
        assert_eq!((audit.code, audit.printed.as_str()), (Some(1), ""), "{}", audit.said);
        assert!(audit.said.contains("no usable answer from the API server"), "{}", audit.said);
        assert_eq!(stage.calls(Method::ListSnapshots), 0);
    });
}

#[test]
fn an_api_server_that_goes_away_during_the_list_makes_the_audit_incomplete() {
    story(async {
        let stage = Stage::set_apart().await;
        let Some(server) = &stage.cluster.sandbox else {
            return eprintln!("skipped: needs the sandbox's API server");
        };
        stage.snapshot_of_another("leak").await;
        stage.driver.script().hold(Method::ListSnapshots);
        let account = account(&stage);
        let running = audit_as(&stage, &account, &["-o", "json", "--older-than=0"]);
        let disturbed = async {
            stage.calls_reach(Method::ListSnapshots, 1).await;
            server.stop_listening().await;
            stage.driver.script().let_go(Method::ListSnapshots);
        };
        let (audit, ()) = tokio::join!(running, disturbed);
        let report = audit.json(1);
        assert!(report["problems"].to_string().contains("a second time"), "{report}");
        assert_eq!(report["unreferenced"]["count"], 0, "{report}");
    });
}

#[test]
fn without_the_right_to_list_the_message_says_what_to_grant() {
    story(async {
        let stage = Stage::set().await;
        let Some(account) = stage.cluster.account("audit-blind", sandbox::rights::AUDIT, &["list"]) else {
            return eprintln!("skipped: needs the sandbox's accounts");
        };
        let audit = audit_as(&stage, &account, &[]).await;
        assert_eq!((audit.code, audit.printed.as_str()), (Some(1), ""), "{}", audit.said);
        assert!(audit.said.contains("grant `list` on `volumesnapshotcontents`"), "{}", audit.said);
        assert_eq!(audit.said.lines().count(), 1, "{}", audit.said);
    });
}

#[test]
fn without_a_driver_the_audit_ends_with_the_timeout() {
    story(async {
        let mut stage = Stage::set().await;
        stage.driver.kill().await;
        let audit = audit_as(&stage, &account(&stage), &["--timeout=300ms"]).await;
        assert_eq!(audit.code, Some(1), "{}", audit.said);
        assert!(audit.said.contains("no driver answers on"), "{}", audit.said);
    });
}
