//! The definitions of the snapshot kinds.

use super::finding::Finding;
use super::line::Line;
use super::seen::{Asked, Definition, Seen, is_of_groups};
use crate::unread::{Unread, Why};

pub fn lines(seen: &Seen) -> Vec<Line> {
    let mut lines = Vec::new();
    let absent = |read: &Result<Definition, Unread>| matches!(read, Err(Unread { why: Why::Missing, .. }));
    let groups: Vec<_> = seen.definitions.iter().filter(|(name, _)| is_of_groups(name)).collect();
    let are_groups_absent = groups.iter().all(|(_, read)| absent(read));
    for (name, read) in &seen.definitions {
        let of_groups = is_of_groups(name);
        match read {
            Err(_) if of_groups && are_groups_absent => {}
            Err(Unread { why: Why::Missing, .. }) => {
                let finding = if of_groups { Finding::GroupVersion } else { Finding::KindMissing };
                lines.push(Line::new(finding, *name, "it is not installed"));
            }
            Err(unread) => lines.push(Line::unread(*name, unread)),
            Ok(definition) => lines.extend(of_definition(name, definition, seen)),
        }
    }
    if are_groups_absent && !groups.is_empty() {
        let says = "its kinds are not installed; lone snapshots do not need them";
        lines.push(Line::new(Finding::GroupsAbsent, "groupsnapshot.storage.k8s.io", says));
    }
    lines
}

fn of_definition(name: &str, definition: &Definition, seen: &Seen) -> Vec<Line> {
    if let Some(why) = &definition.not_established {
        return vec![Line::new(Finding::KindNotEstablished, name, format!("it is not established: {why}"))];
    }
    let mut lines = Vec::new();
    if !definition.serves_v1 {
        let finding = if is_of_groups(name) { Finding::GroupVersion } else { Finding::KindVersion };
        lines.push(Line::new(
            finding,
            name,
            format!("it serves {}, and not v1", definition.served.join(", ")),
        ));
    }
    let old: Vec<&str> =
        definition.stored.iter().filter(|it| **it != definition.stores).map(|it| &**it).collect();
    if !old.is_empty() {
        let says = format!(
            "objects may still be stored as {}; new ones are stored as {}",
            old.join(", "),
            definition.stores
        );
        lines.push(Line::new(Finding::OldStoredVersions, name, says));
    }
    lines.extend(definition.conversion.iter().flat_map(|asked| of_conversion(name, asked, seen)));
    if lines.is_empty() {
        let (served, stored) = (definition.served.join(", "), &definition.stores);
        lines.push(Line::new(Finding::KindServed, name, format!("serves {served}, stores {stored}")));
    }
    lines
}

fn of_conversion(name: &str, asked: &Asked, seen: &Seen) -> Vec<Line> {
    let mut lines = Vec::new();
    if asked.service.is_some() && !asked.has_ca {
        lines.push(Line::new(Finding::ConversionWithoutCa, name, "its conversion webhook has no caBundle"));
    }
    let service = asked.service.as_ref().and_then(|service| Some((service, seen.services.get(service)?)));
    match service {
        Some((service, Ok(false))) => {
            let says = format!("the service {service} of its conversion webhook has no ready endpoint");
            lines.push(Line::new(Finding::ConversionAway, name, says));
        }
        Some((_, Err(unread))) => lines.push(Line::unread(name, unread)),
        Some((_, Ok(true))) | None => {}
    }
    lines
}
