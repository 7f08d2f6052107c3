//! Asks the driver once more for what the list alone does not prove.
//!
//! A list that is read in pages may leave out what was there all the time: where tokens are positions, a deletion on an
//! earlier page moves everything by one. And some drivers list only a part of what they know.

use machinery::secrets::Secrets;
use model::reply::TakenSnapshot;

use super::compare::Findings;
use super::report::Asked;
use crate::csi::Driver;

/// Questions at most. Each may make a driver search its whole list.
const MOST_QUESTIONS: usize = 100;
/// Failed questions after which no more are asked.
const MOST_FAILURES: usize = 3;
const UNKNOWN: &str = "the driver does not know the handle";
const NOT_ASKED: &str = "the list lacks it, and the driver was not asked for it";

/// The questions that are left.
struct Questions<'a> {
    driver: &'a Driver,
    left: usize,
    failures: usize,
}

enum Reply {
    Known,
    Unknown,
    Failed(String),
    NotAsked,
}

impl Questions<'_> {
    async fn ask(&mut self, handle: &str) -> Reply {
        if self.left == 0 || self.failures == MOST_FAILURES {
            return Reply::NotAsked;
        }
        self.left -= 1;
        match self.driver.find_snapshot(handle, Secrets::default()).await {
            Ok(Some(_)) => Reply::Known,
            Ok(None) => Reply::Unknown,
            Err(refusal) => {
                self.failures += 1;
                Reply::Failed(refusal.message)
            }
        }
    }
}

/// Asks for the missing handles, and takes those out that the driver knows. Returns the others with the reply, and how
/// many were taken out.
pub(super) async fn missing(driver: &Driver, findings: &mut Findings) -> (Vec<Asked>, usize) {
    let mut questions = Questions { driver, left: MOST_QUESTIONS, failures: 0 };
    let (mut asked, mut known) = (Vec::new(), 0);
    for missing in std::mem::take(&mut findings.lost) {
        let note = match questions.ask(&missing.handle).await {
            Reply::Known => {
                known += 1;
                continue;
            }
            Reply::Unknown => UNKNOWN.to_owned(),
            Reply::Failed(why) => format!("the list lacks it, and nothing more is known: {why}"),
            Reply::NotAsked => NOT_ASKED.to_owned(),
        };
        asked.push((missing, Some(note)));
    }
    findings.missing -= known;
    (asked, known)
}

/// Takes those out of the unreferenced snapshots without a creation time that are gone by now: they were being deleted
/// while the list was read.
pub(super) async fn gone(driver: &Driver, findings: &mut Findings) {
    let mut questions = Questions { driver, left: MOST_QUESTIONS, failures: 0 };
    let mut kept: Vec<TakenSnapshot> = Vec::with_capacity(findings.strays.len());
    for stray in std::mem::take(&mut findings.strays) {
        let is_asked = stray.creation_time.is_none();
        if is_asked && matches!(questions.ask(&stray.handle).await, Reply::Unknown) {
            findings.unreferenced -= 1;
            findings.unreferenced_bytes -= i128::from(stray.size.unwrap_or(0));
        } else {
            kept.push(stray);
        }
    }
    findings.strays = kept;
}
