//! `csi-snapshotter audit`: compares what the storage holds with what the contents name, once, and changes nothing.
//!
//! ```text
//!  contents ──► before ─┐                 ┌─► confirm ──► report ──► table or JSON, exit code
//!  driver ────► storage ┼──► compare ─────┤   (asks the driver once more)
//!  contents ──► after ──┘    (pure)       └─ events
//! ```
//!
//! # Promises
//! - A snapshot that is taken or deleted meanwhile is no finding: `contents.rs` says how.
//! - What could not be looked at is never taken for clean.
//! - Of a snapshot that a content names, only a digest of eight bytes is kept.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use machinery::cluster::client::{Clients, connect};
use machinery::cluster::error::{ApiError, Failure, in_one_line};
use machinery::cluster::objects::Objects;
use machinery::object::{Body, Object};
use machinery::{clock, leadership::Leadership, shutdown};
use model::content::SingleContent;
use model::facts::{Content, Facts, Kind};
use model::group_content::GroupContent;
use model::names::MANAGED_BY;

use crate::csi::{Connected, Driver, Method, Observe};
use crate::metrics::Metrics;
use crate::settings::audit::{Output, Settings};

mod compare;
mod confirm;
mod contents;
mod digest;
mod events;
mod ours;
mod report;
mod storage;
mod table;

#[cfg(test)]
mod tests;

use contents::{After, Age, Before, Named};
use digest::Digests;
use report::Report;
pub use report::Verdict;
use storage::Storage;

/// The User-Agent of requests to the API server.
const AGENT: &str = concat!("csi-snapshotter-audit/", env!("CARGO_PKG_VERSION"));
const OTHERS: &str = "whether something else refers to an unreferenced snapshot: another cluster on the same storage, \
     another tool, or a person";
const NAMES: &str = "the name that a snapshot was taken under, unless the driver puts it into the handle";
const SECRETS: &str = "what the driver lists only with a Secret: the audit sends none";
const NO_LIST: &str =
    "the driver lacks the capability LIST_SNAPSHOTS, so nobody can tell what its storage holds";

/// Looks once, prints what was found, and returns the verdict.
///
/// # Errors
/// Nothing could be looked at: no API server, no driver, no right to list contents.
pub async fn run(settings: Settings) -> anyhow::Result<Verdict> {
    let ending = shutdown::listen().context("cannot listen for signals")?;
    match ending.unless_draining(audit(settings)).await {
        Some(verdict) => verdict,
        None => bail!("the audit was asked to stop"),
    }
}

async fn audit(settings: Settings) -> anyhow::Result<Verdict> {
    let rest = Metrics::new()?.base.rest;
    let clients =
        connect(settings.kubeconfig.clone(), AGENT, settings.api, Leadership::always(), rest).await?;
    let driver = Driver::new(settings.csi_address.clone(), settings.timeout, false, Arc::new(NoMetrics));
    let connected = tokio::time::timeout(settings.timeout, driver.connect()).await;
    let connected = connected.with_context(|| {
        format!("no driver answers on {} within --timeout", settings.csi_address.display())
    })??;
    let (output, names) = (settings.output, settings.names.clone());
    let mut look = Look::new(&settings, &clients, &driver, connected);
    let found = look.look().await?;
    let Look { mut report, .. } = look;
    let (findings, asked) = found;
    report.fill(findings, asked, &names);
    let events = orphans(&clients, &report.driver).await;
    match events {
        Ok(events) => events.into_iter().for_each(|(content, why)| report.doubt(content, why)),
        Err(error) => report.cannot_know.push(format!(
            "what events say of possible orphans, which could not be read: {}",
            in_one_line(&error)
        )),
    }
    let verdict = report.conclude();
    let text = match output {
        Output::Table => table::table(&report),
        Output::Json => {
            serde_json::to_string_pretty(&report).context("the report cannot be written as JSON")? + "\n"
        }
    };
    // A closed pipe is not an error: the reader has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(verdict)
}

/// One audit under way.
struct Look<'a> {
    clients: &'a Clients,
    driver: &'a Driver,
    node: Option<&'a str>,
    digests: Digests,
    age: Age,
    can_list: bool,
    can_find: bool,
    report: Report,
}

type Found = (compare::Findings, Vec<report::Asked>);

impl<'a> Look<'a> {
    fn new(settings: &'a Settings, clients: &'a Clients, driver: &'a Driver, connected: Connected) -> Self {
        let age = Age { now: clock::now(), older_than: settings.older_than };
        let mut report = Report::of(connected.name, age.now, settings.older_than.as_secs());
        report.cannot_know = [OTHERS, NAMES, SECRETS].map(str::to_owned).to_vec();
        Self {
            clients,
            driver,
            node: settings.node.as_deref(),
            digests: Digests::default(),
            age,
            can_list: connected.abilities.list_snapshots,
            can_find: connected.abilities.can_find(),
            report,
        }
    }

    /// Reads the contents, the list, and the contents again: in this order, which `contents.rs` gives the reason for.
    async fn look(&mut self) -> anyhow::Result<Found> {
        let mut named = self.before().await?;
        let (storage, is_complete) = self.storage(&mut named).await;
        let after = match self.after(&named).await {
            Ok(after) => after,
            Err(error) => {
                // Without the second reading every snapshot that was taken meanwhile would seem to be unreferenced.
                let why = in_one_line(&error);
                self.report.problems.push(format!("the contents could not be read a second time: {why}"));
                return Ok((compare::Findings::default(), Vec::new()));
            }
        };
        self.report.looked.contents = after.contents;
        let mut findings = compare::compare(storage, after, is_complete);
        let mut asked = Vec::new();
        if self.can_find {
            (asked, self.report.looked.unlisted) = confirm::missing(self.driver, &mut findings).await;
            confirm::gone(self.driver, &mut findings).await;
        }
        Ok((findings, asked))
    }

    async fn before(&mut self) -> Result<Named, ApiError> {
        let digests = &self.digests;
        let single =
            self.read::<SingleContent, Before>(|before, _, facts| before.add(digests, facts)).await?;
        let group = self.read::<GroupContent, Before>(|before, _, facts| before.add(digests, facts)).await;
        let group = without_kind(group)?;
        if group.is_none() {
            self.report.cannot_know.push(format!(
                "what group contents name; where there are group snapshots, grant `list` on `{}`",
                GroupContent::PLURAL
            ));
        }
        Ok(Named::of(single, group.unwrap_or_default()))
    }

    async fn storage(&mut self, named: &mut Named) -> (Storage, bool) {
        let mut storage = Storage::default();
        if !self.can_list {
            self.report.problems.push(NO_LIST.to_owned());
            return (storage, false);
        }
        let (digests, age) = (&self.digests, self.age);
        let listed = self.driver.each_snapshot(|snapshot| storage.see(digests, named, age, snapshot)).await;
        let looked = &mut self.report.looked;
        (looked.pages, looked.entries) = (listed.pages, storage.entries);
        (looked.young, looked.without_id) = (storage.young, listed.nameless);
        let is_complete = listed.end.is_ok();
        if let Err(refusal) = listed.end {
            self.report.problems.push(format!(
                "the driver's list ended after {} pages, so nothing is said of what is missing: {}",
                listed.pages, refusal.message
            ));
        }
        (storage, is_complete)
    }

    async fn after(&self, named: &Named) -> Result<After, ApiError> {
        let (digests, age, node) = (&self.digests, self.age, self.node);
        let single = self.read::<SingleContent, After>(|after, object, facts| {
            let is_here = node.is_none_or(|node| object.label(MANAGED_BY) == Some(node));
            after.add(digests, named, age, facts, is_here);
        });
        let mut after = single.await?;
        // Group contents carry no label of a node.
        let is_here = node.is_none();
        let group = self.read::<GroupContent, After>(|after, _, facts| {
            after.add(digests, named, age, facts, is_here);
        });
        after.join(without_kind(group.await)?.unwrap_or_default());
        Ok(after)
    }

    /// Reads the contents of the driver, each into what `add` makes of them.
    async fn read<B: Body, T: Default>(
        &self,
        mut add: impl FnMut(&mut T, &Object<B>, &Facts<'_>),
    ) -> Result<T, ApiError>
    where
        Object<B>: Content,
    {
        let driver = &self.report.driver;
        let contents = Objects::<B>::new(self.clients.api.clone());
        let selector = format!("spec.driver={driver}");
        contents
            .fold(&selector, |folded, object| {
                let facts = object.facts();
                if facts.driver == driver {
                    add(folded, &object, &facts);
                }
            })
            .await
    }
}

/// `None` if the kind is not installed, or may not be listed: RBAC is asked first, so both may look the same.
fn without_kind<T>(read: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_refused_with(404) => Ok(None),
        Err(ApiError { failure: Failure::Forbidden(_) | Failure::NotFound(_), .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What events say of possible orphans of the driver.
async fn orphans(clients: &Clients, driver: &str) -> Result<Vec<(report::Content, String)>, ApiError> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let selector = format!("reason={}", kind.names().may_be_orphaned);
        let add = |found: &mut Vec<_>, event: Object<events::Event>| {
            if found.len() < contents::MOST_SHOWN {
                found.extend(event.body.orphan(kind, driver));
            }
        };
        found.extend(Objects::<events::Event>::new(clients.api.clone()).fold(&selector, add).await?);
    }
    Ok(found)
}

struct NoMetrics;

impl Observe for NoMetrics {
    fn call_done(&self, _driver: &str, _method: Method, _code: &'static str, _took: Duration) {}
}
