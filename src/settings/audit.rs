//! The flags of `csi-snapshotter audit`: those that it shares with the sidecar are the sidecar's own.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use machinery::cli::{Flag, Given, Page, Table, UsageError};
use machinery::cluster::limit::Rate;
use machinery::settings::flags::{
    HELP, KUBE_API_BURST, KUBE_API_QPS, KUBECONFIG, LOGGING_FORMAT, V, VERSION,
};
use machinery::settings::{self as shared, Checked, Diagnostics, Env, bad};

use super::check::{self, SnapshotName};
use super::flags as flag;
use crate::program::PROGRAM;

const AUDIT: &str = "Audit";

const OLDER_THAN: Flag<Duration> = Flag::new(
    AUDIT,
    "older-than",
    "1h",
    "report only what is older, so that a snapshot being taken is no finding",
);
const OUTPUT: Flag<String> = Flag::new(AUDIT, "output", "table", "table or json; -o is short for it");

/// All flags, in the order of the help text.
pub static TABLE: Table = Table(&[&[
    OLDER_THAN.spec,
    OUTPUT.spec,
    flag::CSI_ADDRESS.spec,
    flag::TIMEOUT.spec,
    KUBECONFIG.spec,
    KUBE_API_QPS.spec,
    KUBE_API_BURST.spec,
    flag::NAME_PREFIX.spec,
    flag::NAME_UUID_LENGTH.spec,
    flag::GROUP_NAME_PREFIX.spec,
    flag::GROUP_NAME_UUID_LENGTH.spec,
    flag::NODE_DEPLOYMENT.spec,
    V.spec,
    LOGGING_FORMAT.spec,
    VERSION.spec,
    HELP.spec,
]]);

/// The rest of the help text.
pub const PAGE: Page = Page {
    program: "csi-snapshotter audit",
    does: "compares the snapshots that the driver lists with the contents in the cluster, once.\n\
           It prints what it finds. It deletes and changes nothing.",
    environment: &[
        ("NODE_NAME", "node to look after, with --node-deployment"),
        ("HTTPS_PROXY", "proxy to the API server"),
        ("NO_PROXY", "hosts that are asked without a proxy"),
    ],
    parts: &[
        (
            "Findings",
            &[
                ("unreferenced", "in the storage, and no content names it"),
                ("missing", "a content names it, and the driver does not know it"),
                ("doubtful", "nobody knows whether the storage holds a snapshot of this content"),
                ("twice referenced", "several contents name it, and one of them would delete it"),
            ],
        ),
        (
            "Exit codes",
            &[
                ("0", "clean: everything was looked at, and there is no finding"),
                ("1", "could not look: what was seen is printed, but there may be more"),
                ("2", "the command line is invalid"),
                ("3", "everything was looked at, and there are findings"),
            ],
        ),
    ],
};

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Table,
    Json,
}

/// The configuration of an audit.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `--kubeconfig`. Without it, the pod's service account is used.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// `--csi-address` without `unix://`.
    pub csi_address: PathBuf,
    /// `--timeout`, the limit of every driver call, and of finding the driver.
    pub(crate) timeout: Duration,
    /// `--kube-api-*`.
    pub(crate) api: Rate,
    /// `--snapshot-name-*` and `--groupsnapshot-name-*`, by which names of ours are recognised.
    pub(crate) names: [SnapshotName; 2],
    /// NODE_NAME, with `--node-deployment`.
    pub(crate) node: Option<String>,
    /// `--older-than`.
    pub older_than: Duration,
    /// `--output`.
    pub(crate) output: Output,
    /// The log.
    pub diagnostics: Diagnostics,
}

/// What the command line asks for.
pub type Command = shared::Command<Settings>;

/// Parses the arguments after the word `audit`.
///
/// # Errors
/// [`UsageError`], one line that names the mistake. The exit code is 2.
pub fn parse(words: impl IntoIterator<Item = OsString>, env: Env<'_>) -> Result<Command, UsageError> {
    shared::parse(PROGRAM, (PAGE, TABLE), words, |given| read(given, env))
}

fn read(given: &Given, env: Env<'_>) -> Checked<Settings> {
    let output = match given.get(&OUTPUT).as_str() {
        "table" => Output::Table,
        "json" => Output::Json,
        other => return Err(bad(&OUTPUT, other, "write table or json")),
    };
    Ok(Settings {
        kubeconfig: given.non_empty(&KUBECONFIG).map(PathBuf::from),
        csi_address: check::socket(given)?,
        timeout: shared::above_zero(given, &flag::TIMEOUT)?,
        api: shared::rate(given)?,
        names: [
            check::name(given, &flag::NAME_PREFIX, &flag::NAME_UUID_LENGTH)?,
            check::name(given, &flag::GROUP_NAME_PREFIX, &flag::GROUP_NAME_UUID_LENGTH)?,
        ],
        node: check::node(given, env)?,
        older_than: given.get(&OLDER_THAN),
        output,
        diagnostics: shared::diagnostics(given, env, TABLE)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use machinery::cli::{FlagEffect, help};

    fn parsed(line: &str) -> Result<Command, UsageError> {
        parse(line.split_whitespace().map(OsString::from), &|_| None)
    }

    fn settings(line: &str) -> Settings {
        match parsed(line) {
            Ok(Command::Run(settings)) => *settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_output_is_a_table_or_json_in_all_spellings() {
        assert_eq!(settings("").output, Output::Table);
        for line in ["-o json", "-o=json", "--output=json", "--output json"] {
            assert_eq!(settings(line).output, Output::Json, "{line}");
        }
        let refused = parsed("-o yaml").unwrap_err().to_string();
        assert!(refused.contains("write table or json"), "{refused}");
    }

    #[test]
    fn shared_flags_have_the_meaning_and_the_default_of_the_sidecar() {
        for own in TABLE.iter().filter(|own| !["older-than", "output"].contains(&own.name)) {
            let theirs = super::super::flags::TABLE.iter().find(|theirs| theirs.name == own.name);
            assert_eq!(Some(own), theirs);
        }
        assert_eq!(settings("").older_than, Duration::from_hours(1));
        assert_eq!(
            settings("--csi-address=unix:///csi/csi.sock").csi_address.to_str(),
            Some("/csi/csi.sock")
        );
    }

    #[test]
    fn the_help_fits_a_terminal_and_names_findings_codes_and_flags() {
        let text = help(PAGE, TABLE);
        for words in
            ["unreferenced", "Exit codes:", "could not look", "--older-than duration", "(default 1h)"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 130), "{text}");
        assert!(TABLE.iter().all(|flag| flag.effect == FlagEffect::Live));
        assert!(!text.contains("klog") && !text.contains("Retired"), "{text}");
    }

    #[test]
    fn a_flag_that_only_the_sidecar_has_is_refused() {
        let refused = parsed("--worker-threads=3").unwrap_err().to_string();
        assert!(refused.contains("worker-threads"), "{refused}");
    }
}
