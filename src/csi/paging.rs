//! The way through the pages of ListSnapshots, which ends even if the driver's list does not.

use std::ops::ControlFlow;

use super::answer::Malformed;

/// Pages after which a list counts as endless. No storage fills so many.
pub(super) const MOST_PAGES: u32 = 100_000;
/// Empty pages in a row after which a list counts as endless. Drivers that filter after paging send a few.
pub(super) const MOST_EMPTY_PAGES: u32 = 1000;
/// How often a list may begin, since an expired token sends it back to the first page.
pub(super) const MOST_BEGINNINGS: u32 = 4;

/// Where we are in a list.
#[derive(Debug)]
pub(super) struct Paging {
    /// The token of the page to ask for next.
    pub token: String,
    /// An earlier token, replaced by the latest whenever the number of pages has doubled. A cycle of any length
    /// contains it sooner or later, so this one token is enough to detect a cycle (Brent's algorithm).
    mark: String,
    pages: u32,
    empty_pages: u32,
    beginnings: u32,
}

impl Default for Paging {
    fn default() -> Self {
        Self { token: String::new(), mark: String::new(), pages: 0, empty_pages: 0, beginnings: 1 }
    }
}

impl Paging {
    /// Goes back to the first page after a token expired. Returns false on the first page itself, or after too many
    /// times.
    pub fn begins_again(&mut self) -> bool {
        if self.token.is_empty() || self.beginnings == MOST_BEGINNINGS {
            return false;
        }
        *self = Self { beginnings: self.beginnings + 1, ..Self::default() };
        true
    }

    /// Moves on from a page to the next. It breaks after the last page, or with an error for a list without an end.
    pub fn turn(&mut self, is_empty: bool, next_token: String) -> ControlFlow<Result<(), Malformed>> {
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        self.pages += 1;
        if next_token.is_empty() {
            return ControlFlow::Break(Ok(()));
        }
        if next_token == self.token || next_token == self.mark {
            return ControlFlow::Break(Err(Malformed::SamePage));
        }
        if self.pages == MOST_PAGES || self.empty_pages == MOST_EMPTY_PAGES {
            return ControlFlow::Break(Err(Malformed::Endless(self.pages)));
        }
        if self.pages.is_power_of_two() {
            self.mark.clone_from(&next_token);
        }
        self.token = next_token;
        ControlFlow::Continue(())
    }
}
