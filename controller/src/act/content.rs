//! A pass over a content of either kind, for its own sake.

use machinery::clock;
use machinery::cluster::event::Severity;
use machinery::object::Object;
use machinery::queue::{Key, Then};
use machinery::store::{Begun, Presence};
use model::facts::{Content, ContentBody, Kind};
use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;

use super::render;
use super::user::Acted;
use super::work::{Work, over};
use crate::caches::ContentMemory;
use crate::decide::content::{STRANDED, Step};
use crate::decide::place::patience;
use crate::wake::CachedKind;
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
        over::<U::Content, _>(&self.caches, key, |begun| async move {
            let Begun { object: content, presence, memory } = begun;
            if presence != Presence::Here {
                return PassEnd::well(Then::Done);
            }
            let step = U::decide_content(&self.look(), &content);
            if step != Step::Rest && !self.may() {
                return PassEnd::well(Then::Retry);
            }
            let objects = U::contents(self);
            let written = match step {
                Step::Rest => {
                    if memory != ContentMemory::default() {
                        // It is well now: should that end, it is said again.
                        let store = <U::Content as CachedKind>::store(&self.caches);
                        store.remember(key, content.uid(), &ContentMemory::default());
                    }
                    return PassEnd::well(Then::Done);
                }
                Step::Invalid => {
                    let (reason, sources) = match kind {
                        Kind::Single => ("ContentValidationError", "volumeHandle or snapshotHandle"),
                        Kind::Group => {
                            ("GroupContentValidationError", "volumeHandles or groupSnapshotHandles")
                        }
                    };
                    let message = format!("the content must have exactly one source: {sources}");
                    if self.is_news(key, &content, &memory, &message) {
                        self.event(&content, Severity::Warning, reason, message);
                    }
                    return PassEnd::well(Then::Done);
                }
                Step::Hold => {
                    let hold = |content: &_| render::finalizers(content, &[kind.names().finalizer], &[]);
                    self.write(objects, &content, hold).await
                }
                Step::Release => {
                    self.write_once(objects, &content, &render::release(&content, kind)).await.map(drop)
                }
                Step::Assign(node) => {
                    self.write_once(objects, &content, &render::assign(&content, &node)).await.map(drop)
                }
                Step::Stranded(why) => {
                    let deleted = content.metadata.deleted();
                    if let Some(pause) = patience(&content.facts(), deleted, clock::now()) {
                        return PassEnd::well(Then::After(pause));
                    }
                    if !self.is_news(key, &content, &memory, &why) {
                        return PassEnd::well(Then::Done);
                    }
                    self.event(&content, Severity::Warning, STRANDED, why.clone());
                    if let Some(user) = self.look().owner_of::<U>(&content) {
                        self.event(&user, Severity::Warning, STRANDED, why);
                    }
                    return PassEnd::well(Then::Done);
                }
            };
            match written {
                // Its label may be owed as well.
                Ok(()) if self.caches.has_nodes => PassEnd::well(Then::Again),
                Ok(()) | Err(WriteFailure::Gone) => PassEnd::well(Then::Done),
                Err(WriteFailure::LostRace) => PassEnd::well(Then::Again),
                Err(WriteFailure::Refused(why) | WriteFailure::Failed(why)) => PassEnd::failed(why),
            }
        })
        .await
    }

    /// Whether something is not the last that was said of a content. It is from now on.
    fn is_news<B: CachedKind<Memory = ContentMemory> + ContentBody>(
        &self,
        key: &Key,
        content: &Object<B>,
        memory: &ContentMemory,
        message: &str,
    ) -> bool {
        if memory.said.as_deref() == Some(message) {
            return false;
        }
        let said = ContentMemory { said: Some(message.to_owned()) };
        B::store(&self.caches).remember(key, content.uid(), &said);
        true
    }
}
