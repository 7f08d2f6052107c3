//! The storage, and a driver that answers as real ones do.

use super::*;

/// What the storage holds, and how the driver keeps account of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Storage {
    pub snapshots: Vec<Stored>,
    /// Handles given so far.
    pub handles: u32,
    pub volume_gone: bool,
    pub remembers_names: bool,
    /// The policy is Retain: what is left is left on purpose.
    pub retained: bool,
    /// How often the driver must be asked before a snapshot is ready.
    pub unready_for: u32,
}

/// A snapshot in the storage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts: each pair occurs")]
pub(super) struct Stored {
    pub handle: String,
    /// The driver tells snapshots of one name apart by these.
    pub parameters: BTreeMap<String, String>,
    pub ready: bool,
    /// Its name is known to the driver.
    pub named: bool,
    /// An event and the metric have reported it.
    pub reported: bool,
    /// The driver forgot its name before anybody received its handle, or denied that it was taken: no client of CSI can
    /// know of it.
    pub unknowable: bool,
}

/// A request whose sender is gone, on its way to the driver or to the API server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Late {
    Create(BTreeMap<String, String>),
    Delete(String),
    Write(Model, MetadataWrite),
    Status(Model, StatusChange),
}

/// The codes by which a driver may refuse.
pub(super) const CODES: [(Certainty, Code); 5] = [
    (Certainty::Indefinite, Code::Other),
    (Certainty::Indefinite, Code::Aborted),
    (Certainty::Definite, Code::Other),
    (Certainty::Definite, Code::NotFound),
    (Certainty::NotSent, Code::Other),
];

pub(super) fn refusal((certainty, code): (Certainty, Code)) -> Refusal {
    Refusal { certainty, code, message: format!("{certainty:?} {code:?}") }
}

impl Storage {
    pub fn for_object(model: &Model) -> Self {
        let given = Stored {
            handle: "given-1".to_owned(),
            parameters: BTreeMap::new(),
            ready: false,
            named: false,
            reported: false,
            unknowable: false,
        };
        let snapshots = if model.source == From::Handle { vec![given] } else { Vec::new() };
        let retained = model.policy == Policy::Retain;
        Self { snapshots, handles: 0, volume_gone: false, remembers_names: true, retained, unready_for: 0 }
    }

    /// CreateSnapshot takes effect: the handle of what is there, or of what was taken. What is taken `beside` one that
    /// was answered before cannot be known of until it is answered, too.
    pub fn create(&mut self, parameters: &BTreeMap<String, String>, beside: bool) -> Option<String> {
        if self.volume_gone {
            return None;
        }
        let known =
            |stored: &&Stored| self.remembers_names && stored.named && stored.parameters == *parameters;
        if let Some(stored) = self.snapshots.iter().find(known) {
            return Some(stored.handle.clone());
        }
        self.handles += 1;
        let handle = format!("h{}", self.handles);
        let stored = Stored {
            handle: handle.clone(),
            parameters: parameters.clone(),
            ready: false,
            named: true,
            reported: false,
            unknowable: beside,
        };
        self.snapshots.push(stored);
        // It begins to keep account of names again.
        self.remembers_names = true;
        Some(handle)
    }

    /// The driver's first try is lost: it starts again under another handle.
    pub fn lose(&mut self, parameters: &BTreeMap<String, String>) {
        self.snapshots.retain(|stored| !stored.named || stored.ready || stored.parameters != *parameters);
    }

    /// The driver forgets the names of its snapshots; `answered` is the handle that it has answered.
    pub fn forget_names(&mut self, answered: Option<&str>) {
        if !self.remembers_names {
            for stored in self.snapshots.iter_mut().filter(|stored| stored.named) {
                stored.named = false;
                stored.unknowable |= answered != Some(stored.handle.as_str());
            }
        }
    }

    /// The driver has just answered with a code that promises that it took nothing.
    pub fn deny(&mut self, (certainty, _): (Certainty, Code)) {
        if certainty == Certainty::Definite {
            for stored in self.snapshots.iter_mut().filter(|stored| stored.named) {
                stored.unknowable = true;
            }
        }
    }

    pub fn delete(&mut self, handle: &str) {
        self.snapshots.retain(|stored| stored.handle != handle);
    }

    pub fn describe(&mut self, handle: &str, kind: Kind) -> Option<Answer> {
        let unready_for = self.unready_for;
        let stored = self.snapshots.iter_mut().find(|stored| stored.handle == handle)?;
        stored.ready |= unready_for == 0;
        let ready = stored.ready;
        self.unready_for = unready_for.saturating_sub(1);
        let member = TakenSnapshot {
            handle: handle.to_owned(),
            source_volume: "vol-1".into(),
            creation_time: Some(1),
            size: Some(1),
            ready,
            group_handle: None,
        };
        Some(match kind {
            Kind::Single => Answer::Single(member),
            Kind::Group => Answer::Group(TakenGroup {
                handle: handle.to_owned(),
                members: vec![TakenSnapshot { handle: format!("{handle}-m"), ..member }],
                creation_time: Some(1),
                ready,
            }),
        })
    }

    /// An event reported what these words name: a handle, or everything with the name.
    pub fn report(&mut self, message: &str) {
        let by_name = message.contains(UID);
        for stored in &mut self.snapshots {
            stored.reported |= by_name || message.contains(&format!("{:?}", stored.handle));
        }
    }
}

impl WorldState {
    /// What was on its way arrives. A driver works on the calls for one name in the order of their arrival.
    pub fn deliver_late(&mut self) {
        for late in std::mem::take(&mut self.late) {
            match late {
                Late::Create(parameters) => {
                    self.create(&parameters);
                }
                Late::Delete(handle) => self.storage.delete(&handle),
                Late::Write(model, what) => {
                    self.write_metadata(&model, what);
                }
                Late::Status(model, change) => {
                    self.write_status(&model, &change);
                }
            }
        }
    }

    /// CreateSnapshot arrives at the driver.
    pub fn create(&mut self, parameters: &BTreeMap<String, String>) -> Option<String> {
        let answered = self.process.memory.unrecorded().map(str::to_owned).or(self.recorded());
        self.storage.forget_names(answered.as_deref());
        self.storage.create(parameters, answered.is_some())
    }

    /// An answer has reached us.
    pub fn receive(&mut self, answer: &Answer) {
        for stored in self.storage.snapshots.iter_mut().filter(|stored| stored.handle == answer.handle()) {
            stored.unknowable = false;
        }
    }

    /// A guarded write of metadata.
    pub fn write_metadata(
        &mut self,
        seen: &Model,
        what: MetadataWrite,
    ) -> Option<Result<Model, WriteFailure>> {
        let model = self.truth.as_ref()?;
        let (expected, change): (bool, fn(&mut Model)) = match what {
            MetadataWrite::Mark => (model.meta.marked == seen.meta.marked, |model| model.meta.marked = true),
            MetadataWrite::Unmark => {
                let same = match seen.facts().handle() {
                    Some(handle) => model.facts().handle() == Some(handle),
                    None => model == seen,
                };
                (model.meta.marked && same, |model| model.meta.marked = false)
            }
            MetadataWrite::DropFinalizer => (model.meta.held, |model| model.meta.held = false),
        };
        if !expected {
            return Some(Err(WriteFailure::LostRace));
        }
        self.write(change).map(Ok)
    }

    /// A guarded write of status.
    pub fn write_status(
        &mut self,
        seen: &Model,
        change: &StatusChange,
    ) -> Option<Result<Model, WriteFailure>> {
        if self.truth.as_ref()?.status != seen.status {
            return Some(Err(WriteFailure::LostRace));
        }
        self.write(|model| model.apply(change)).map(Ok)
    }
}
