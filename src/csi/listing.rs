//! Finds one snapshot by ListSnapshots, whatever else the driver lists.
//!
//! Some drivers ignore the handle in the request and list everything page by page. So only an entry with the right id
//! counts, every page is searched until it is found, and no page is kept.

use std::ops::ControlFlow;

use tonic::Code;

use machinery::secrets::Secrets;
use model::reply::{Refusal, TakenSnapshot};

use super::answer::{self, Malformed};
use super::call::malformed;
use super::driver::Driver;
use super::method::Method;
use super::paging::Paging;
use super::proto::{self, ListSnapshotsRequest, ListSnapshotsResponse};

impl Driver {
    /// Looks a handle up by ListSnapshots. `None` means that the driver does not list it.
    pub(super) async fn list_snapshot(
        &self,
        handle: &str,
        secrets: Secrets,
    ) -> Result<Option<TakenSnapshot>, Refusal> {
        let secrets = secrets.into_inner();
        let method = Method::ListSnapshots;
        let mut search = Search::of(handle);
        loop {
            let message = ListSnapshotsRequest {
                starting_token: search.paging.token.clone(),
                snapshot_id: handle.to_owned(),
                secrets: secrets.clone(),
                ..ListSnapshotsRequest::default()
            };
            let page = match self.call::<_, ListSnapshotsResponse>(method, message).await {
                Ok(page) => page,
                Err(failed) if failed.code == Code::Aborted && search.begins_again() => continue,
                Err(failed) => return Err(failed.refusal(&secrets)),
            };
            if let ControlFlow::Break(end) = search.turn(page) {
                let found =
                    end.and_then(|found| found.map(|found| answer::snapshot(Some(found))).transpose());
                return found.map_err(|broken| malformed(method, &broken));
            }
        }
    }
}

/// The result of a search; the error is a list without an end.
type End = Result<Option<proto::Snapshot>, Malformed>;

struct Search<'a> {
    handle: &'a str,
    /// The handle in lower case, since some drivers list an id in another case than they created it.
    plain: String,
    /// The first entry whose id differs only in case.
    alike: Option<proto::Snapshot>,
    paging: Paging,
}

impl<'a> Search<'a> {
    fn of(handle: &'a str) -> Self {
        Self { handle, plain: handle.to_lowercase(), alike: None, paging: Paging::default() }
    }

    /// Goes back to the first page, if the way through the pages may begin again.
    fn begins_again(&mut self) -> bool {
        let again = self.paging.begins_again();
        if again {
            self.alike = None;
        }
        again
    }

    /// Searches a page, and moves on to the next.
    fn turn(&mut self, page: ListSnapshotsResponse) -> ControlFlow<End> {
        let is_empty = page.entries.is_empty();
        for snapshot in page.entries.into_iter().filter_map(|entry| entry.snapshot) {
            if snapshot.snapshot_id == self.handle {
                return ControlFlow::Break(Ok(Some(snapshot)));
            }
            if self.alike.is_none() && snapshot.snapshot_id.to_lowercase() == self.plain {
                self.alike = Some(snapshot);
            }
        }
        self.paging.turn(is_empty, page.next_token).map_break(|end| end.map(|()| self.alike.take()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::paging::{MOST_BEGINNINGS, MOST_EMPTY_PAGES, MOST_PAGES};
    use super::*;

    fn page(ids: &[&str], next_token: &str) -> ListSnapshotsResponse {
        let entry = |id: &&str| {
            let snapshot = proto::Snapshot { snapshot_id: (*id).to_owned(), ..proto::Snapshot::default() };
            proto::list_snapshots_response::Entry { snapshot: Some(snapshot) }
        };
        ListSnapshotsResponse { entries: ids.iter().map(entry).collect(), next_token: next_token.to_owned() }
    }

    /// The result of a search for "snap-ö" in these pages, and how many pages it read.
    fn search(
        pages: impl IntoIterator<Item = ListSnapshotsResponse>,
    ) -> (Result<Option<String>, Malformed>, u32) {
        let mut search = Search::of("snap-ö");
        for (number, page) in (1..).zip(pages) {
            if let ControlFlow::Break(end) = search.turn(page) {
                return (end.map(|found| found.map(|found| found.snapshot_id)), number);
            }
        }
        panic!("the search has no end");
    }

    #[test]
    fn an_equal_id_is_found_on_any_page_and_preferred_to_one_in_another_case() {
        let pages = [page(&["SNAP-Ö", "other"], "2"), page(&[], "3"), page(&["x", "snap-ö"], "4")];
        assert_eq!(search(pages), (Ok(Some("snap-ö".to_owned())), 3));
    }

    #[test]
    fn an_id_that_differs_only_in_case_is_found_after_the_last_page() {
        let pages = [page(&["Snap-Ö", "SNAP-Ö"], "2"), page(&["other"], "")];
        assert_eq!(search(pages), (Ok(Some("Snap-Ö".to_owned())), 2));
    }

    #[test]
    fn an_entry_with_another_id_never_matches_even_if_it_is_the_only_one() {
        let mut nothing_in_it = page(&["snap"], "");
        nothing_in_it.entries.push(proto::list_snapshots_response::Entry::default());
        assert_eq!(search([page(&["other"], "")]), (Ok(None), 1));
        assert_eq!(search([nothing_in_it]), (Ok(None), 1));
    }

    #[test]
    fn a_cycle_of_pages_of_any_length_is_detected() {
        for length in [1_u32, 2, 3, 7, 100] {
            for lead in [0, 1, 5] {
                let pages = (0_u32..).map(|at| {
                    let token =
                        if at < lead { format!("lead {at}") } else { format!("{}", (at - lead) % length) };
                    page(&["other"], &token)
                });
                let (end, looked_at) = search(pages);
                assert_eq!(end, Err(Malformed::SamePage));
                assert!(looked_at <= 4 * (length + lead) + 4, "{length}, {lead}: {looked_at}");
            }
        }
    }

    #[test]
    fn an_endless_list_is_given_up_and_sooner_if_its_pages_are_empty() {
        let pages = |ids: &'static [&str]| (0..).map(move |at: u64| page(ids, &at.to_string()));
        assert_eq!(search(pages(&[])), (Err(Malformed::Endless(MOST_EMPTY_PAGES)), MOST_EMPTY_PAGES));
        assert_eq!(search(pages(&["other"])), (Err(Malformed::Endless(MOST_PAGES)), MOST_PAGES));
    }

    #[test]
    fn the_first_page_is_not_repeated_and_expired_tokens_are_limited() {
        let mut search = Search::of("snap-ö");
        assert!(!search.begins_again());
        for beginning in 1..=MOST_BEGINNINGS {
            assert!(search.turn(page(&["other"], "2")).is_continue());
            assert_eq!(search.begins_again(), beginning < MOST_BEGINNINGS);
        }
    }
}
