//! The command line: three commands, and the flags of kubectl that say which cluster, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use machinery::cli::duration;

const AFTER: &str = "\
Examples:
  kubectl snapshots why nightly -n team     why is it not ready, and whose turn is it?
  kubectl snapshots check                   is this cluster fit for snapshots?
  kubectl snapshots list -A -w              all snapshots, and what changes

kubectl finds this program by its name, kubectl-snapshots, on the PATH. It only reads. The rights that it \
                     needs are in deploy/operator/rbac.yaml.";

/// What a snapshot waits for, and whether a cluster is fit for snapshots.
#[derive(Debug, Parser)]
#[command(name = "kubectl-snapshots", bin_name = "kubectl snapshots", version, after_help = AFTER)]
pub struct Arguments {
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Which cluster, and as whom, with the names that kubectl has.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which cluster, and as whom")]
pub struct Connection {
    /// The context of the kubeconfig [default: the current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The kubeconfig [default: those of $KUBECONFIG, else ~/.kube/config, else the pod's account]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace [default: that of the context]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Look as this user, if you may impersonate it
    #[arg(long = "as", global = true, value_name = "USER")]
    pub user: Option<String>,
    /// Look as a member of this group, too; may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", requires = "user")]
    pub groups: Vec<String>,
    /// How long one request may take, such as 5s or 1m; 0 for as long as it takes
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub request_timeout: Duration,
}

/// A duration; a number alone counts seconds, as in kubectl.
fn time(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    duration::parse(text).map_err(|bad| bad.to_string())
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say why a snapshot is not ready, whose turn it is, and what happens next
    Why(WhyArgs),
    /// Say whether the cluster is fit for snapshots, one line for each thing that matters
    Check(CheckArgs),
    /// List snapshots with what `kubectl get` does not show
    #[command(visible_alias = "ls")]
    List(ListArgs),
}

const WHY: &str = "The exit code is 0 if it is ready or at rest, 1 if it waits or something is wrong, and 2 if that cannot be \
                   told.";

/// The arguments of `why`.
#[derive(Debug, Args)]
#[command(after_help = WHY)]
pub struct WhyArgs {
    /// A VolumeSnapshot, or vsc/NAME, vgs/NAME, vgsc/NAME or pvc/NAME
    #[arg(value_name = "NAME")]
    pub name: String,
    /// As data: json or yaml
    #[arg(short, long, value_name = "FORM", hide_possible_values = true)]
    pub output: Option<Data>,
}

const CHECK: &str = "The exit code is 0 if all is well, 1 if there are warnings, and 2 if something failed.";

/// The arguments of `check`.
#[derive(Debug, Default, Args)]
#[command(after_help = CHECK)]
pub struct CheckArgs {
    /// The service account of the snapshot-controller [default: that of the pod that holds its Lease]
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = account)]
    pub controller_account: Option<Account>,
    /// The service account of a sidecar; may be repeated [default: those of the pods that hold the Leases]
    #[arg(long = "sidecar-account", value_name = "NAMESPACE/NAME", value_parser = account)]
    pub sidecar_accounts: Vec<Account>,
    /// As data: json or yaml
    #[arg(short, long, value_name = "FORM", hide_possible_values = true)]
    pub output: Option<Data>,
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

fn account(text: &str) -> Result<Account, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(Account { namespace: namespace.to_owned(), name: name.to_owned() })
        }
        Some(_) | None => Err("write it as namespace/name".to_owned()),
    }
}

/// The arguments of `list`.
#[derive(Debug, Default, Args)]
pub struct ListArgs {
    /// Those of all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only those that a label selector selects
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Go on, and show what changes
    #[arg(short, long)]
    pub watch: bool,
    /// With more columns: wide; or as data: json or yaml
    #[arg(short, long, value_name = "FORM", hide_possible_values = true)]
    pub output: Option<ListForm>,
}

/// Forms of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Data {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// Forms of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListForm {
    /// A table with more columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_is_for_people() {
        insta::assert_snapshot!(Arguments::command().render_help().to_string());
    }

    #[test]
    fn the_flags_of_kubectl_may_stand_before_and_after_the_command() {
        for line in [
            "k --context c -n n --as u --as-group g list -A",
            "k list -A --context c -n n --as u --as-group g",
        ] {
            let Connection { context, namespace, user, groups, .. } = parsed(line).unwrap().connection;
            assert_eq!((context.as_deref(), namespace.as_deref()), (Some("c"), Some("n")));
            assert_eq!((user.as_deref(), groups), (Some("u"), vec!["g".to_owned()]));
        }
    }

    #[test]
    fn groups_without_a_user_and_half_an_account_are_refused() {
        assert!(parsed("k --as-group g list").is_err());
        assert!(parsed("k check --sidecar-account here").is_err());
        let Command::Check(args) = parsed("k check --sidecar-account n/a").unwrap().command else { panic!() };
        assert_eq!(args.sidecar_accounts[0].to_string(), "n/a");
    }

    #[test]
    fn a_timeout_is_a_duration_or_a_number_of_seconds() {
        for (text, expected) in [("5", 5_000), ("0", 0), ("1m", 60_000), ("300ms", 300)] {
            let found = parsed(&format!("k check --request-timeout {text}")).unwrap();
            assert_eq!(found.connection.request_timeout, Duration::from_millis(expected), "{text}");
        }
        assert!(parsed("k check --request-timeout soon").is_err());
    }
}
