//! A pass over a content of either kind, for its own sake.

use machinery::cluster::event::Severity;
use machinery::queue::{Key, Then};
use model::facts::Kind;
use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;

use super::render;
use super::user::Acted;
use super::work::{Work, over};
use crate::decide::content::{Step, decide};
use machinery::cluster::write::WriteFailure;
use machinery::queue::worker::PassEnd;

impl Work {
    /// One pass over the content of a key.
    pub async fn content_pass(&self, key: &Key) -> PassEnd {
        self.any_content_pass::<Snapshot>(Kind::Single, key).await
    }

    /// One pass over the group content of a key.
    pub async fn group_content_pass(&self, key: &Key) -> PassEnd {
        self.any_content_pass::<GroupSnapshot>(Kind::Group, key).await
    }

    async fn any_content_pass<U: Acted>(&self, kind: Kind, key: &Key) -> PassEnd {
        over::<U::Content, _>(&self.caches, key, |content| async move {
            let facts = U::facts(&content);
            let owner = &facts.owner;
            let user = U::family(&self.caches).users.get(&format!("{}/{}", owner.namespace, owner.name));
            let has_owner = user.is_some_and(|user| owner.uid == Some(user.uid()));
            let step = decide(&facts, has_owner);
            if !self.may() {
                return PassEnd::well(Then::Done);
            }
            let objects = U::contents(self);
            let written = match step {
                Step::Rest => return PassEnd::well(Then::Done),
                Step::Invalid => {
                    let (reason, sources) = match kind {
                        Kind::Single => ("ContentValidationError", "volumeHandle or snapshotHandle"),
                        Kind::Group => {
                            ("GroupContentValidationError", "volumeHandles or groupSnapshotHandles")
                        }
                    };
                    let message = format!("the content must have exactly one source: {sources}");
                    self.event(&content, Severity::Warning, reason, message);
                    return PassEnd::well(Then::Done);
                }
                Step::Hold => {
                    let hold = |content: &_| render::finalizers(content, &[kind.names().finalizer], &[]);
                    self.write(objects, &content, hold).await
                }
                Step::Release => {
                    self.write_once(objects, &content, &render::release(&content, kind)).await.map(drop)
                }
            };
            match written {
                Ok(()) | Err(WriteFailure::Gone) => PassEnd::well(Then::Done),
                Err(WriteFailure::LostRace) => PassEnd::well(Then::Again),
                Err(WriteFailure::Refused(why) | WriteFailure::Failed(why)) => PassEnd::failed(why),
            }
        })
        .await
    }
}
