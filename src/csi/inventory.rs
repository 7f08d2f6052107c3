//! Reads the whole list of snapshots, page by page, for the audit.
//!
//! No sidecar asks for the whole list, so drivers have had little occasion to get it right. A list is therefore bounded as
//! a search is, and what was seen before a failure is kept.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use tonic::Code;

use model::reply::{Refusal, TakenSnapshot};

use super::answer;
use super::call::{Failed, malformed};
use super::driver::Driver;
use super::method::Method;
use super::paging::Paging;
use super::proto::{ListSnapshotsRequest, ListSnapshotsResponse};

/// Entries that are asked for in a page. Some storages accept no more than a thousand, and some no fewer than five.
const PAGE: i32 = 500;

/// How far a list was read.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Pages that the driver answered, those that were asked for again included.
    pub pages: u32,
    /// Entries without an id, which nothing can be said about.
    pub nameless: u64,
    /// Why it was not read to its end.
    pub end: Result<(), Refusal>,
}

impl Driver {
    /// Hands each snapshot of the driver's list to `see`. After an expired token the list begins again, so a snapshot may
    /// come more than once.
    pub(crate) async fn each_snapshot(&self, mut see: impl FnMut(TakenSnapshot)) -> Listed {
        let mut listed = Listed { pages: 0, nameless: 0, end: Ok(()) };
        let (mut paging, mut max_entries) = (Paging::default(), PAGE);
        loop {
            let message = ListSnapshotsRequest {
                max_entries,
                starting_token: paging.token.clone(),
                ..ListSnapshotsRequest::default()
            };
            let page = match self.call::<_, ListSnapshotsResponse>(Method::ListSnapshots, message).await {
                Ok(page) => page,
                Err(failed) if failed.code == Code::Aborted && paging.begins_again() => continue,
                Err(failed) if refuses_pages(&failed, &paging, max_entries) => {
                    max_entries = 0;
                    continue;
                }
                Err(failed) => {
                    listed.end = Err(failed.refusal(&BTreeMap::new()));
                    return listed;
                }
            };
            listed.pages += 1;
            let is_empty = page.entries.is_empty();
            for entry in page.entries {
                match answer::snapshot(entry.snapshot) {
                    Ok(snapshot) => see(snapshot),
                    Err(_) => listed.nameless += 1,
                }
            }
            if let ControlFlow::Break(end) = paging.turn(is_empty, page.next_token) {
                listed.end = end.map_err(|broken| malformed(Method::ListSnapshots, &broken));
                return listed;
            }
        }
    }
}

/// Whether the driver may refuse the number of entries rather than the list.
fn refuses_pages(failed: &Failed, paging: &Paging, max_entries: i32) -> bool {
    let code = matches!(failed.code, Code::InvalidArgument | Code::OutOfRange);
    code && max_entries != 0 && paging.token.is_empty()
}
