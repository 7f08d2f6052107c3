//! Objects in adjectives: one valid content, and what may be different about it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{
    After, CallReply, ClassSeen, DriverCall, DriverFacts, ErrorChange, Memory, MetadataWrite, Naming, Now,
    Observed, Presence, Rest, SecretSent, StatusChange, Step, conclude, decide,
};
use model::class::Class;
use model::facts::{Facts, Kind, Member, Membership, Meta, Owner, Policy, Source, StatusFacts};
use model::reply::{Answer, Refusal, TakenSnapshot};

pub(crate) const UID: &str = "0b7c1f0e-5a7e-4b57-9d0c-6e6f5d0a9b11";
pub(crate) const DRIVER: &str = "lab.csi.example.com";
pub(crate) const CLASS: &str = "fast";

pub(crate) const SETTLED: Step = Step::Rest(Rest::Settled);
pub(crate) const MARK: Step = Step::Write(MetadataWrite::Mark);
pub(crate) const UNMARK: Step = Step::Write(MetadataWrite::Unmark);
pub(crate) const DROP_FINALIZER: Step = Step::Write(MetadataWrite::DropFinalizer);

/// An object that owns its parts, so that tests can build, change and store it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Model {
    pub kind: Kind,
    pub driver: &'static str,
    pub policy: Policy,
    pub source: From,
    pub bound: bool,
    pub class_name: Option<&'static str>,
    pub meta: Meta<'static>,
    pub member: Membership,
    pub status: Option<ModelStatus>,
}

/// Which source a model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum From {
    Nothing,
    Both,
    Volume,
    Handle,
}

/// A status that owns its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct ModelStatus {
    pub handle: Option<String>,
    pub ready: Option<bool>,
    pub creation_time: Option<i64>,
    pub size: Option<i64>,
    pub group_handle: Option<String>,
    pub members: Vec<Member>,
    /// The message of the error, if there is an error; the message itself may be missing.
    pub error: Option<ModelError>,
}

/// `status.error`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct ModelError {
    pub message: Option<String>,
}

/// Everything around an object that a decision sees.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub driver: DriverFacts,
    pub naming: Naming,
    pub classes: BTreeMap<&'static str, Class>,
    pub memory: Memory,
    pub presence: Presence,
    pub named_elsewhere: bool,
}

/// A ready snapshot of `vol-1`, as a driver describes it.
pub(crate) fn snapshot_of(handle: &str) -> TakenSnapshot {
    TakenSnapshot {
        handle: handle.into(),
        source_volume: "vol-1".into(),
        creation_time: Some(1_899_999_990_000_000_000),
        size: Some(42),
        ready: true,
        group_handle: None,
    }
}

/// The clocks of a process that has run for a while.
pub(crate) fn clocks() -> Now {
    Now { wall: now(), uptime: Duration::from_hours(100) }
}

/// The clocks so much later.
pub(crate) fn later(by: Duration) -> Now {
    Now { wall: now() + by, uptime: clocks().uptime + by }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

pub(crate) fn around() -> Surroundings {
    let class = Class {
        driver: DRIVER.into(),
        parameters: BTreeMap::from([("tier".into(), "1".into())]),
        created: Timestamp::from_second(1_899_000_000).ok(),
        edited: false,
        ..Class::default()
    };
    let naming = Naming { prefix: "snapshot".into(), uuid_length: None, extra_metadata: false };
    Surroundings {
        driver: DriverFacts { name: DRIVER.into(), can_find: true },
        naming,
        classes: BTreeMap::from([(CLASS, class)]),
        memory: Memory::default(),
        presence: Presence::Here,
        named_elsewhere: false,
    }
}

fn volumes() -> &'static [String] {
    static VOLUMES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| vec!["vol-1".to_owned()]);
    &VOLUMES
}

/// A fresh content that asks for a snapshot of `vol-1`.
pub(crate) fn dynamic() -> Model {
    Model {
        kind: Kind::Single,
        driver: DRIVER,
        policy: Policy::Delete,
        source: From::Volume,
        bound: true,
        class_name: Some(CLASS),
        meta: Meta {
            created: Timestamp::from_second(1_899_999_900).ok(),
            deleting: false,
            released: false,
            marked: false,
            held: true,
            secret: (None, None),
        },
        member: Membership::Own,
        status: None,
    }
}

/// A content that brings the handle `given-1`.
pub(crate) fn pre_provisioned() -> Model {
    Model { source: From::Handle, class_name: None, ..dynamic() }
}

impl Model {
    pub fn group(self) -> Self {
        Self { kind: Kind::Group, ..self }
    }
    pub fn marked(mut self) -> Self {
        self.meta.marked = true;
        self
    }
    pub fn deleting(mut self) -> Self {
        self.meta.deleting = true;
        self
    }
    pub fn released(mut self) -> Self {
        self.meta.released = true;
        self
    }
    pub fn without_finalizer(mut self) -> Self {
        self.meta.held = false;
        self
    }
    pub fn with_secret(mut self, name: Option<&'static str>, namespace: Option<&'static str>) -> Self {
        self.meta.secret = (name, namespace);
        self
    }
    pub fn retained(self) -> Self {
        Self { policy: Policy::Retain, ..self }
    }
    pub fn unbound(self) -> Self {
        Self { bound: false, ..self }
    }
    pub fn of_class(self, class_name: Option<&'static str>) -> Self {
        Self { class_name, ..self }
    }
    pub fn announced(self) -> Self {
        Self { member: Membership::Announced, ..self }
    }
    pub fn recorded(mut self) -> Self {
        self.member = Membership::Recorded;
        self.status_mut().group_handle = Some("group-1".into());
        self
    }
    pub fn with_handle(mut self, handle: &str) -> Self {
        let status = self.status_mut();
        status.handle = Some(handle.into());
        status.creation_time = Some(1_899_999_950_000_000_000);
        self
    }
    pub fn ready(mut self) -> Self {
        self.status_mut().ready = Some(true);
        self
    }
    pub fn with_error(mut self, message: &str) -> Self {
        self.status_mut().error = Some(ModelError { message: Some(message.into()) });
        self
    }

    fn status_mut(&mut self) -> &mut ModelStatus {
        self.status.get_or_insert_default()
    }

    /// What `status` is after a write of this change, as an API server would have it.
    pub fn apply(&mut self, change: &StatusChange) {
        let kind = self.kind;
        let status = self.status_mut();
        if change.forget {
            status.handle = None;
            status.ready = None;
            status.creation_time = None;
            status.size = None;
        }
        status.handle = change.handle.clone().or(status.handle.take());
        status.creation_time = change.creation_time.or(status.creation_time);
        status.size = change.size.or(status.size);
        status.group_handle = change.group_handle.clone().or(status.group_handle.take());
        status.ready = change.ready.or(status.ready);
        status.members = change.members.clone().unwrap_or(std::mem::take(&mut status.members));
        match &change.error {
            ErrorChange::Keep => {}
            ErrorChange::Clear => status.error = None,
            ErrorChange::Set(message) => status.error = Some(ModelError { message: Some(message.clone()) }),
        }
        if kind == Kind::Single && status.group_handle.is_some() {
            self.member = Membership::Recorded;
        }
    }

    pub fn facts(&self) -> Facts<'_> {
        Facts {
            kind: self.kind,
            name: "content-1",
            meta: self.meta,
            driver: self.driver,
            policy: self.policy,
            source: match self.source {
                From::Nothing => Source::None,
                From::Both => Source::Both,
                From::Volume => Source::Volumes(volumes()),
                From::Handle => Source::Given("given-1", &[]),
            },
            owner: Owner { namespace: "default", name: "snap", uid: self.bound.then_some(UID) },
            class_name: self.class_name,
            member: self.member,
            status: self.status.as_ref().map(|status| StatusFacts {
                handle: status.handle.as_deref(),
                ready: status.ready,
                creation_time: status.creation_time,
                has_size: status.size.is_some(),
                group_handle: status.group_handle.as_deref(),
                members: &status.members,
                error: status.error.as_ref().map(|error| error.message.as_deref()),
            }),
        }
    }

    pub fn seen<'a>(&'a self, around: &'a Surroundings) -> Observed<'a> {
        Observed {
            facts: self.facts(),
            presence: around.presence,
            named_elsewhere: around.named_elsewhere,
            class: around.class(self.class_name),
            driver: &around.driver,
            naming: &around.naming,
            memory: &around.memory,
        }
    }

    /// What is owed for this object in ordinary surroundings.
    pub fn step(&self) -> Step {
        decide(&self.seen(&around()))
    }
}

impl Surroundings {
    pub fn class<'a>(&'a self, name: Option<&'a str>) -> ClassSeen<'a> {
        ClassSeen::new(name, name.and_then(|name| self.classes.get(name)))
    }
}

/// How the step that is owed ends, whichever it is.
#[derive(Debug, Clone)]
pub(crate) enum StepEnd {
    Nothing,
    Answered(Answer),
    Unknown,
    Deleted,
    Refused(Refusal),
    NoSecret(String),
    NotBegun,
}

impl StepEnd {
    fn reply<T>(self, secret: SecretSent, answer: impl FnOnce(Self) -> Option<T>) -> CallReply<T> {
        let said = match self {
            Self::NoSecret(why) => return CallReply::NoSecret(why),
            Self::NotBegun => return CallReply::NotBegun,
            Self::Refused(refusal) => Err(refusal),
            Self::Nothing | Self::Answered(_) | Self::Unknown | Self::Deleted => {
                Ok(answer(self.clone()).unwrap_or_else(|| panic!("no call that is owed ends in {self:?}")))
            }
        };
        CallReply::Made { said, secret }
    }

    fn answer(self) -> Option<Answer> {
        if let Self::Answered(answer) = self { Some(answer) } else { None }
    }
}

/// What follows if the step that is owed ends so.
pub(crate) fn follow_up(seen: &Observed<'_>, ended: StepEnd, secret: SecretSent, now: Now) -> After {
    match decide(seen) {
        Step::Rest(rest) => conclude(seen, &rest, (), now),
        Step::Report(report) => conclude(seen, &report, (), now),
        Step::Record(record) => conclude(seen, &record, (), now),
        Step::Write(what) => conclude(seen, &what, (), now),
        Step::Call(DriverCall::Create(call)) => {
            conclude(seen, &call, ended.reply(secret, StepEnd::answer), now)
        }
        Step::Call(DriverCall::Poll(call)) => {
            let found =
                |ended| if let StepEnd::Unknown = ended { Some(None) } else { ended.answer().map(Some) };
            conclude(seen, &call, ended.reply(secret, found), now)
        }
        Step::Call(DriverCall::Delete(call)) => {
            let deleted = |ended| matches!(ended, StepEnd::Deleted).then_some(());
            conclude(seen, &call, ended.reply(secret, deleted), now)
        }
    }
}
