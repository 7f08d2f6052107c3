//! The command line of the sandbox.

/// What `--help` prints.
pub(crate) const HELP: &str = "\
A place to run csi-snapshotter in: an API server in a process and a CSI driver over directories.

  sandbox                 take, restore and delete one snapshot, and show when each step happened
  sandbox --serve         stay up, with a volume to snapshot, until Ctrl-C
  sandbox bench           measure the sidecar
      --contents N        snapshots to take and delete [300]
      --workers N         the sidecar's --worker-threads [10]
      --qps N             the sidecar's --kube-api-qps and -burst; 0 lifts the limit [0]
      --foreign N         contents of other drivers that are there as well [0]
  sandbox --help          this text

Run by cargo, it builds the sidecar first; otherwise csi-snapshotter has to lie beside it.
Everything is kept in a temporary directory, which is removed at the end.
";

/// How much the benchmark does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// Snapshots to take and delete; at least one.
    pub(crate) contents: usize,
    /// Worker threads of the sidecar; at least one.
    pub(crate) workers: usize,
    /// API requests a second that the sidecar allows itself; zero lifts the limit.
    pub(crate) qps: usize,
    /// Contents that name another driver.
    pub(crate) foreign: usize,
}

impl Default for Load {
    fn default() -> Self {
        Load { contents: 300, workers: 10, qps: 0, foreign: 0 }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Print the help.
    Help,
    /// Show one snapshot's life.
    Demo,
    /// Stay up.
    Serve,
    /// Measure.
    Bench(Load),
}

/// Why the command line makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Complaint {
    #[error("unknown argument {0:?}")]
    Unknown(String),
    #[error("{0} wants a number")]
    NoNumber(String),
    #[error("{0} must be at least 1")]
    TooFew(&'static str),
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Task, Complaint> {
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else {
        return Ok(Task::Demo);
    };
    let task = match first.as_str() {
        "--help" | "-h" | "help" => Task::Help,
        "--serve" | "serve" => Task::Serve,
        "bench" => return load(arguments),
        _ => return Err(Complaint::Unknown(first)),
    };
    arguments.next().map_or(Ok(task), |surplus| Err(Complaint::Unknown(surplus)))
}

fn load(mut arguments: impl Iterator<Item = String>) -> Result<Task, Complaint> {
    let mut load = Load::default();
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        let field = match name.as_str() {
            "--help" | "-h" => return Ok(Task::Help),
            "--contents" => &mut load.contents,
            "--workers" => &mut load.workers,
            "--qps" => &mut load.qps,
            "--foreign" => &mut load.foreign,
            _ => return Err(Complaint::Unknown(name)),
        };
        let number = value.or_else(|| arguments.next()).and_then(|text| text.parse().ok());
        *field = number.ok_or(Complaint::NoNumber(name))?;
    }
    if load.contents == 0 {
        return Err(Complaint::TooFew("--contents"));
    }
    if load.workers == 0 {
        return Err(Complaint::TooFew("--workers"));
    }
    Ok(Task::Bench(load))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, Complaint> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_arguments_it_tells_its_story() {
        assert_eq!(parsed(""), Ok(Task::Demo));
        assert_eq!(parsed("--serve"), Ok(Task::Serve));
    }

    #[test]
    fn bench_takes_numbers_in_both_spellings() {
        let load = Load { contents: 20, workers: 4, qps: 100, foreign: 10_000 };
        let line = "bench --contents 20 --workers=4 --qps 100 --foreign=10000";
        assert_eq!(parsed(line), Ok(Task::Bench(load)));
        assert_eq!(parsed("bench"), Ok(Task::Bench(Load::default())));
    }

    #[test]
    fn what_it_does_not_know_it_names() {
        assert_eq!(parsed("--server"), Err(Complaint::Unknown("--server".to_owned())));
        assert_eq!(parsed("--serve now"), Err(Complaint::Unknown("now".to_owned())));
        assert_eq!(parsed("bench --contents many"), Err(Complaint::NoNumber("--contents".to_owned())));
        assert_eq!(parsed("bench --contents"), Err(Complaint::NoNumber("--contents".to_owned())));
        assert_eq!(parsed("bench --contents 0"), Err(Complaint::TooFew("--contents")));
    }
}
