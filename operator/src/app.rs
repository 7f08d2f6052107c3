//! From the command line to the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use clap::error::ErrorKind;

use crate::arguments::{Arguments, Command};
use crate::session::Session;
use crate::text::out::tell;
use crate::unread::{Unread, Why};
use crate::{check, list, why};

/// Exit code for an invalid command line: 1 and 2 are verdicts (sysexits.h has this one).
const USAGE: u8 = 64;
/// Exit code where nothing could be looked at.
const BLIND: u8 = 2;

/// Does what the command line asks for.
#[must_use]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(told) => {
            // A closed pipe is not an error: the reader has read enough.
            let _ = told.print();
            let is_answer = matches!(told.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if is_answer { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    let ended = block_on(run(arguments));
    ended.unwrap_or_else(|error| {
        tell(&format!("error: {error:#}{}", remedy(&error)));
        ExitCode::from(BLIND)
    })
}

/// What to do about a read that failed, unless its text says so.
fn remedy(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Unread>() {
        Some(unread) if unread.why != Why::MayNot => format!("; {}", unread.remedy()),
        Some(_) | None => String::new(),
    }
}

fn block_on<T>(run: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot build the async runtime")?;
    runtime.block_on(run)
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let session = Session::open(&arguments.connection).await?;
    match arguments.command {
        Command::List(args) => Box::pin(list::run(&session, &args)).await,
        Command::Check(args) => Box::pin(check::run(&session, &args)).await,
        Command::Why(args) => Box::pin(why::run(&session, &args)).await,
    }
}
