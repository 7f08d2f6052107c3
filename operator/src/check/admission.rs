//! Webhooks and policies of admission that are asked about the writes of both programs.

use super::finding::Finding;
use super::line::Line;
use super::rights::{Wanted, manifests};
use super::seen::{Policy, Rule, Seen, Webhook, is_not_served};

pub fn lines(seen: &Seen) -> Vec<Line> {
    let mut lines = Vec::new();
    for (resource, read) in &seen.webhooks {
        match read {
            Ok(_) => {}
            Err(unread) if is_not_served(unread) => {}
            Err(unread) => lines.push(Line::unread(*resource, unread)),
        }
    }
    lines.extend(that_match(seen).map(|webhook| of_webhook(webhook, seen)));
    match &seen.policies {
        Ok(policies) => lines.extend(policies.iter().filter_map(of_policy)),
        Err(unread) if is_not_served(unread) => {}
        Err(unread) => lines.push(Line::unread("ValidatingAdmissionPolicy", unread)),
    }
    if lines.is_empty() {
        let says = "no webhook and no policy is asked about our writes";
        lines.push(Line::new(Finding::AdmissionLeavesUs, "admission", says));
    }
    lines
}

/// The webhooks that are asked about a write of ours.
pub fn that_match(seen: &Seen) -> impl Iterator<Item = &Webhook> {
    let writes = writes();
    let all = seen.webhooks.iter().filter_map(|(_, read)| read.as_ref().ok()).flatten();
    all.filter(move |webhook| !matched(&webhook.rules, webhook.is_equivalent, &writes).is_empty())
}

fn of_webhook(webhook: &Webhook, seen: &Seen) -> Line {
    let about = format!("webhook {} of {}", webhook.name, webhook.configuration);
    let asked = matched(&webhook.rules, webhook.is_equivalent, &writes()).join(", ");
    let service = webhook.asked.service.as_ref();
    let is_ready = service.and_then(|service| seen.services.get(service));
    if !webhook.must_answer {
        return Line::new(
            Finding::WebhookOptional,
            about,
            format!("it is asked about {asked}, and may be away"),
        );
    }
    match (is_ready, service) {
        (Some(Ok(false)), Some(service)) => {
            let says = format!(
                "it is asked about {asked}, must answer, and its service {service} has no ready endpoint"
            );
            Line::new(Finding::WebhookAway, about, says)
        }
        (Some(Err(unread)), _) => Line::unread(about, unread),
        (Some(Ok(_)) | None, _) => Line::new(
            Finding::WebhookOnOurWrites,
            about,
            format!("it is asked about {asked}, and must answer"),
        ),
    }
}

fn of_policy(policy: &Policy) -> Option<Line> {
    let asked = matched(&policy.rules, policy.is_equivalent, &writes());
    let says = || format!("it is asked about {}, and denies what it does not like", asked.join(", "));
    let about = format!("ValidatingAdmissionPolicy {}", policy.name);
    (!asked.is_empty()).then(|| Line::new(Finding::PolicyOnOurWrites, about, says()))
}

/// A write of ours.
struct Written {
    group: &'static str,
    resource: String,
    operation: &'static str,
}

/// What both programs write, as their rights say. Events are told from what they are about; nothing waits for one.
fn writes() -> Vec<Written> {
    let is_ours = |wanted: &&'static Wanted| wanted.resource != "events";
    let written = |wanted: &'static Wanted| {
        let operation = match &*wanted.verb {
            "create" => "CREATE",
            "update" | "patch" => "UPDATE",
            "delete" => "DELETE",
            _ => return None,
        };
        Some(Written { group: &wanted.group, resource: wanted.full_resource(), operation })
    };
    manifests().iter().filter(is_ours).filter_map(written).collect()
}

/// The resources among our writes that rules match, each once.
fn matched(rules: &[Rule], is_equivalent: bool, writes: &[Written]) -> Vec<String> {
    let mut found = Vec::new();
    for write in writes {
        let matches = |rule: &Rule| {
            has(&rule.groups, write.group)
                && (is_equivalent || has(&rule.versions, "v1"))
                && has(&rule.operations, write.operation)
                && rule.resources.iter().any(|pattern| names(pattern, &write.resource))
        };
        if rules.iter().any(matches) && !found.contains(&write.resource) {
            found.push(write.resource.clone());
        }
    }
    found
}

fn has(words: &[String], word: &str) -> bool {
    words.iter().any(|known| known == "*" || known == word)
}

/// Whether a pattern of a rule names a resource: `*` is all without a subresource, `*/*` all, `a/*` the subresources of
/// one, `*/b` one of all.
fn names(pattern: &str, resource: &str) -> bool {
    let ((plural, sub), (wanted, wanted_sub)) = (split(pattern), split(resource));
    match (plural, sub) {
        ("*", Some("*")) => true,
        (plural, sub) => {
            (plural == "*" || plural == wanted)
                && (sub == wanted_sub || (sub == Some("*") && wanted_sub.is_some()))
        }
    }
}

fn split(resource: &str) -> (&str, Option<&str>) {
    match resource.split_once('/') {
        Some((plural, sub)) => (plural, Some(sub)),
        None => (resource, None),
    }
}
