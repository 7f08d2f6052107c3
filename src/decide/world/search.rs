//! Every state within bounds: breadth first, on the real pass, with whatever may happen at each effect.
//!
//! A state is visited once. From it go: each action of a user, the watch that catches up, a late request that arrives, a
//! process that ends while idle, and a pass in every way in which its effects may end or be preceded. In each state
//! the faults are stopped, and it is checked that what follows ends well, with and without a deletion.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::controller::ControllerMove;
use super::*;

/// How far the search goes.
struct Bounds {
    /// Faults and crashes in one life.
    faults: u32,
    users: &'static [Action],
    /// Answers that say "not ready" before one says "ready".
    unready_for: u32,
}

/// One step of a story.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "what is in them is read by whoever reads a story")]
enum Move {
    Start,
    Action(Action),
    WatchCatchesUp,
    LateArrives,
    CrashWhileIdle,
    /// What the snapshot-controller does, or what becomes of it.
    Controller(ControllerMove),
    /// A pass, with the choices that were made at its effects.
    Pass(Vec<usize>),
}

struct StateSearch {
    /// How each state was reached: from which, by what.
    stories: Vec<(usize, Move)>,
    visited: HashSet<(u64, u64)>,
    frontier: Vec<(usize, WorldState)>,
}

fn fingerprint(state: &WorldState) -> (u64, u64) {
    let (mut one, mut other) = (DefaultHasher::new(), DefaultHasher::new());
    state.hash(&mut one);
    other.write_u8(1);
    state.hash(&mut other);
    (one.finish(), other.finish())
}

impl StateSearch {
    fn begin(start: WorldState) -> Self {
        let mut search = Self { stories: Vec::new(), visited: HashSet::new(), frontier: Vec::new() };
        search.reach(0, Move::Start, start);
        search
    }

    fn reach(&mut self, from: usize, event: Move, mut state: WorldState) {
        if let Some(ghost) = &mut state.process.ghost {
            // A Secret that may not be read fails for ever, and no count beyond the tenth changes anything.
            ghost.memory.open_ends = ghost.memory.open_ends.min(10);
        }
        if self.visited.insert(fingerprint(&state)) {
            self.stories.push((from, event));
            self.frontier.push((self.stories.len() - 1, state));
        }
    }

    /// Visits everything; the number of states.
    fn run(mut self) -> usize {
        while !self.frontier.is_empty() {
            for (at, state) in std::mem::take(&mut self.frontier) {
                self.check(at, &state);
                self.expand(at, &state);
            }
        }
        self.visited.len()
    }

    fn expand(&mut self, at: usize, state: &WorldState) {
        let mut step = |event: Move, change: &dyn Fn(&mut WorldState)| {
            let mut next = state.clone();
            change(&mut next);
            self.reach(at, event, next);
        };
        for user in state.users.iter().copied().filter(|user| state.allows(*user)) {
            step(Move::Action(user), &|next| next.act(user));
        }
        step(Move::WatchCatchesUp, &WorldState::catch_up);
        step(Move::LateArrives, &WorldState::deliver_late);
        if state.faults > 0 {
            step(Move::CrashWhileIdle, &|next| {
                next.faults -= 1;
                next.restart();
            });
        }
        for event in state.controller_moves() {
            step(Move::Controller(event), &|next| next.controller_moves_on(event));
        }
        let mut tape = Some(Vec::new());
        while let Some(choices) = tape {
            let world = World::new(state.clone(), Choices::new(ChoiceSource::Tape(choices)));
            world.pass();
            let (next, choices) = world.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
            self.reach(at, Move::Pass(choices.taken()), next);
            tape = choices.next_tape();
        }
    }

    /// From here on nothing goes wrong any more: then everything ends well, deleted or not.
    fn check(&self, at: usize, state: &WorldState) {
        for delete in [false, true] {
            let end = std::panic::catch_unwind(|| end_of(state.clone(), delete));
            let end = end.unwrap_or_else(|_| Err("it panics".to_owned()));
            assert_eq!(end, Ok(()), "{}{state:#?}", self.story(at));
        }
    }

    fn story(&self, mut at: usize) -> String {
        let mut events = Vec::new();
        while at > 0 {
            let (from, event) = &self.stories[at];
            events.push(format!("{event:?}\n"));
            at = *from;
        }
        events.reverse();
        events.concat()
    }
}

/// Lets everything end, and says what is wrong with the end.
pub(super) fn end_of(mut state: WorldState, delete: bool) -> Result<(), String> {
    if delete {
        if state.allows(Action::DeleteOwner) {
            state.act(Action::DeleteOwner);
        }
        let users = [Action::Delete, Action::Release].into_iter().filter(|_| state.controller.is_none());
        for user in users.collect::<Vec<_>>() {
            if state.allows(user) && state.truth.is_some() {
                state.act(user);
            }
        }
    }
    if state.secret == SecretIs::Unreadable {
        // A deletion waits for somebody who gives the right to read it.
        state.secret = SecretIs::First;
    }
    let mut world = World::new(state, Choices::new(ChoiceSource::Tape(Vec::new())));
    let settled = world.settle();
    let state = world.state();
    if let Some(controller) = &state.controller {
        return controller.end(&state, settled);
    }
    let goes = state.truth.as_ref().is_none_or(|model| model.meta.deleting && model.meta.released);
    if !settled && (goes || state.should_be_ready()) {
        return Err(format!("no end: {state:#?}"));
    }
    let unknowable = state.stripped && state.crashed;
    if let Some(lost) = state.lost_snapshot().filter(|_| !unknowable) {
        return Err(format!("the snapshot {lost} is left, and was not reported; at the end, {state:#?}"));
    }
    match &state.truth {
        Some(model) if model.meta.deleting && model.meta.released => {
            Err("the object is still there".to_owned())
        }
        Some(model) if state.should_be_ready() && (model.meta.marked || !model.facts().is_ready()) => {
            Err(format!("it does not become ready: {model:?}"))
        }
        Some(_) | None => Ok(()),
    }
}

impl WorldState {
    /// A snapshot that is lost: no object names it, none is known to be in doubt about it, and no event reported it.
    pub(super) fn lost_snapshot(&self) -> Option<&str> {
        let refers = |handle: &str| {
            let stray = self.process.memory.strays.iter().any(|stray| stray.handle == handle);
            let named = self.truth.as_ref().is_some_and(|model| {
                let given = model.source == From::Handle && handle == "given-1";
                let in_doubt = model.meta.marked || self.process.memory.in_flight == InFlight::Open;
                let recorded = model.facts().handle().is_some();
                given || model.facts().handle() == Some(handle) || in_doubt && !recorded
            });
            named || stray
        };
        let mut lost = self.storage.snapshots.iter().filter(|stored| !stored.reported && !stored.unknowable);
        let lost = lost.find(|stored| !refers(&stored.handle))?;
        (!self.storage.retained).then_some(lost.handle.as_str())
    }

    fn should_be_ready(&self) -> bool {
        let Some(model) = &self.truth else { return false };
        // The handle of a group is for ever, and so is the error if the driver answers another; and where the class or
        // the Secret is another one by now, nobody repeats the call that would answer with another handle.
        let replaced = self.class != ClassIs::First || self.secret != SecretIs::First;
        let for_ever = model.kind == Kind::Group || replaced;
        if for_ever && self.storage.handles > 1 {
            return false;
        }
        let has_secret = model.meta.secret == (None, None) || self.secret.is_there();
        let has_class = self.class != ClassIs::Gone;
        let can_begin = has_class && has_secret && !self.storage.volume_gone && model.meta.held;
        !model.meta.deleting && can_begin && model.source != From::Handle
    }
}

fn visit(bounds: &Bounds, starts: &[Model]) -> usize {
    let visited = |start: &Model| {
        let mut state = WorldState::new(start.clone(), bounds.users, bounds.faults);
        state.storage.unready_for = bounds.unready_for;
        StateSearch::begin(state).run()
    };
    starts.iter().map(visited).sum()
}

/// The objects that lives begin with.
pub(super) fn starts() -> Vec<Model> {
    let mut starts = Vec::new();
    for base in [dynamic(), pre_provisioned(), dynamic().group()] {
        for policy in [Policy::Delete, Policy::Retain] {
            starts.push(Model { policy, ..base.clone() });
        }
    }
    starts
}

/// Every user and one fault: docs/performance.md has the time that it takes.
const WIDE: Bounds = Bounds { faults: 1, users: &Action::ALL, unready_for: 1 };

/// The number of states is part of the test: a rule or a world that changes it is looked at, and docs/ARCHITECTURE.md
/// keeps it.
fn assert_states(found: usize, known: usize) {
    println!("{found} states");
    assert_eq!(
        found, known,
        "the rules or the world have changed: update the number here and in docs/ARCHITECTURE.md"
    );
}

#[test]
fn every_state_of_a_single_content_under_delete_with_every_user_and_one_fault_ends_well() {
    assert_states(visit(&WIDE, &[dynamic(), pre_provisioned()]), 168_489);
}

#[test]
fn every_state_of_a_group_under_delete_with_every_user_and_one_fault_ends_well() {
    assert_states(visit(&WIDE, &[dynamic().group()]), 173_698);
}

#[test]
fn every_state_under_retain_with_those_who_delete_and_one_fault_ends_well() {
    let users = &[Action::Delete, Action::Release, Action::StripFinalizers, Action::StripMarker];
    let starts: Vec<Model> = starts().into_iter().filter(|start| start.policy == Policy::Retain).collect();
    assert_states(visit(&Bounds { users, ..WIDE }, &starts), 6_984);
}

#[test]
fn every_state_of_a_content_with_a_secret_that_goes_and_comes_back_and_one_fault_ends_well() {
    let users = &[
        Action::Delete,
        Action::Release,
        Action::StripFinalizers,
        Action::DeleteSecret,
        Action::ForbidSecret,
        Action::ReturnSecret,
    ];
    let start = dynamic().with_secret(Some("s"), Some("n"));
    assert_states(visit(&Bounds { users, ..WIDE }, &[start]), 40_824);
}

/// A VolumeSnapshot that a user has just made, and the snapshot-controller at work on it.
fn visit_both(content: Model, users: &'static [Action], faults: u32) -> usize {
    let mut state = WorldState::new(content, users, faults);
    state.controller = state.truth.as_ref().map(Controller::of);
    if state.truth.as_ref().is_some_and(|content| content.source == From::Volume) {
        (state.truth, state.process.seen) = (None, None);
    }
    StateSearch::begin(state).run()
}

/// The content that an import names: bound to nobody, held by nobody.
fn to_be_imported() -> Model {
    pre_provisioned().unbound().without_finalizer()
}

const DELETING: &[Action] = &[Action::DeleteOwner, Action::Delete];

#[test]
fn every_state_of_a_snapshot_under_both_programs_and_one_fault_ends_well() {
    let starts = [dynamic(), dynamic().retained(), to_be_imported(), to_be_imported().retained()];
    assert_states(starts.into_iter().map(|start| visit_both(start, DELETING, 1)).sum(), 120_135);
}

/// `just model`.
#[test]
#[ignore = "far longer than anybody waits for a test"]
fn every_state_of_a_snapshot_under_both_programs_and_two_faults_ends_well() {
    for start in [dynamic(), to_be_imported()] {
        println!("{} states", visit_both(start, DELETING, 2));
    }
}

/// `just model`.
#[test]
#[ignore = "far longer than anybody waits for a test"]
fn every_state_with_two_faults_ends_well() {
    println!("{} states", visit(&Bounds { faults: 2, ..WIDE }, &starts()));
}
