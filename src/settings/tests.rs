//! Tests of real command lines and of every usage error.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use machinery::cli::{FlagEffect, Value, help};
use machinery::lead::Timing;
use machinery::logging::{Log, LogFormat};
use proptest::prelude::*;

use super::flags::TABLE;
use super::*;

const NO_ENV: fn(&str) -> Option<String> = |_| None;

fn parsed_with(line: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, String> {
    match parse(line.split_whitespace().map(OsString::from), env) {
        Ok(Command::Run(settings)) => Ok(*settings),
        Ok(Command::Print(text)) => panic!("prints {text}"),
        Err(refused) => Err(refused.to_string()),
    }
}

fn settings(line: &str) -> Settings {
    parsed_with(line, &NO_ENV).unwrap()
}

fn refusal(line: &str) -> String {
    parsed_with(line, &NO_ENV).unwrap_err()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn without_flags_every_setting_has_its_documented_default() {
    let expected = Settings {
        kubeconfig: None,
        csi_address: "/run/csi/socket".into(),
        timeout: seconds(60),
        workers: NonZeroUsize::new(10).unwrap(),
        retry: Backoff { start: seconds(1), max: seconds(300) },
        content_names: SnapshotName { prefix: "snapshot".into(), uuid_length: None },
        group_names: SnapshotName { prefix: "groupsnapshot".into(), uuid_length: None },
        extra_create_metadata: false,
        api: Rate { qps: 100.0, burst: 200 },
        resync: seconds(900),
        node: None,
        gates: Gates { groups: true, release_on_exit: true },
        election: None,
        endpoint: None,
        diagnostics: Diagnostics {
            log: Log { level: 0, format: LogFormat::Text },
            traces: None,
            warnings: vec![],
        },
    };
    assert_eq!(settings(""), expected);
}

#[test]
fn leader_election_has_the_default_times_of_client_go() {
    let election = settings("--leader-election").election.unwrap();
    let Timing { lease_duration, renew_deadline, retry_period } = election.timing;
    let times = (lease_duration, renew_deadline, retry_period);
    assert_eq!(times, (seconds(15), seconds(10), seconds(5)));
}

#[test]
fn arguments_of_real_charts_are_accepted() {
    let first = settings("-csi-address=/csi/csi.sock -leader-election");
    assert_eq!((first.csi_address, first.election.is_some()), ("/csi/csi.sock".into(), true));
    assert_eq!(settings("-v=2").diagnostics.log.level, 2);
    assert_eq!(settings("-v 5").diagnostics.log.level, 5);
    for (line, address) in [
        ("--metrics-address=:22014", ":22014"),
        ("--metrics-address=localhost:8205", "localhost:8205"),
        ("--http-endpoint=10.1.2.3:8092", "10.1.2.3:8092"),
        ("--http-endpoint=:8080", ":8080"),
    ] {
        let endpoint = settings(line).endpoint.unwrap();
        assert_eq!((endpoint.address.as_str(), endpoint.metrics_path.as_str()), (address, "/metrics"));
    }
    for (text, expected) in [("1m50s", 110), ("150s", 150), ("3m", 180), ("1200s", 1200)] {
        assert_eq!(settings(&format!("--timeout={text}")).timeout, seconds(expected));
    }
    assert_eq!(settings("--retry-interval-max=30m").retry.max, seconds(1800));
    assert_eq!(
        settings("--retry-interval-start=10m").retry.start,
        seconds(300),
        "as there, at most the maximum"
    );
    assert_eq!(settings("--worker-threads=250").workers.get(), 250);
    assert!((settings("--kube-api-qps=5.0").api.qps - 5.0).abs() < f64::EPSILON);
    assert_eq!(settings("--snapshot-name-uuid-length=10").content_names.uuid_length, Some(10));
    let socket = settings("--csi-address=unix:///csi/csi-provisioner.sock").csi_address;
    assert_eq!(socket, PathBuf::from("/csi/csi-provisioner.sock"));
    let election = settings(
        "--leader-election --leader-election-lease-duration=137s --leader-election-renew-deadline=107s \
         --leader-election-retry-period=26s",
    );
    assert_eq!(election.election.unwrap().timing.lease_duration, seconds(137));
    let kubeconfig = settings("--kubeconfig=/var/run/secrets/tenantcluster/value").kubeconfig;
    assert_eq!(kubeconfig, Some("/var/run/secrets/tenantcluster/value".into()));
    let line = "--node-deployment=true";
    let node = parsed_with(line, &|name| (name == "NODE_NAME").then(|| "node-1".to_owned())).unwrap().node;
    assert_eq!(node.as_deref(), Some("node-1"));
    let twice = settings("--worker-threads=3 --timeout=3m --worker-threads=40");
    assert_eq!(twice.workers.get(), 40);
}

#[test]
fn an_empty_kubeconfig_means_the_service_account_and_an_empty_endpoint_means_none() {
    assert_eq!(settings("--kubeconfig=").kubeconfig, None);
    assert_eq!(settings("--http-endpoint= --metrics-address=").endpoint, None);
}

#[test]
fn the_whole_command_line_of_longhorn_is_accepted() {
    let line = "--v=2 --csi-address=/csi/csi.sock --timeout=1m50s --leader-election \
                --leader-election-namespace=longhorn-system --kube-api-qps=50 --kube-api-burst=100 \
                --http-endpoint=:8000";
    let settings = settings(line);
    assert_eq!(settings.api, Rate { qps: 50.0, burst: 100 });
    assert_eq!(settings.election.unwrap().namespace.as_deref(), Some("longhorn-system"));
    assert!(settings.diagnostics.warnings.is_empty());
}

#[test]
fn each_retired_or_klog_flag_is_accepted_with_one_warning() {
    let line = "--leader-election-type=leases --connection-timeout=15s --snapshotter=x \
                --create-snapshotcontent-retrycount=5 --create-snapshotcontent-interval=10s \
                --logtostderr=true --log_file=/x --leader-election-type=leases";
    let warnings = settings(line).diagnostics.warnings;
    assert_eq!(warnings.len(), 7, "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.contains("--connection-timeout is retired")));
}

#[test]
fn the_old_flag_for_groups_sets_the_feature_gate() {
    assert!(!settings("--enable-volume-group-snapshots=false").gates.groups);
    assert!(settings("--enable-volume-group-snapshots").gates.groups);
}

#[test]
fn an_unknown_feature_gate_is_refused_and_the_error_lists_the_known_ones() {
    let gates =
        settings("--feature-gates=CSIVolumeGroupSnapshot=false,ReleaseLeaderElectionOnExit=true").gates;
    assert_eq!(gates, Gates { groups: false, release_on_exit: true });
    let refused = refusal("--feature-gates=Nonsense=true");
    assert!(refused.contains("Nonsense") && refused.contains("CSIVolumeGroupSnapshot"), "{refused}");
    assert!(refusal("--feature-gates=CSIVolumeGroupSnapshot").contains("true|false"));
    assert!(refusal("--feature-gates=CSIVolumeGroupSnapshot=maybe").contains("true|false"));
    let twice =
        settings("--feature-gates=CSIVolumeGroupSnapshot=false --feature-gates=AllAlpha=true,AllBeta=F");
    assert!(!twice.gates.groups);
    assert!(settings("--feature-gates=").gates.groups);
}

#[test]
fn a_number_out_of_range_is_refused_and_the_error_says_the_range() {
    for (line, range) in [
        ("--snapshot-name-uuid-length=33", "1 to 32"),
        ("--snapshot-name-uuid-length=0", "1 to 32"),
        ("--groupsnapshot-name-uuid-length=-2", "1 to 32"),
        ("--worker-threads=0", "1 to 1024"),
        ("--worker-threads=-1", "1 to 1024"),
        ("--worker-threads=2000", "1 to 1024"),
        ("--timeout=0s", "above zero"),
        ("--retry-interval-start=0", "above zero"),
        ("--kube-api-burst=-1", "above zero"),
        ("--leader-election --leader-election-lease-duration=600000h", "whole seconds"),
    ] {
        let refused = refusal(line);
        assert!(refused.contains(range), "{line}: {refused}");
    }
}

#[test]
fn a_log_level_out_of_range_counts_as_the_nearest_level() {
    for (line, level) in [("-v=-1", 0), ("-v=10", 10), ("-v=11", 10), ("-v=99", 10), ("--v=2 --v=5", 5)] {
        assert_eq!(settings(line).diagnostics.log.level, level, "{line}");
    }
}

#[test]
fn as_in_client_go_a_rate_of_zero_is_the_default_and_a_negative_rate_is_no_limit() {
    assert_eq!(settings("--kube-api-qps=0 --kube-api-burst=0").api, Rate { qps: 100.0, burst: 200 });
    assert!(settings("--kube-api-qps=-1").api.qps < 0.0);
}

#[test]
fn a_lease_lasts_whole_seconds_and_the_renew_deadline_must_fit_into_them() {
    let line = |lease: &str, renew: &str, retry: &str| {
        format!(
            "--leader-election --leader-election-lease-duration={lease} \
             --leader-election-renew-deadline={renew} --leader-election-retry-period={retry}"
        )
    };
    assert_eq!(settings(&line("2900ms", "1s", "100ms")).election.unwrap().timing.lease_duration, seconds(2));
    assert!(refusal(&line("1900ms", "1500ms", "100ms")).contains("whole seconds"));
    assert!(refusal(&line("900ms", "500ms", "100ms")).contains("write 1s"));
    assert!(refusal(&line("15s", "6s", "5s")).contains("1.2 times"));
    assert!(parsed_with(&line("15s", "6001ms", "5s"), &NO_ENV).is_ok());
}

#[test]
fn flags_of_an_election_that_is_off_are_not_validated() {
    assert_eq!(settings("--leader-election-lease-duration=1ms").election, None);
}

#[test]
fn invalid_values_and_combinations_are_refused_with_one_line() {
    for (line, words) in [
        ("--http-endpoint=:1 --metrics-address=:2", "set one of them"),
        ("--node-deployment", "NODE_NAME"),
        ("--leader-election --leader-election-renew-deadline=15s", "lease-duration (15s) must be longer"),
        ("--leader-election --leader-election-retry-period=10s", "retry-period (10s)"),
        (
            "--leader-election --leader-election-lease-duration=10.9s --leader-election-renew-deadline=10.5s",
            "whole seconds",
        ),
        ("--snapshot-name-prefix=", "must not be empty"),
        ("--csi-address=tcp://x:1", "write a path"),
        ("--csi-address=", "write a path"),
        ("--http-endpoint=8080", "host:port"),
        ("--metrics-address=:1 --metrics-path=metrics", "begin with /"),
        ("--metrics-address=:1 --metrics-path=/readyz", "health is served there"),
        ("--logging-format=xml", "text or json"),
        ("--leader-election --leader-election-labels=nocolon", "label:value"),
        ("--leader-election --leader-election-labels=a:b:c", "label:value"),
        ("--leader-election --leader-election-labels=:b", "label:value"),
        ("--leader-election --leader-election-labels=a:b,c", "label:value"),
        ("--leader-election --leader-election-labels=a:b/c", "label:value"),
        ("--csi-address=unix:/csi.sock", "write a path"),
        ("--http-endpoint=localhost", "host:port"),
        ("--http-endpoint=:99999", "host:port"),
        ("--metrics-address=localhost:", "host:port"),
    ] {
        let refused = refusal(line);
        assert!(refused.contains(words), "{line}: {refused}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
    let env = |name: &str| (name == "NODE_NAME").then(|| "n".to_owned());
    let refused = parsed_with("--node-deployment --leader-election", &env).unwrap_err();
    assert!(refused.contains("exclude each other"), "{refused}");
}

#[test]
fn the_flag_for_the_election_namespace_overrides_the_environment() {
    let env = |name: &str| (name == "POD_NAMESPACE").then(|| "from-env".to_owned());
    let namespace = |line: &str| parsed_with(line, &env).unwrap().election.unwrap().namespace;
    assert_eq!(namespace("--leader-election").as_deref(), Some("from-env"));
    let flag = "--leader-election --leader-election-namespace=from-flag";
    assert_eq!(namespace(flag).as_deref(), Some("from-flag"));
}

#[test]
fn election_labels_are_parsed_as_pairs() {
    let election =
        settings("--leader-election --leader-election-labels=app:x,team:storage").election.unwrap();
    let pairs: Vec<_> = election.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(pairs, ["app=x", "team=storage"]);
}

#[test]
fn version_and_help_print_and_exit_0() {
    for (line, start) in
        [("--version", "csi-snapshotter "), ("-h", "csi-snapshotter takes"), ("--help", "csi-snap")]
    {
        match parse([OsString::from(line)], &NO_ENV) {
            Ok(Command::Print(text)) => assert!(text.starts_with(start), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(parse([OsString::from("--version=false")], &NO_ENV), Ok(Command::Run(_))));
}

#[test]
fn every_default_in_the_table_parses_as_its_flags_type() {
    for flag in TABLE.iter().filter(|flag| flag.effect == FlagEffect::Live) {
        assert!(Value::of(flag.kind, flag.default).is_some(), "--{}", flag.name);
    }
}

#[test]
fn no_flag_is_in_the_table_twice() {
    let mut names: Vec<&str> = TABLE.iter().map(|flag| flag.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn help_has_one_line_for_each_live_flag_and_names_the_others() {
    let text = help(flags::PAGE, TABLE);
    for flag in TABLE.iter() {
        let shown = text.matches(&format!("--{}", flag.name)).count();
        assert!(shown >= 1, "--{} is missing", flag.name);
        if flag.effect == FlagEffect::Live {
            let line = text.lines().find(|line| line.trim_start().starts_with(&format!("--{} ", flag.name)));
            let line = line.or_else(|| text.lines().find(|line| line.contains(&format!("--{}", flag.name))));
            assert!(line.is_some_and(|line| line.contains(flag.help)), "--{}", flag.name);
        }
    }
    assert!(text.lines().all(|line| line.chars().count() <= 130), "a line is too long for a terminal");
}

/// Arguments that look like flags, any text, and bytes that are not UTF-8.
fn any_word() -> impl Strategy<Value = OsString> {
    prop_oneof![
        8 => word().prop_map(OsString::from),
        1 => any::<String>().prop_map(OsString::from),
        1 => proptest::collection::vec(any::<u8>(), 0..12).prop_map(OsString::from_vec),
    ]
}

fn word() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> = TABLE.iter().map(|flag| flag.name).collect();
    let name = prop_oneof![proptest::sample::select(known).prop_map(str::to_owned), "[a-z-]{0,12}"];
    let value =
        prop_oneof!["[0-9.a-z]{0,8}", "[-+_0-9xobsmhn.:=,]{0,24}", any::<String>(), Just(String::new())];
    ("-{0,3}", name, proptest::option::of(value)).prop_map(|(dashes, name, value)| match value {
        Some(value) => format!("{dashes}{name}={value}"),
        None => format!("{dashes}{name}"),
    })
}

proptest! {
    #[test]
    fn no_command_line_panics_and_every_usage_error_is_one_line(
        words in proptest::collection::vec(any_word(), 0..6),
        node in proptest::option::of("\\PC{0,4}"),
    ) {
        if let Err(refused) = parse(words, &|_| node.clone()) {
            let line = refused.to_string();
            prop_assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
        }
    }
}
