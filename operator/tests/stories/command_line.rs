//! What the program says before it looks at a cluster, and when there is none.

use std::path::Path;

use tokio::process::Command;

use crate::common::{Stage, alone, story};

#[test]
fn the_help_names_the_commands_and_a_wrong_command_line_has_an_exit_code_of_its_own() {
    story(async {
        let help = alone(&["--help"]).await;
        assert_eq!(help.code, 0);
        for word in ["why", "check", "list", "--context", "--as-group", "kubectl snapshots"] {
            assert!(help.out.contains(word), "{word}: {}", help.out);
        }
        assert_eq!(alone(&["lost"]).await.code, 64);
    });
}

#[test]
fn a_missing_kubeconfig_and_a_server_that_is_away_are_said_in_one_line() {
    story(async {
        let missing = alone(&["list", "--kubeconfig", "/nowhere/config"]).await;
        assert_eq!(missing.code, 2);
        assert!(
            missing.err.starts_with("error: cannot read the kubeconfig /nowhere/config"),
            "{}",
            missing.err
        );

        let stage = Stage::bare().await;
        stage.server.stop_listening().await;
        let away = stage.ask(&["list", "-A"]).await;
        assert_eq!((away.code, away.err.lines().count()), (2, 1), "{}", away.err);
        assert!(away.err.contains("the API server gives no answer"), "{}", away.err);
    });
}

#[test]
fn one_may_look_as_somebody_else_and_sees_what_is_missing() {
    story(async {
        let stage = Stage::bare().await;
        let seen = stage.ask(&["list", "-n", "team", "--as", "jane"]).await;
        assert_eq!(seen.code, 2);
        let missing = "grant `list` on `volumesnapshots.snapshot.storage.k8s.io` in the namespace team";
        assert!(seen.err.contains(missing), "{}", seen.err);
        let by = |user: &str| stage.server.requests().iter().any(|request| request.user == user);
        assert!(by("jane") && !by("sandbox-admin"));
    });
}

#[test]
fn kubectl_finds_the_plugin_by_its_name() {
    story(async {
        let client = Command::new("kubectl").args(["version", "--client"]).output().await;
        if client.is_err() {
            println!("skipped: no kubectl on this machine");
            return;
        }
        let stage = Stage::set().await;
        stage.snapshot("s").await;
        let directory = Path::new(env!("CARGO_BIN_EXE_kubectl-snapshots")).parent().unwrap().to_owned();
        let path = std::env::join_paths(
            [directory].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let output = Command::new("kubectl")
            .args(["snapshots", "list", "-n", "team", "--context", "sandbox"])
            .env("KUBECONFIG", stage.kubeconfig())
            .env("PATH", path.unwrap())
            .output()
            .await
            .unwrap();
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success() && out.contains("WAITS FOR") && out.contains("\ns "), "{out}{err}");
    });
}
