//! What the rules see of a content, for its own sake.

use machinery::object::Object;
use model::content::VolumeSnapshotContent;
use model::facts::Content;
use model::group_content::VolumeGroupSnapshotContent;
use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;

use super::view::Look;
use crate::decide::content::{self, decide};
use crate::decide::place::Place;
use crate::wake::UserKind;

impl Look<'_> {
    /// The next step of the content of a VolumeSnapshot, for its own sake.
    #[must_use]
    pub fn content(&self, content: &VolumeSnapshotContent) -> content::Step {
        self.any_content::<Snapshot>(content, self.place_of(content).as_ref())
    }

    /// The next step of the content of a VolumeGroupSnapshot, for its own sake.
    #[must_use]
    pub fn group_content(&self, content: &VolumeGroupSnapshotContent) -> content::Step {
        self.any_content::<GroupSnapshot>(content, None)
    }

    fn any_content<U: UserKind>(&self, content: &Object<U::Content>, place: Option<&Place>) -> content::Step {
        decide(&content.facts(), self.owner_of::<U>(content).is_some(), place)
    }
}
