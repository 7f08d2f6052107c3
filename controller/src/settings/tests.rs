//! Settings from real command lines, and every refusal.

use machinery::cli::FlagEffect;

use super::*;

fn parsed(line: &str) -> Result<Settings, String> {
    match parse(line.split_whitespace().map(OsString::from), &|_| None) {
        Ok(Command::Run(settings)) => Ok(*settings),
        Ok(Command::Print(text)) => panic!("prints {text}"),
        Err(refused) => Err(refused.to_string()),
    }
}

#[test]
fn without_flags_the_settings_are_the_documented_defaults() {
    let settings = parsed("").unwrap();
    assert_eq!((settings.workers.get(), settings.resync), (10, Duration::from_mins(15)));
    assert_eq!(settings.api, Rate { qps: 100.0, burst: 200 });
    assert!(settings.keeps_mode && settings.groups && settings.election.is_none());
    assert!(!settings.distributed && parsed("--enable-distributed-snapshotting").unwrap().distributed);
}

#[test]
fn the_lines_of_real_manifests_are_read_as_they_stand() {
    let line = "--v=5 --leader-election=true --kube-api-qps=20 --kube-api-burst=30 --worker-threads=20 \
                --http-endpoint=:8080 --feature-gates=CSIVolumeGroupSnapshot=true --retry-crd-interval-max=60s \
                --prevent-volume-mode-conversion=false --enable-distributed-snapshotting=false";
    let settings = parsed(line).unwrap();
    assert!(settings.election.is_some() && settings.groups && !settings.keeps_mode);
    assert!(settings.diagnostics.warnings.is_empty(), "{:?}", settings.diagnostics.warnings);
}

#[test]
fn the_arguments_of_real_charts_are_read_as_they_stand() {
    for line in [
        "--v=5 --leader-election=true",
        "-v=5 -leader-election=true -leader-election-namespace=kube-system",
        "-v 5 --leader-election --leader-election-namespace kube-system",
        "--v=2 --logtostderr=true --leader-election=false --http-endpoint=:8080 --metrics-path=/metrics",
        "--leader-election=true --leader-election-lease-duration=60s --leader-election-renew-deadline=40s \
         --leader-election-retry-period=10s --retry-interval-start=2s --retry-interval-max=1m --worker-threads=50",
        "--kube-api-qps=50.5 --kube-api-burst=100 --resync-period=0 --prevent-volume-mode-conversion",
        "--enable-distributed-snapshotting=false --feature-gates=CSIVolumeGroupSnapshot=false,AllBeta=true",
        "--logging-format=json --vmodule=a=1 --automaxprocs --stderrthreshold=ERROR --alsologtostderr",
    ] {
        assert!(parsed(line).is_ok(), "{line}: {:?}", parsed(line));
    }
}

#[test]
fn retired_flags_are_accepted_with_a_warning_each() {
    let settings = parsed(
        "--enable-volume-group-snapshots=false --create-snapshotcontent-retrycount=5 \
         --create-snapshotcontent-interval=10s --leader-election-type=leases",
    )
    .unwrap();
    assert!(!settings.groups, "the older name of the gate still sets it");
    assert_eq!(settings.diagnostics.warnings.len(), 4);
}

#[test]
fn what_cannot_be_done_is_refused_in_one_line_that_says_so() {
    for (line, words) in [
        ("--worker-threads=0", "1 to 1024"),
        ("--worker-threads=-1", "1 to 1024"),
        ("--worker-threads=many", "worker-threads"),
        ("--retry-interval-start=0s", "retry-interval-start"),
        ("--retry-interval-max=5", "retry-interval-max"),
        ("--kube-api-burst=-1", "kube-api-burst"),
        ("--resync-period=-1s", "resync-period"),
        ("--leader-election=maybe", "leader-election"),
        ("--leader-election --leader-election-lease-duration=5s", "lease-duration"),
        ("--leader-election --leader-election-renew-deadline=5s", "renew-deadline"),
        ("--leader-election --leader-election-retry-period=0s", "retry-period"),
        ("--leader-election --leader-election-namespace=$(NAMESPACE)", "$(NAMESPACE)"),
        ("--http-endpoint=8080", "http-endpoint"),
        ("--logging-format=xml", "logging-format"),
        ("--v=loud", "loud"),
        ("--kubeconfig", "kubeconfig"),
        ("--leader-election false", "\"false\""),
        ("--retry-interval-start=-1s", "retry-interval-start"),
        ("--leader-election --leader-election-renew-deadline=15s", "must be longer"),
        ("--feature-gates=Nonsense=true", "Nonsense"),
        ("--feature-gates=CSIVolumeGroupSnapshot=maybe", "true|false"),
        ("--no-such-flag", "not defined"),
    ] {
        let Err(refused) = parsed(line) else { panic!("{line} is accepted") };
        assert!(refused.contains(words) && refused.lines().count() == 1, "{line}: {refused}");
    }
}

#[test]
fn help_names_every_flag_and_version_the_program() {
    for (flag, start) in [("--help", "snapshot-controller binds"), ("--version", "snapshot-controller ")] {
        let Ok(Command::Print(text)) = parse([OsString::from(flag)], &|_| None) else { panic!("{flag}") };
        assert!(text.starts_with(start), "{text}");
    }
    let Ok(Command::Print(text)) = parse([OsString::from("--help")], &|_| None) else { panic!() };
    for flag in TABLE.iter() {
        assert!(text.contains(&format!("--{}", flag.name)), "--{} is missing", flag.name);
    }
}

/// Every live flag of the reference's controller, with its default.
const REFERENCE: &[(&str, &str)] = &[
    ("kubeconfig", ""),
    ("kube-api-qps", "5"),
    ("kube-api-burst", "10"),
    ("prevent-volume-mode-conversion", "true"),
    ("enable-distributed-snapshotting", "false"),
    ("feature-gates", ""),
    ("worker-threads", "10"),
    ("retry-interval-start", "1s"),
    ("retry-interval-max", "5m"),
    ("resync-period", "15m"),
    ("leader-election", "false"),
    ("leader-election-namespace", ""),
    ("leader-election-lease-duration", "15s"),
    ("leader-election-renew-deadline", "10s"),
    ("leader-election-retry-period", "5s"),
    ("http-endpoint", ""),
    ("metrics-path", "/metrics"),
    ("v", "0"),
    ("logging-format", "text"),
    ("retry-crd-interval-max", "30s"),
    ("automaxprocs", "false"),
    ("version", "false"),
];

#[test]
fn the_document_names_every_flag_that_differs_from_the_reference() {
    let document = include_str!("../../../docs/snapshot-controller.md");
    for (name, _) in REFERENCE {
        assert!(TABLE.iter().any(|flag| flag.name == *name), "--{name} is not known");
    }
    for flag in TABLE.iter().filter(|flag| flag.effect != FlagEffect::Accepted && flag.name != "help") {
        let theirs = REFERENCE.iter().find(|(name, _)| *name == flag.name);
        if theirs.is_none_or(|(_, default)| *default != flag.default) {
            assert!(document.contains(&format!("`--{}`", flag.name)), "--{} is not in it", flag.name);
        }
    }
}
