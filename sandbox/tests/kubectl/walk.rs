//! Types what examples/README.md says, and sees what it says.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use regex::Regex;
use sandbox::process::Process;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::command::Kubectl;

const README: &str = include_str!("../../../examples/README.md");

/// How long the sandbox may take to start: it may have to build the programs first.
const START: Duration = Duration::from_mins(5);

/// How long it may take until a command shows what it should.
const PATIENCE: Duration = Duration::from_secs(30);

/// The line that ends what a command prints.
const END: &str = "-- end of the command --";

/// Each command with what it prints, in order.
fn steps() -> Vec<(String, Vec<String>)> {
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    for block in README.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap_or_default().lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push((command.to_owned(), Vec::new())),
                (None, Some((_, printed))) => printed.push(line.to_owned()),
                (None, None) => panic!("{line:?} belongs to no command"),
            }
        }
    }
    steps
}

/// What does not differ from one time to the next: without ages, generated names, and the order and the padding of rows.
fn shape(printed: &[String]) -> Vec<String> {
    let generated = Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}").expect("a pattern");
    let age = Regex::new(r"\b([0-9]+m)?[0-9]+s\b").expect("a pattern");
    let line = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let named = generated.replace_all(&words.join(" "), "NAME").into_owned();
        age.replace_all(&named, "AGE").into_owned()
    };
    let mut lines: Vec<String> = printed.iter().map(line).collect();
    lines.sort();
    lines
}

/// A shell in the root of the repository, in which one command after the other is typed.
struct Shell {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Shell {
    fn start(environment: Vec<(String, String)>) -> Shell {
        let mut command = Command::new("sh");
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).envs(environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("a shell");
        let input = child.stdin.take().expect("stdin");
        let output = BufReader::new(child.stdout.take().expect("stdout")).lines();
        Shell { _child: child, input, output }
    }

    async fn run(&mut self, command: &str) -> Vec<String> {
        let typed = format!("{{ {command}\n}} 2>&1\necho '{END}'\n");
        self.input.write_all(typed.as_bytes()).await.expect("typed");
        let mut printed = Vec::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await.expect("an end in time");
            match line.expect("text").expect("the shell goes on") {
                line if line == END => return printed,
                line => printed.push(line),
            }
        }
    }
}

#[tokio::test]
async fn what_the_readme_of_the_examples_says_is_what_one_types_and_sees() {
    if Kubectl::new().await.is_none() {
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.arg("--serve");
    let sandbox = Process::start(command, &home.path().join("log")).expect("starts");
    sandbox.wait_for_line(&["Ctrl-C ends it all"], START).await.expect("serves");
    let log = sandbox.log();
    let exports = log.lines().filter_map(|line| line.trim().strip_prefix("export ")?.split_once('='));
    let mut environment: Vec<_> = exports.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(environment.len(), 2, "{log}");
    environment.push(("HOME".to_owned(), home.path().display().to_string()));
    let mut shell = Shell::start(environment);
    let steps = steps();
    assert!(steps.len() > 30, "{steps:?}");
    for (command, expected) in steps {
        let begun = Instant::now();
        let mut seen = shell.run(&command).await;
        // What is shown may follow a moment later.
        while command.starts_with("kubectl get ")
            && shape(&seen) != shape(&expected)
            && begun.elapsed() < PATIENCE
        {
            seen = shell.run(&command).await;
        }
        assert_eq!(shape(&seen), shape(&expected), "$ {command}\n{}", seen.join("\n"));
    }
}
