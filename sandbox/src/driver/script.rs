//! The script of a driver, with which a test makes it slow, faulty or forgetful.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tonic::{Code, Status};

use super::fault::{Fault, FaultRules, Times};
use super::method::Method;
use super::options::{Capabilities, Options};

/// When a new snapshot becomes ready to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// In the answer to its creation.
    AtOnce,
    /// This long after it was taken.
    After(Duration),
    /// After this many answers that say "not ready". The answer to the creation is one of them.
    AfterAnswers(u32),
    /// When the test releases it.
    Held,
}

/// What the driver forgets. Storage keeps everything, so this is how a driver leaks snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amnesia {
    /// The name that each snapshot was created with, so that the same name creates another one.
    Names,
    /// The snapshots and groups themselves.
    All,
}

/// The habits of some real drivers that the specification does not foresee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// Every id in an answer is in upper case. In requests, ids are accepted in any case.
    pub capitals: bool,
    /// An answer contains the id of a source volume only up to its first "/".
    pub short_sources: bool,
    /// `ListSnapshots` ignores every filter and returns this many entries in a page; 0 turns this off.
    pub lists_all_by: usize,
}

#[derive(Debug)]
struct ScriptProgress {
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
    rules: HashMap<Method, FaultRules>,
    latency: HashMap<Method, Duration>,
    secrets: HashMap<Method, RequiredSecret>,
    readiness: Readiness,
    progress: HashMap<String, ScriptProgress>,
    withheld: bool,
    amnesia: Option<Amnesia>,
    habits: Habits,
    losses: u32,
    expiries: u32,
}

/// The script of one driver. A change takes effect with the next call, and it is kept over `kill` and `restart`.
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

    /// Adds a fault after those that the method already has.
    pub fn fail(&self, method: Method, fault: Fault, times: Times) {
        self.state().rules.entry(method).or_default().push(fault, times);
    }

    /// Removes every fault, latency and hold. Calls that are held continue.
    pub fn clear(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.latency.clear();
        state.unready_probes = 0;
        drop(state);
        self.held.send_modify(HashSet::clear);
    }

    /// Delays each call of the method by this time.
    pub fn latency(&self, method: Method, latency: Duration) {
        self.state().latency.insert(method, latency);
    }

    /// Holds the calls of the method until `let_go`.
    pub fn hold(&self, method: Method) {
        self.held.send_modify(|held| {
            held.insert(method);
        });
    }

    /// Lets the calls of the method continue.
    pub fn let_go(&self, method: Method) {
        self.held.send_modify(|held| {
            held.remove(&method);
        });
    }

    /// Sets when snapshots that are taken from now on become ready.
    pub fn readiness(&self, readiness: Readiness) {
        self.state().readiness = readiness;
    }

    /// While this is on, no snapshot is ready, not even one that was ready before.
    pub fn withhold(&self, on: bool) {
        self.state().withheld = on;
    }

    /// Makes every existing snapshot ready at once.
    pub fn release(&self) {
        self.state().progress.clear();
    }

    /// Makes the driver forget once, before its next call.
    pub fn forget(&self, amnesia: Amnesia) {
        self.state().amnesia = Some(amnesia);
    }

    /// Sets the habits of the driver.
    pub fn habits(&self, habits: Habits) {
        self.state().habits = habits;
    }

    /// Makes this many of the next creations lose the snapshot that an earlier one took for the same name, unless it was
    /// reported as ready. Each of them takes another snapshot with another handle.
    pub fn lose_unready(&self, count: u32) {
        self.state().losses = count;
    }

    /// Makes the token expire in this many of the next calls of `ListSnapshots` with a token.
    pub fn expire_tokens(&self, count: u32) {
        self.state().expiries = count;
    }

    /// Makes this many of the next probes answer that the driver is not ready.
    pub fn unready_probes(&self, count: u32) {
        self.state().unready_probes = count;
    }

    /// Changes the name of the driver.
    pub fn rename(&self, name: &str) {
        name.clone_into(&mut self.state().name);
    }

    /// Changes the capabilities that the driver reports. A call without its capability is answered with UNIMPLEMENTED.
    pub fn capabilities(&self, capabilities: Capabilities) {
        self.state().capabilities = capabilities;
    }

    /// Refuses calls of the method with this code unless their secrets have this value for this key.
    pub fn require_secret(&self, method: Method, key: &str, value: &str, refusal: Code) {
        let rule = RequiredSecret { key: key.to_owned(), value: value.to_owned(), refusal };
        self.state().secrets.insert(method, rule);
    }

    pub(super) fn draw(&self, method: Method) -> Option<Fault> {
        self.state().rules.get_mut(&method)?.draw()
    }

    /// Waits until the call may begin.
    pub(super) async fn admit(&self, method: Method) {
        let mut held = self.held.subscribe();
        // The sender exists as long as this script, so waiting cannot fail.
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

    /// Whether this snapshot, which is requested again, is lost now.
    pub(super) fn loses(&self, id: &str) -> bool {
        let mut state = self.state();
        let lost = state.losses > 0 && state.progress.remove(id).is_some();
        state.losses -= u32::from(lost);
        lost
    }

    /// Whether the token of a request has expired.
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

    /// Records that a snapshot has just been taken.
    pub(super) fn cut(&self, id: &str) {
        let mut state = self.state();
        let readiness = state.readiness;
        if readiness != Readiness::AtOnce {
            let progress = ScriptProgress { since: Instant::now(), readiness, answers: 0 };
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
