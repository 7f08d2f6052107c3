//! The two programs, by the Leases that they hold.

use std::collections::BTreeMap;

use machinery::cluster::plain::Resource;

use super::finding::Finding;
use super::line::Line;
use super::seen::{Lease, Seen};
use crate::text::age::since;

/// Leases.
pub const LEASES: Resource = Resource { group: "coordination.k8s.io", version: "v1", plural: "leases" };
/// The Lease of the snapshot-controller, ours and the reference's.
pub const CONTROLLER: &str = "snapshot-controller-leader";
/// What the Lease of a sidecar begins with.
pub const SIDECAR: &str = "external-snapshotter-leader-";

/// The Lease of a driver's sidecar. On one node of many it has the node's name at its end.
pub fn lease_of(driver: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    format!("{SIDECAR}{}", driver.chars().map(safe).collect::<String>())
}

pub fn lines(seen: &Seen) -> Vec<Line> {
    let leases = match &seen.leases {
        Ok(leases) => leases,
        Err(unread) => return vec![Line::unread("snapshot-controller and sidecars", unread)],
    };
    let mut lines = of_controller(leases, seen);
    for (driver, what_for) in busy_drivers(seen) {
        lines.push(of_sidecar(&driver, &what_for, leases, seen));
    }
    lines
}

fn of_controller(leases: &[Lease], seen: &Seen) -> Vec<Line> {
    const ABOUT: &str = "snapshot-controller";
    let ours: Vec<&Lease> = leases.iter().filter(|lease| lease.name == CONTROLLER).collect();
    let held: Vec<&Lease> = ours.iter().copied().filter(|lease| lease.is_held(seen.clock)).collect();
    let mut lines: Vec<Line> =
        held.iter().map(|lease| Line::new(Finding::ControllerLeads, ABOUT, tells(lease, seen))).collect();
    match (&*held, &*ours) {
        ([], []) => {
            let says = format!("there is no Lease {CONTROLLER} in any namespace");
            lines.push(Line::new(Finding::ControllerWithoutLease, ABOUT, says));
        }
        ([], gone) => {
            lines.extend(
                gone.iter().map(|lease| Line::new(Finding::ControllerGone, ABOUT, tells(lease, seen))),
            );
        }
        ([_], _) => {}
        ([first, second, ..], _) => {
            let says = format!("the Leases {} and {} are both held", first.key(), second.key());
            lines.push(Line::new(Finding::TwoControllers, ABOUT, says));
        }
    }
    lines
}

/// The drivers that need a sidecar, and why.
pub fn busy_drivers(seen: &Seen) -> BTreeMap<String, String> {
    let mut busy = BTreeMap::new();
    for class in seen.classes.iter().flatten().chain(seen.group_classes.iter().flatten()) {
        busy.entry(class.driver.clone()).or_insert_with(|| format!("the class {} names it", class.name));
    }
    for (driver, count) in seen.contents.iter().flatten() {
        busy.insert(driver.clone(), format!("it has {count} contents"));
    }
    busy
}

/// The Leases of a driver's sidecars: its own, or one for each node.
pub fn leases_of<'a>(driver: &str, leases: &'a [Lease]) -> Vec<&'a Lease> {
    let name = lease_of(driver);
    let own: Vec<&Lease> = leases.iter().filter(|lease| lease.name == name).collect();
    if own.is_empty() {
        let of_node = format!("{name}-");
        return leases.iter().filter(|lease| lease.name.starts_with(&of_node)).collect();
    }
    own
}

fn of_sidecar(driver: &str, what_for: &str, leases: &[Lease], seen: &Seen) -> Line {
    let about = format!("sidecar of {driver}");
    let ours = leases_of(driver, leases);
    if let Some(lease) = ours.iter().find(|lease| lease.is_held(seen.clock)) {
        return Line::new(Finding::SidecarLeads, about, tells(lease, seen));
    }
    if let Some(gone) = ours.first() {
        return Line::new(Finding::SidecarGone, about, format!("{}; {what_for}", tells(gone, seen)));
    }
    let says = format!("there is no Lease {}; {what_for}", lease_of(driver));
    Line::new(Finding::SidecarWithoutLease, about, says)
}

/// Who holds a Lease, and since when it was not renewed.
fn tells(lease: &Lease, seen: &Seen) -> String {
    let age = |time| format!("{} ago", since(time, seen.clock.now));
    let age = lease.renewed.map_or_else(|| "never".to_owned(), age);
    let key = lease.key();
    match &lease.holder {
        Some(holder) if lease.is_held(seen.clock) => format!("{holder} holds the Lease {key}, renewed {age}"),
        Some(holder) => format!("{holder} held the Lease {key} until it expired, renewed {age}"),
        None => format!("nobody holds the Lease {key} any more, renewed {age}"),
    }
}
