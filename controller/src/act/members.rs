//! What a group does for its members: their objects, once each.

use std::sync::Arc;

use machinery::object::Object;
use machinery::queue::Then;
use model::user::UserObject;

use super::next::{Next, went_around};
use super::render;
use super::user::Acted;
use super::work::{Deleted, Work};
use crate::caches::UserMemory;
use crate::decide::step::MemberStep;
use machinery::cluster::write::WriteFailure;
use machinery::queue::worker::PassEnd;

impl Work {
    pub(super) async fn member<U: Acted>(
        &self,
        group: &Arc<Object<U>>,
        step: MemberStep,
        memory: &mut UserMemory,
    ) -> Next<U> {
        let user = U::user(group);
        let done = match step {
            MemberStep::Create { name, claim } => {
                let member = render::member(&user, &name, &claim);
                let key = format!("{}/{name}", user.namespace());
                self.make(&self.snapshots, &key, &member, memory).await.map(drop).map_err(WriteFailure::from)
            }
            MemberStep::CreateContent { member, draft } => match self.caches.singles.users.get(&member) {
                Some(member) => {
                    let content = render::content(&draft, &member.user());
                    let made = self.make(&self.contents, &draft.name, &content, memory).await;
                    made.map(drop).map_err(WriteFailure::from)
                }
                None => Err(WriteFailure::Gone),
            },
            MemberStep::Bind { member, content } => {
                match (self.caches.singles.users.get(&member), self.caches.singles.contents.get(&content)) {
                    (Some(member), Some(content)) => {
                        let write = render::binding(&content, &member.user(), None);
                        self.write_once(&self.contents, &content, &write).await.map(drop)
                    }
                    _ => Err(WriteFailure::Gone),
                }
            }
            MemberStep::Record { content, record, group_handle } => {
                match self.caches.singles.contents.get(&content) {
                    Some(content) => {
                        let write = render::record(&content, &record, &group_handle);
                        self.write_once(&self.contents, &content, &write).await.map(drop)
                    }
                    None => Err(WriteFailure::Gone),
                }
            }
        };
        went_around(group, done, &user.kind.word("SnapshotContentCreationFailed"))
    }

    pub(super) async fn delete_member<U: Acted>(&self, group: &Arc<Object<U>>, member: &str) -> Next<U> {
        let Some(member) = self.caches.singles.users.get(member) else { return Next::Go(Arc::clone(group)) };
        match self.delete(&self.snapshots, &member).await {
            Ok(Deleted::Going) => Next::Go(Arc::clone(group)),
            // The watch shows that it is gone.
            Ok(Deleted::Gone) => Next::End(PassEnd::well(Then::Done)),
            Err(refused) => went_around(group, Err(refused), "SnapshotDeleteError"),
        }
    }
}
