//! What a test tells the driver to do: how slow, how broken and how forgetful to be.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tonic::{Code, Status};

use super::fault::{Fault, Rules, Times};
use super::method::Method;
use super::options::{Capabilities, Options};

/// When a new snapshot becomes ready to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// With the answer to its creation.
    AtOnce,
    /// So long after it was cut.
    After(Duration),
    /// After so many answers that said "not ready"; the answer to the creation is one of them.
    AfterAnswers(u32),
    /// When the test releases it.
    Held,
}

/// What the driver no longer knows. Storage keeps everything: this is how a driver leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amnesia {
    /// Which name each snapshot was created under, so that the same name makes another one.
    Names,
    /// That the snapshots and groups are there at all.
    All,
}

/// Habits of drivers in the field, which CSI does not foresee and yet has to live with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// Every id in an answer is in capitals; in requests they are taken in any case.
    pub capitals: bool,
    /// An answer names a source volume up to the first "/" of its id only.
    pub short_sources: bool,
    /// `ListSnapshots` looks at no filter and brings this many entries a page; 0 turns it off.
    pub lists_all_by: usize,
}

#[derive(Debug)]
struct Progress {
    since: Instant,
    readiness: Readiness,
    answers: u32,
}

#[derive(Debug)]
struct RequiredSecret {
    key: String,
    value: String,
    refusal: Code,
}

#[derive(Debug)]
struct State {
    name: String,
    capabilities: Capabilities,
    unready_probes: u32,
    rules: HashMap<Method, Rules>,
    latency: HashMap<Method, Duration>,
    secrets: HashMap<Method, RequiredSecret>,
    readiness: Readiness,
    progress: HashMap<String, Progress>,
    withheld: bool,
    amnesia: Option<Amnesia>,
    habits: Habits,
    losses: u32,
    expiries: u32,
}

/// The script of one driver. Each change is in force from the next call on and outlives `kill` and `restart`.
#[derive(Debug)]
pub struct Script {
    state: Mutex<State>,
    held: watch::Sender<HashSet<Method>>,
}

impl Script {
    pub(super) fn new(options: &Options) -> Script {
        let state = State {
            name: options.name.clone(),
            capabilities: options.capabilities,
            unready_probes: 0,
            rules: HashMap::new(),
            latency: HashMap::new(),
            secrets: HashMap::new(),
            readiness: Readiness::AtOnce,
            progress: HashMap::new(),
            withheld: false,
            amnesia: None,
            habits: Habits::default(),
            losses: 0,
            expiries: 0,
        };
        Script { state: Mutex::new(state), held: watch::Sender::new(HashSet::new()) }
    }

    /// Adds a fault behind those that the method already has.
    pub fn fail(&self, method: Method, fault: Fault, times: Times) {
        self.state().rules.entry(method).or_default().push(fault, times);
    }

    /// Takes back every fault, latency and hold; calls that are held go on.
    pub fn clear(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.latency.clear();
        state.unready_probes = 0;
        drop(state);
        self.held.send_modify(HashSet::clear);
    }

    /// Makes each call of the method wait so long before it does anything.
    pub fn latency(&self, method: Method, latency: Duration) {
        self.state().latency.insert(method, latency);
    }

    /// Keeps the calls of the method from doing anything until `let_go`.
    pub fn hold(&self, method: Method) {
        self.held.send_modify(|held| {
            held.insert(method);
        });
    }

    /// Lets the calls of the method go on.
    pub fn let_go(&self, method: Method) {
        self.held.send_modify(|held| {
            held.remove(&method);
        });
    }

    /// When the snapshots that are cut from now on become ready.
    pub fn readiness(&self, readiness: Readiness) {
        self.state().readiness = readiness;
    }

    /// While it is on, no snapshot is ready, not even one that was before.
    pub fn withhold(&self, on: bool) {
        self.state().withheld = on;
    }

    /// Makes every snapshot that there is ready, however long it should have taken.
    pub fn release(&self) {
        self.state().progress.clear();
    }

    /// Makes the driver forget before its next call, once.
    pub fn forget(&self, amnesia: Amnesia) {
        self.state().amnesia = Some(amnesia);
    }

    /// Gives the driver these habits and no others.
    pub fn habits(&self, habits: Habits) {
        self.state().habits = habits;
    }

    /// Makes the next creations lose what an earlier one cut under the same name and has not told to be ready,
    /// this many: each cuts another one, with another handle.
    pub fn lose_unready(&self, count: u32) {
        self.state().losses = count;
    }

    /// Makes the next calls of `ListSnapshots` that bring a token find it expired, this many.
    pub fn expire_tokens(&self, count: u32) {
        self.state().expiries = count;
    }

    /// Makes the next probes answer that the driver is not ready, this many.
    pub fn unready_probes(&self, count: u32) {
        self.state().unready_probes = count;
    }

    /// Changes the name that the driver gives itself.
    pub fn rename(&self, name: &str) {
        name.clone_into(&mut self.state().name);
    }

    /// Changes what the driver says that it can do, and with it what it answers UNIMPLEMENTED.
    pub fn capabilities(&self, capabilities: Capabilities) {
        self.state().capabilities = capabilities;
    }

    /// Refuses calls of the method with this code unless their secrets hold this value under this key.
    pub fn require_secret(&self, method: Method, key: &str, value: &str, refusal: Code) {
        let rule = RequiredSecret { key: key.to_owned(), value: value.to_owned(), refusal };
        self.state().secrets.insert(method, rule);
    }

    /// Asks for no secrets any more.
    pub fn forget_secrets(&self) {
        self.state().secrets.clear();
    }

    pub(super) fn draw(&self, method: Method) -> Option<Fault> {
        self.state().rules.get_mut(&method)?.draw()
    }

    /// Returns once the call may begin.
    pub(super) async fn admit(&self, method: Method) {
        let mut held = self.held.subscribe();
        // The sender lives as long as this script, so waiting cannot fail.
        drop(held.wait_for(|held| !held.contains(&method)).await);
        let latency = self.state().latency.get(&method).copied();
        if let Some(latency) = latency {
            tokio::time::sleep(latency).await;
        }
    }

    pub(super) fn check_secrets<'a>(
        &self,
        method: Method,
        find: impl FnOnce(&str) -> Option<&'a String>,
    ) -> Result<(), Status> {
        let state = self.state();
        let Some(rule) = state.secrets.get(&method) else {
            return Ok(());
        };
        match find(&rule.key) {
            Some(value) if *value == rule.value => Ok(()),
            Some(_) => Err(Status::new(rule.refusal, format!("secret {:?} is wrong", rule.key))),
            None => Err(Status::new(rule.refusal, format!("secret {:?} is missing", rule.key))),
        }
    }

    pub(super) fn plugin_name(&self) -> String {
        self.state().name.clone()
    }

    pub(super) fn claimed(&self) -> Capabilities {
        self.state().capabilities
    }

    pub(super) fn take_amnesia(&self) -> Option<Amnesia> {
        self.state().amnesia.take()
    }

    pub(super) fn habit(&self) -> Habits {
        self.state().habits
    }

    /// Whether this snapshot, which was asked for again, is lost now.
    pub(super) fn loses(&self, id: &str) -> bool {
        let mut state = self.state();
        let lost = state.losses > 0 && state.progress.remove(id).is_some();
        state.losses -= u32::from(lost);
        lost
    }

    /// Whether a token that was brought has expired.
    pub(super) fn expires(&self) -> bool {
        let mut state = self.state();
        let expired = state.expiries > 0;
        state.expiries -= u32::from(expired);
        expired
    }

    pub(super) fn probe_is_ready(&self) -> bool {
        let mut state = self.state();
        let ready = state.unready_probes == 0;
        state.unready_probes = state.unready_probes.saturating_sub(1);
        ready
    }

    /// A snapshot was cut just now.
    pub(super) fn cut(&self, id: &str) {
        let mut state = self.state();
        let readiness = state.readiness;
        if readiness != Readiness::AtOnce {
            let progress = Progress { since: Instant::now(), readiness, answers: 0 };
            state.progress.insert(id.to_owned(), progress);
        }
    }

    /// Whether the next answer about this snapshot says that it is ready.
    pub(super) fn answers_ready(&self, id: &str) -> bool {
        let mut state = self.state();
        if state.withheld {
            return false;
        }
        let Some(progress) = state.progress.get_mut(id) else {
            return true;
        };
        let ready = match progress.readiness {
            Readiness::AtOnce => true,
            Readiness::After(delay) => progress.since.elapsed() >= delay,
            Readiness::AfterAnswers(answers) => progress.answers >= answers,
            Readiness::Held => false,
        };
        progress.answers = progress.answers.saturating_add(1);
        if ready {
            state.progress.remove(id);
        }
        ready
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
