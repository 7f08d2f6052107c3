//! The program: a demonstration, a sandbox that keeps running, a benchmark, or a driver alone.

mod arguments;
mod bench;
mod demo;
mod examples;
mod objects;
mod place;
mod program;

use std::process::ExitCode;

use sandbox::driver;

use self::arguments::{Role, Task};

fn main() -> ExitCode {
    let task = match arguments::parse(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(complaint) => {
            eprintln!("sandbox: {complaint}; try --help");
            return ExitCode::from(2);
        }
    };
    if task == Task::Help {
        print!("{}", arguments::HELP);
        return ExitCode::SUCCESS;
    }
    match run(&task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nsandbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> anyhow::Result<()> {
    // It fails only if a provider is installed already, and nothing else installs one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            // When one of them ends, the other is dropped together with its processes and its temporary directory.
            outcome = perform(task.clone()) => outcome,
            ended = asked_to_end() => match task {
                Task::Serve | Task::Driver(_) => ended,
                Task::Help | Task::Demo | Task::Bench(_) => {
                    ended.and_then(|()| anyhow::bail!("ended by a signal; everything it made is removed"))
                }
            },
        }
    })
}

async fn perform(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Help => Ok(()),
        Task::Demo => demo::run().await,
        Task::Serve => demo::serve().await,
        Task::Bench(load) => bench::run(load).await,
        Task::Driver(role) => be_driver(role).await,
    }
}

/// Runs a driver on a socket until it is dropped.
async fn be_driver(role: Role) -> anyhow::Result<()> {
    let Role { socket, root, name, get_snapshot } = role;
    let options = driver::Options {
        name,
        root,
        capabilities: driver::Capabilities { get_snapshot, ..driver::Capabilities::default() },
        make_missing_volumes: true,
        shared: true,
    };
    let line = format!("the driver {} answers on {}", options.name, socket.display());
    let _driver = driver::Driver::start(&socket, options).await?;
    println!("{line}");
    std::future::pending().await
}

/// Waits for Ctrl-C or SIGTERM.
async fn asked_to_end() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
