//! Classes, their drivers, and the storage that they are for.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::line::Line;
use super::seen::{Class, Seen, is_not_served};

pub fn lines(seen: &Seen) -> Vec<Line> {
    let mut lines = Vec::new();
    match &seen.classes {
        Ok(classes) if classes.is_empty() => {
            lines.push(Line::new(Finding::NoClass, "VolumeSnapshotClass", "there is none"));
        }
        Ok(classes) => {
            lines.extend(classes.iter().map(|class| of_class("VolumeSnapshotClass", class, seen)));
            lines.extend(defaults("VolumeSnapshotClass", classes));
        }
        // Its definition is missing, which has a line of its own.
        Err(unread) if is_not_served(unread) => {}
        Err(unread) => lines.push(Line::unread("VolumeSnapshotClass", unread)),
    }
    match &seen.group_classes {
        Ok(classes) => {
            lines.extend(classes.iter().map(|class| of_class("VolumeGroupSnapshotClass", class, seen)));
            lines.extend(defaults("VolumeGroupSnapshotClass", classes));
        }
        Err(unread) if is_not_served(unread) || !seen.has_groups() => {}
        Err(unread) => lines.push(Line::unread("VolumeGroupSnapshotClass", unread)),
    }
    if let Err(unread) = &seen.drivers {
        lines.push(Line::unread("CSIDriver", unread));
    }
    match &seen.storage {
        Ok(storage) => lines.extend(of_storage(storage, seen)),
        Err(unread) => lines.push(Line::unread("StorageClass", unread)),
    }
    if let Err(unread) = &seen.contents
        && !is_not_served(unread)
    {
        lines.push(Line::unread("VolumeSnapshotContent", unread));
    }
    lines
}

fn of_class(kind: &str, class: &Class, seen: &Seen) -> Line {
    let (about, driver) = (format!("{kind} {}", class.name), &class.driver);
    let as_default = if class.is_default { ", as its default" } else { "" };
    match &seen.drivers {
        Ok(drivers) if !drivers.contains(driver) => {
            Line::new(Finding::ClassWithoutDriver, about, format!("there is no CSIDriver {driver}"))
        }
        Ok(_) => Line::new(Finding::ClassUsable, about, format!("is for the driver {driver}{as_default}")),
        Err(unread) => Line::unread(about, unread),
    }
}

/// Each driver with a class should have one default class at most.
fn defaults(kind: &str, classes: &[Class]) -> Vec<Line> {
    let mut by_driver: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for class in classes {
        let defaults = by_driver.entry(&class.driver).or_default();
        defaults.extend(class.is_default.then_some(&*class.name));
    }
    let line = |(driver, defaults): (&str, Vec<&str>)| match &*defaults {
        [] => Some(Line::new(
            Finding::NoDefaultClass,
            format!("driver {driver}"),
            format!("no {kind} is its default; a snapshot has to name one"),
        )),
        [_] => None,
        [..] => {
            let says = format!("{} {kind}es are its default: {}", defaults.len(), defaults.join(", "));
            Some(Line::new(Finding::TwoDefaultClasses, format!("driver {driver}"), says))
        }
    };
    by_driver.into_iter().filter_map(line).collect()
}

/// A StorageClass of a CSI driver that no snapshot class names.
fn of_storage(storage: &[(String, String)], seen: &Seen) -> Vec<Line> {
    let (Ok(classes), Ok(drivers)) = (&seen.classes, &seen.drivers) else { return Vec::new() };
    let with_class: BTreeSet<&str> = classes.iter().map(|class| &*class.driver).collect();
    let lacks = storage
        .iter()
        .filter(|(_, provisioner)| drivers.contains(provisioner) && !with_class.contains(&**provisioner));
    let says = |driver: &str| format!("its driver {driver} has no VolumeSnapshotClass");
    lacks
        .map(|(name, driver)| {
            Line::new(Finding::StorageWithoutClass, format!("StorageClass {name}"), says(driver))
        })
        .collect()
}
