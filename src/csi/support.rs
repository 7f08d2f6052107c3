//! Which answers about group snapshots are news for the log.

/// What the log has said about groups.
#[derive(Debug, Default)]
pub(super) struct GroupSupport {
    /// The driver's last answer.
    taken: Option<bool>,
    /// Whether the question has failed since.
    in_doubt: bool,
}

/// What an answer changes, compared with what was logged before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Nothing,
    Taken,
    NotTaken,
    TakenNow,
    NoMore,
}

impl GroupSupport {
    /// Records that the question failed. Returns whether that is news.
    pub(super) fn doubt(&mut self) -> bool {
        !std::mem::replace(&mut self.in_doubt, true)
    }

    pub(super) fn answer(&mut self, taken: bool) -> News {
        let before = std::mem::replace(self, Self { taken: Some(taken), in_doubt: false });
        match (before.taken, before.in_doubt, taken) {
            (Some(known), false, now) if known == now => News::Nothing,
            (None, false, true) => News::Taken,
            (_, _, true) => News::TakenNow,
            (Some(true), _, false) => News::NoMore,
            (_, _, false) => News::NotTaken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_news_once() {
        let mut known = GroupSupport::default();
        assert_eq!(known.answer(true), News::Taken);
        assert_eq!(known.answer(true), News::Nothing);
        assert!(known.doubt() && !known.doubt());
        assert_eq!(known.answer(true), News::TakenNow);
        assert!(known.doubt());
        assert_eq!(known.answer(false), News::NoMore);
        assert_eq!(known.answer(false), News::Nothing);
        assert_eq!(known.answer(true), News::TakenNow);
        let mut fresh = GroupSupport::default();
        assert!(fresh.doubt());
        assert_eq!(fresh.answer(false), News::NotTaken);
        assert_eq!(GroupSupport::default().answer(false), News::NotTaken);
    }
}
