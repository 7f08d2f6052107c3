//! The driver calls of each kind: from a decided call to what the driver answered.

use std::future::Future;

use crate::act::status::StatusBody;
use crate::csi::{CreateGroup, CreateSnapshot, Driver};
use crate::decide::{CreateCall, DeleteCall, PollCall, Said};
use machinery::{object::Body, secrets::Secrets};
use model::class::{Class, GroupClass, SingleClass};
use model::{content::SingleContent, facts::Kind, group_content::GroupContent, reply::Answer};

/// A kind that we reconcile: its class, and its calls.
pub trait Snapshots: StatusBody {
    const KIND: Kind;
    type Class: Body + AsRef<Class>;

    /// Creates, or describes what was created under the same name.
    fn create(
        driver: &Driver,
        call: CreateCall,
        secrets: Secrets,
    ) -> impl Future<Output = Said<Answer>> + Send;

    fn poll(
        driver: &Driver,
        call: PollCall,
        secrets: Secrets,
    ) -> impl Future<Output = Said<Option<Answer>>> + Send;

    fn delete(driver: &Driver, call: DeleteCall, secrets: Secrets) -> impl Future<Output = Said<()>> + Send;
}

impl Snapshots for SingleContent {
    const KIND: Kind = Kind::Single;
    type Class = SingleClass;

    async fn create(driver: &Driver, call: CreateCall, secrets: Secrets) -> Said<Answer> {
        let CreateCall { purpose: _, name, volumes, parameters, may_differ: _, secret: _ } = call;
        let source_volume = volumes.into_iter().next().unwrap_or_default();
        let create = CreateSnapshot { name, source_volume, parameters };
        driver.create_snapshot(create, secrets).await.map(Answer::Single)
    }

    async fn poll(driver: &Driver, call: PollCall, secrets: Secrets) -> Said<Option<Answer>> {
        Ok(driver.find_snapshot(&call.handle, secrets).await?.map(Answer::Single))
    }

    async fn delete(driver: &Driver, call: DeleteCall, secrets: Secrets) -> Said<()> {
        driver.delete_snapshot(call.handle, secrets).await
    }
}

impl Snapshots for GroupContent {
    const KIND: Kind = Kind::Group;
    type Class = GroupClass;

    async fn create(driver: &Driver, call: CreateCall, secrets: Secrets) -> Said<Answer> {
        let CreateCall { purpose: _, name, volumes, parameters, may_differ: _, secret: _ } = call;
        let create = CreateGroup { name, source_volumes: volumes, parameters };
        driver.create_group(create, secrets).await.map(Answer::Group)
    }

    async fn poll(driver: &Driver, call: PollCall, secrets: Secrets) -> Said<Option<Answer>> {
        Ok(driver.get_group(&call.handle, call.members, secrets).await?.map(Answer::Group))
    }

    async fn delete(driver: &Driver, call: DeleteCall, secrets: Secrets) -> Said<()> {
        driver.delete_group(call.handle, call.members, secrets).await
    }
}
