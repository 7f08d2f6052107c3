//! The command line of the sandbox.

use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
An environment for csi-snapshotter: an API server in a process and a CSI driver over directories.

  sandbox                 take, restore, delete and import snapshots, and print the time of each step
  sandbox --serve         keep running until Ctrl-C, for the walk with kubectl in examples/README.md
  sandbox bench           measure the sidecar
      --contents N        snapshots to take and delete [300]
      --workers N         the sidecar's --worker-threads [10]
      --qps N             the sidecar's --kube-api-qps and -burst; 0 means no limit [0]
      --ready N           instead, measure its start and its resync with N ready contents [0]
      --foreign N         contents of other drivers that also exist [0]
      --snapshots N       instead, measure both programs with N snapshots of claims and default flags [0]
      --claims N          the number of these claims; 0 means a tenth of the snapshots [0]
  sandbox driver          run only a CSI driver until a signal; a snapshot creates its volume if there is none
      --socket PATH       the socket to listen on
      --root DIRECTORY    the directory of volumes and snapshots; several drivers may use it, one at a time
      --name NAME         the name of the driver [hostdir.csi.sandbox]
      --get-snapshot      claim GET_SNAPSHOT too, which many callers do not know yet
  sandbox --help          print this text

With `cargo run` it builds both programs first; otherwise they must be in the same directory.
Everything except the driver's root is kept in a temporary directory, which is removed at the end.
";

/// The load of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// The number of snapshots to take and delete; at least one.
    pub(crate) contents: usize,
    /// The sidecar's number of worker threads; at least one.
    pub(crate) workers: usize,
    /// The sidecar's limit of API requests in a second; zero means no limit.
    pub(crate) qps: usize,
    /// The number of contents that belong to another driver.
    pub(crate) foreign: usize,
    /// The number of ready contents that exist when the sidecar starts. If it is not zero, no snapshot is taken.
    pub(crate) ready: usize,
    /// The number of VolumeSnapshots for both programs. If it is not zero, nothing else is measured.
    pub(crate) snapshots: usize,
    /// The number of claims that these are taken of. Zero means a tenth of their number.
    pub(crate) claims: usize,
}

impl Default for Load {
    fn default() -> Self {
        Load { contents: 300, workers: 10, qps: 0, foreign: 0, ready: 0, snapshots: 0, claims: 0 }
    }
}

/// The driver that the process runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    /// The path of the socket.
    pub(crate) socket: PathBuf,
    /// The directory of the volumes and snapshots.
    pub(crate) root: PathBuf,
    /// The name of the driver.
    pub(crate) name: String,
    /// Whether it claims to answer `GetSnapshot`.
    pub(crate) get_snapshot: bool,
}

/// The task that the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Print the help.
    Help,
    /// Show how one snapshot is taken, restored and deleted.
    Demo,
    /// Keep running until a signal.
    Serve,
    /// Run the benchmark.
    Bench(Load),
    /// Run as a driver.
    Driver(Role),
}

/// The error in a command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error("unknown argument {0:?}")]
    Unknown(String),
    #[error("{0} wants a number")]
    NoNumber(String),
    #[error("{0} wants a value")]
    NoValue(String),
    #[error("driver needs {0}")]
    Needed(&'static str),
    #[error("{0} must be at least 1")]
    TooFew(&'static str),
}

/// Parses the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Task, ArgumentError> {
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else {
        return Ok(Task::Demo);
    };
    let task = match first.as_str() {
        "--help" | "-h" | "help" => Task::Help,
        "--serve" | "serve" => Task::Serve,
        "bench" => return load(arguments),
        "driver" => return role(arguments),
        _ => return Err(ArgumentError::Unknown(first)),
    };
    arguments.next().map_or(Ok(task), |surplus| Err(ArgumentError::Unknown(surplus)))
}

fn load(mut arguments: impl Iterator<Item = String>) -> Result<Task, ArgumentError> {
    let mut load = Load::default();
    while let Some(argument) = arguments.next() {
        let (name, value) = split(argument);
        let field = match name.as_str() {
            "--help" | "-h" => return Ok(Task::Help),
            "--contents" => &mut load.contents,
            "--workers" => &mut load.workers,
            "--qps" => &mut load.qps,
            "--foreign" => &mut load.foreign,
            "--ready" => &mut load.ready,
            "--snapshots" => &mut load.snapshots,
            "--claims" => &mut load.claims,
            _ => return Err(ArgumentError::Unknown(name)),
        };
        let number = value.or_else(|| arguments.next()).and_then(|text| text.parse().ok());
        *field = number.ok_or(ArgumentError::NoNumber(name))?;
    }
    if load.contents == 0 {
        return Err(ArgumentError::TooFew("--contents"));
    }
    if load.workers == 0 {
        return Err(ArgumentError::TooFew("--workers"));
    }
    Ok(Task::Bench(load))
}

fn role(mut arguments: impl Iterator<Item = String>) -> Result<Task, ArgumentError> {
    let (mut socket, mut root, mut get_snapshot) = (None, None, false);
    let mut own_name = sandbox::driver::Options::default().name;
    while let Some(argument) = arguments.next() {
        if argument == "--get-snapshot" {
            get_snapshot = true;
            continue;
        }
        let (name, value) = split(argument);
        if !["--socket", "--root", "--name"].contains(&name.as_str()) {
            return if name == "--help" || name == "-h" {
                Ok(Task::Help)
            } else {
                Err(ArgumentError::Unknown(name))
            };
        }
        let value = value.or_else(|| arguments.next()).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| ArgumentError::NoValue(name.clone()))?;
        match name.as_str() {
            "--socket" => socket = Some(PathBuf::from(value)),
            "--root" => root = Some(PathBuf::from(value)),
            _ => own_name = value,
        }
    }
    Ok(Task::Driver(Role {
        socket: socket.ok_or(ArgumentError::Needed("--socket"))?,
        root: root.ok_or(ArgumentError::Needed("--root"))?,
        name: own_name,
        get_snapshot,
    }))
}

/// `--name=value`, or the name alone.
fn split(argument: String) -> (String, Option<String>) {
    match argument.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (argument, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, ArgumentError> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_arguments_it_tells_its_story() {
        assert_eq!(parsed(""), Ok(Task::Demo));
        assert_eq!(parsed("--serve"), Ok(Task::Serve));
    }

    #[test]
    fn bench_takes_numbers_in_both_spellings() {
        let load =
            Load { contents: 20, workers: 4, qps: 100, foreign: 10_000, ready: 0, snapshots: 0, claims: 0 };
        let line = "bench --contents 20 --workers=4 --qps 100 --foreign=10000";
        assert_eq!(parsed(line), Ok(Task::Bench(load)));
        assert_eq!(parsed("bench"), Ok(Task::Bench(Load::default())));
    }

    #[test]
    fn a_driver_needs_a_socket_and_a_root() {
        let (socket, root, name) = ("/csi/csi.sock".into(), "/data".into(), "d".to_owned());
        let role = Role { socket, root, name, get_snapshot: false };
        let line = "driver --socket=/csi/csi.sock --root /data --name d";
        assert_eq!(parsed(line), Ok(Task::Driver(role.clone())));
        let claims = Role { get_snapshot: true, ..role };
        assert_eq!(parsed(&format!("{line} --get-snapshot")), Ok(Task::Driver(claims)));
        assert_eq!(parsed("driver --root /data"), Err(ArgumentError::Needed("--socket")));
        assert_eq!(parsed("driver --socket=s"), Err(ArgumentError::Needed("--root")));
        assert_eq!(parsed("driver --socket"), Err(ArgumentError::NoValue("--socket".to_owned())));
        assert_eq!(parsed("driver --sockets s"), Err(ArgumentError::Unknown("--sockets".to_owned())));
        assert_eq!(parsed("driver --help"), Ok(Task::Help));
    }

    #[test]
    fn what_it_does_not_know_it_names() {
        assert_eq!(parsed("--server"), Err(ArgumentError::Unknown("--server".to_owned())));
        assert_eq!(parsed("--serve now"), Err(ArgumentError::Unknown("now".to_owned())));
        assert_eq!(parsed("bench --contents many"), Err(ArgumentError::NoNumber("--contents".to_owned())));
        assert_eq!(parsed("bench --contents"), Err(ArgumentError::NoNumber("--contents".to_owned())));
        assert_eq!(parsed("bench --contents 0"), Err(ArgumentError::TooFew("--contents")));
    }
}
