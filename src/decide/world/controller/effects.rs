//! What the controller does, and what becomes of it on the way.

use super::*;

/// What may happen to the controller or by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum ControllerMove {
    /// It takes the next step about the snapshot.
    Snapshot(ControllerFate),
    /// It takes the next step about the content for its own sake.
    Content(ControllerFate),
    /// A watch gets up to now.
    SeesSnapshot,
    SeesContent,
    /// What was given up takes effect.
    LateArrives,
    /// Nothing that was sent can take effect any more, and the watches have shown what it did.
    MinutePasses,
    /// The API server removes a snapshot whose deletion found no finalizers.
    Removal,
    /// The process ends.
    Crash,
}

/// What becomes of the request of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum ControllerFate {
    Works,
    /// It has no effect, and no answer.
    Lost,
    /// It takes effect, and has no answer.
    Unheard,
    /// Its sender gives it up, and it takes effect later.
    Overdue,
    /// The process ends once it is sent, and it takes effect later.
    CrashLate,
}

const FATES: [ControllerFate; 5] = [
    ControllerFate::Works,
    ControllerFate::Lost,
    ControllerFate::Unheard,
    ControllerFate::Overdue,
    ControllerFate::CrashLate,
];

/// A request that may come late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Request {
    Create,
    /// The uid of the snapshot is written into the content that it names.
    Bind,
}

impl ControllerProcess {
    fn new(owner: Option<&Snapshot>, content: Option<&Model>) -> Self {
        Self { seen: owner.cloned(), content: content.cloned(), ..Self::default() }
    }
}

impl WorldState {
    /// What may happen to the controller now.
    pub(in super::super) fn controller_moves(&self) -> Vec<ControllerMove> {
        let Some(controller) = &self.controller else { return Vec::new() };
        let process = &controller.process;
        let mut moves = Vec::new();
        let fates = if self.faults > 0 { &FATES[..] } else { &FATES[..1] };
        let step = process.snapshot_step(&controller.class());
        if step.is_some_and(|step| step != Step::Rest || process.ghost.is_some()) {
            moves.extend(fates.iter().copied().map(ControllerMove::Snapshot));
        }
        if process.content_step() != content::Step::Rest {
            moves.extend(fates.iter().copied().map(ControllerMove::Content));
        }
        if process.seen != controller.owner {
            moves.push(ControllerMove::SeesSnapshot);
        }
        if process.content != self.truth {
            moves.push(ControllerMove::SeesContent);
        }
        match controller.late {
            Some(_) => moves.push(ControllerMove::LateArrives),
            None if process.awaits => moves.push(ControllerMove::MinutePasses),
            None => {}
        }
        if controller.removal {
            moves.push(ControllerMove::Removal);
        }
        if self.faults > 0 {
            moves.push(ControllerMove::Crash);
        }
        moves
    }

    pub(in super::super) fn controller_moves_on(&mut self, event: ControllerMove) {
        let Some(mut controller) = self.controller.take() else { return };
        controller.moves_on(self, event);
        self.controller = Some(controller);
    }

    /// Everything that the controller does until it rests, without faults; false if it had something to do.
    pub(in super::super) fn let_controller_work(&mut self) -> bool {
        let mut rests = true;
        for _ in 0..20 {
            let moves = self.controller_moves();
            let is_step = |event: &ControllerMove| {
                matches!(event, ControllerMove::Snapshot(_) | ControllerMove::Content(_))
            };
            // What it sees comes before what it does.
            let news = moves.iter().copied().find(|event| !is_step(event));
            let Some(event) = news.or(moves.first().copied()) else { return rests };
            let before = (self.controller.clone(), self.truth.clone());
            self.controller_moves_on(event);
            if news.is_none() && before == (self.controller.clone(), self.truth.clone()) {
                // It says why it cannot go on, and has said it.
                return rests;
            }
            rests = false;
        }
        false
    }
}

impl Controller {
    pub(super) fn class(&self) -> Class {
        Class { policy: self.policy, ..SOURCE.class.clone() }
    }

    fn moves_on(&mut self, state: &mut WorldState, event: ControllerMove) {
        match event {
            ControllerMove::Snapshot(fate) => self.snapshot_pass(state, fate),
            ControllerMove::Content(fate) => self.content_pass(state, fate),
            ControllerMove::SeesSnapshot => self.sees_snapshot(),
            ControllerMove::SeesContent => self.process.content.clone_from(&state.truth),
            ControllerMove::LateArrives => {
                if let Some((request, has_sender)) = self.late.take() {
                    let is_left = !has_sender && self.owner.as_ref().is_none_or(|owner| owner.deleting);
                    self.unknowable |= self.request(state, request) && is_left;
                }
            }
            ControllerMove::MinutePasses => {
                self.process.awaits = false;
                self.process.content.clone_from(&state.truth);
                self.sees_snapshot();
            }
            ControllerMove::Removal => {
                self.overtaken |= self.owner.as_ref().is_some_and(|owner| !owner.finalizers.is_empty());
                (self.owner, self.removal) = (None, false);
            }
            ControllerMove::Crash => {
                state.faults -= 1;
                self.restart(state);
            }
        }
    }

    fn sees_snapshot(&mut self) {
        if self.owner.is_some() {
            self.process.seen.clone_from(&self.owner);
        } else {
            self.process.sees_the_end();
        }
    }

    fn restart(&mut self, state: &WorldState) {
        self.ended = true;
        if let Some((_, has_sender)) = &mut self.late {
            *has_sender = false;
        }
        self.process = ControllerProcess::new(self.owner.as_ref(), state.truth.as_ref());
    }

    fn snapshot_pass(&mut self, state: &mut WorldState, fate: ControllerFate) {
        let Some(mut step) = self.process.snapshot_step(&self.class()) else { return };
        if self.process.is_unsure_of_content(&step) {
            // It looks once more before the snapshot goes.
            self.process.content.clone_from(&state.truth);
            match self.process.snapshot_step(&self.class()) {
                Some(next) => step = next,
                None => return,
            }
        }
        match step {
            Step::Rest => self.process.forget(),
            Step::Report(problem) => {
                let old = self.process.seen.as_ref().and_then(|seen| seen.status.as_ref());
                let change = status::of_problem(Kind::Single, old, &problem);
                if !change.is_empty() {
                    self.write(state, fate, |owner| owner.apply(&change));
                }
            }
            Step::WriteStatus(change) => {
                self.write(state, fate, |owner| owner.apply(&change));
            }
            Step::SetFinalizers { add, remove } => self.write(state, fate, |owner| {
                owner.finalizers.retain(|finalizer| !remove.contains(finalizer));
                owner.finalizers.extend(add);
            }),
            Step::CreateContent(_) => self.ask(state, fate, Request::Create),
            Step::BindContent { .. } => self.ask(state, fate, Request::Bind),
            Step::HoldContent => self.write_content(state, fate, Self::hold),
            Step::ReleaseContent => self.write_content(state, fate, Self::release),
            Step::DeleteContent => self.write_content(state, fate, Self::delete_content),
            Step::AwaitRestore(_)
            | Step::AwaitAnswer(_)
            | Step::AwaitGroup { .. }
            | Step::AwaitRight { .. }
            | Step::AwaitGroups
            | Step::SetClass(_)
            | Step::ProtectClaim { .. }
            | Step::WriteStatusWith { .. }
            | Step::JoinGroup { .. }
            | Step::Member(_)
            | Step::DeleteMember { .. } => self.broken = Some("a step that nothing here asks for"),
        }
        let is_named = |seen: &Snapshot| seen.status.as_ref().is_some_and(|status| status.content.is_some());
        self.process.made &= !self.process.seen.as_ref().is_some_and(is_named);
    }

    fn content_pass(&mut self, state: &mut WorldState, fate: ControllerFate) {
        match self.process.content_step() {
            content::Step::Rest => {}
            content::Step::Hold => self.write_content(state, fate, Self::hold),
            content::Step::Release => self.write_content(state, fate, Self::release),
            content::Step::Invalid | content::Step::Assign(_) | content::Step::Stranded(_) => {
                self.broken = Some("a step that nothing here asks for");
            }
        }
    }

    /// What becomes of an effect; whether its answer is heard.
    fn carry(
        &mut self,
        state: &mut WorldState,
        fate: ControllerFate,
        act: impl FnOnce(&mut Self, &mut WorldState),
    ) -> bool {
        state.faults -= u32::from(fate != ControllerFate::Works);
        match fate {
            ControllerFate::Works | ControllerFate::Unheard | ControllerFate::Overdue => act(self, state),
            ControllerFate::Lost => {}
            ControllerFate::CrashLate => {
                act(self, state);
                self.restart(state);
            }
        }
        fate == ControllerFate::Works
    }

    /// A write of the snapshot as it was seen.
    fn write(&mut self, state: &mut WorldState, fate: ControllerFate, change: impl FnOnce(&mut Snapshot)) {
        let act = |controller: &mut Self, _: &mut WorldState| {
            if let Some(owner) =
                controller.owner.as_mut().filter(|owner| Some(&**owner) == controller.process.seen.as_ref())
            {
                change(owner);
                if owner.deleting && owner.finalizers.is_empty() {
                    controller.owner = None;
                }
            }
        };
        if self.carry(state, fate, act) {
            // The answer shows it, or that it was another by then; what is gone is shown by the watch.
            if self.owner.is_some() && self.process.seen.is_some() {
                self.process.seen.clone_from(&self.owner);
            }
        }
    }

    fn write_content(
        &mut self,
        state: &mut WorldState,
        fate: ControllerFate,
        act: impl FnOnce(&mut Self, &mut WorldState),
    ) {
        if self.carry(state, fate, act) && state.truth.is_some() {
            self.process.content.clone_from(&state.truth);
        }
    }

    #[expect(clippy::unused_self, reason = "it is one of the effects")]
    fn hold(&mut self, state: &mut WorldState) {
        state.write(|content| content.meta.held |= !content.meta.deleting);
    }

    #[expect(clippy::unused_self, reason = "it is one of the effects")]
    fn release(&mut self, state: &mut WorldState) {
        if state.truth.as_ref().is_some_and(|content| !content.meta.released) {
            state.write(|content| content.meta.released = true);
        }
    }

    /// The content is deleted as it was seen.
    fn delete_content(&mut self, state: &mut WorldState) {
        if state.truth != self.process.content {
            return;
        }
        if self.policy == Policy::Retain {
            self.broken = Some("a content is deleted although its policy is Retain");
        }
        if self.owner.as_ref().is_some_and(|owner| !owner.deleting) {
            self.broken = Some("a content is deleted while its owner lives");
        }
        state.write(|content| content.meta.deleting = true);
    }

    /// A request that may come late.
    fn ask(&mut self, state: &mut WorldState, fate: ControllerFate, request: Request) {
        let is_late =
            matches!(fate, ControllerFate::Overdue | ControllerFate::CrashLate) && self.late.is_none();
        if is_late {
            state.faults -= 1;
            self.late = Some((request, true));
            if fate == ControllerFate::CrashLate {
                self.restart(state);
                return;
            }
        } else if self.carry(state, fate, |controller, state| {
            controller.request(state, request);
        }) {
            self.process.content.clone_from(&state.truth);
            if request == Request::Create {
                (self.process.asked, self.process.made) = (false, true);
            }
            return;
        }
        self.process.awaits = true;
        self.process.asked |= request == Request::Create;
    }

    /// It reaches the API server; whether it takes effect.
    fn request(&mut self, state: &mut WorldState, request: Request) -> bool {
        match request {
            Request::Create => {
                if state.truth.is_some() {
                    return false;
                }
                if self.was_made {
                    // Bound: one that comes after its content has gone again is left out.
                    if self.has_living_owner() {
                        self.broken = Some("a content is made once more while its owner lives");
                    }
                    return false;
                }
                let is_bare = |owner: &Snapshot| !owner.deleting && owner.finalizers.is_empty();
                if self.owner.as_ref().is_some_and(is_bare) {
                    self.broken = Some("a content is made before its owner has a finalizer");
                }
                self.was_made = true;
                state.truth = Some(self.draft.clone());
            }
            Request::Bind => {
                // It has the version of the content as a precondition.
                if state.truth.as_ref().is_none_or(|content| content.bound || content.meta.deleting) {
                    return false;
                }
                state.write(|content| content.bound = true);
            }
        }
        true
    }
}
