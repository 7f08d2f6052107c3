//! A pass over a content, for its own sake.

use machinery::queue::{Key, Then};
use machinery::{cluster::event::Severity, cluster::write::WriteFailure, queue::worker::PassEnd};
use model::{content::SingleContent, facts::Kind};

use super::render;
use super::work::{Work, over};
use crate::decide::content::{Owner, Step, decide};

impl Work {
    /// One pass over the content of a key.
    pub async fn content_pass(&self, key: &Key) -> PassEnd {
        over::<SingleContent, _>(&self.caches, key, |content, ()| async move {
            let owner = &content.body.owner;
            let snapshot = self.caches.snapshots.get(&format!("{}/{}", owner.namespace, owner.name));
            let snapshot = snapshot.filter(|snapshot| owner.uid.as_deref() == Some(snapshot.uid()));
            let step = decide(&content, snapshot.as_deref().map_or(Owner::Gone, Owner::Here));
            if !self.may() {
                return PassEnd::well(Then::Done);
            }
            let written = match step {
                Step::Rest => return PassEnd::well(Then::Done),
                Step::Invalid => {
                    let message =
                        "the content must have exactly one source: volumeHandle or snapshotHandle".to_owned();
                    self.event(&content, Severity::Warning, "ContentValidationError", message);
                    return PassEnd::well(Then::Done);
                }
                Step::Hold => {
                    let hold =
                        |content: &_| render::finalizers(content, &[Kind::Single.names().finalizer], &[]);
                    self.write(&self.contents, &content, hold).await
                }
                Step::Release => {
                    self.write_once(&self.contents, &content, &render::release(&content)).await.map(drop)
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
