//! Which Secret a class names for a snapshot: templates, filled in.

use std::collections::BTreeMap;

use model::facts::Kind;
use model::user::User;

use super::step::SecretName;

/// The Secret that a class names for a user's object and the content that it is going to have; `None` where it names none.
///
/// # Errors
/// What is wrong with the parameters, in words.
pub(super) fn secret(
    parameters: &BTreeMap<String, String>,
    user: &User<'_>,
    content: &str,
) -> Result<Option<SecretName>, String> {
    let (kind, prefix) = match user.kind {
        Kind::Single => ("volumesnapshot", "csi.storage.k8s.io/snapshotter-secret"),
        Kind::Group => ("volumegroupsnapshot", "csi.storage.k8s.io/group-snapshotter-secret"),
    };
    let (for_name, for_namespace) = (format!("{prefix}-name"), format!("{prefix}-namespace"));
    match (parameters.get(&for_name), parameters.get(&for_namespace)) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(format!("it has {for_name} without {for_namespace}")),
        (None, Some(_)) => Err(format!("it has {for_namespace} without {for_name}")),
        (Some(name), Some(namespace)) => {
            let shared =
                [(format!("{kind}content.name"), content), (format!("{kind}.namespace"), user.namespace())];
            let own = [(format!("{kind}.name"), user.name())];
            let namespace = fill(&for_namespace, namespace, &shared)?;
            let name = fill(&for_name, name, &[&shared[..], &own].concat())?;
            if !is_name(&name, 253, true) {
                return Err(format!("{for_name} gives {name:?}, which is no name of a Secret"));
            }
            if !is_name(&namespace, 63, false) {
                return Err(format!("{for_namespace} gives {namespace:?}, which is no name of a namespace"));
            }
            Ok(Some(SecretName { name, namespace }))
        }
    }
}

/// A template with its tokens filled in, as Go's `os.Expand` reads them, except that a token must be in braces.
fn fill(parameter: &str, template: &str, tokens: &[(String, &str)]) -> Result<String, String> {
    let (mut filled, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((token, after)) = after.split_once('}') else {
            return Err(format!("{parameter} is {template:?}, in which a brace is not closed"));
        };
        let Some((_, value)) = tokens.iter().find(|(name, _)| name == token) else {
            let known: Vec<String> = tokens.iter().map(|(name, _)| format!("${{{name}}}")).collect();
            return Err(format!("{parameter} holds ${{{token}}}, which is none of {}", known.join(", ")));
        };
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Whether a text is a DNS label, or a name of such labels with dots between them.
fn is_name(text: &str, longest: usize, dots: bool) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= longest && if dots { text.split('.').all(label) } else { label(text) }
}

#[cfg(test)]
mod tests {
    use model::snapshot::VolumeSnapshot;
    use serde_json::json;

    use super::*;

    fn in_kind(
        kind: Kind,
        name: Option<&str>,
        namespace: Option<&str>,
    ) -> Result<Option<SecretName>, String> {
        let prefix = if kind == Kind::Group { "group-" } else { "" };
        let pairs = [("name", name), ("namespace", namespace)];
        let parameters = pairs.into_iter().filter_map(|(key, value)| {
            Some((format!("csi.storage.k8s.io/{prefix}snapshotter-secret-{key}"), value?.to_owned()))
        });
        let snapshot = json!({"metadata": {"name": "s", "namespace": "ns"}});
        let snapshot: VolumeSnapshot = serde_json::from_value(snapshot).unwrap();
        let user = User {
            kind,
            metadata: &snapshot.metadata,
            is_dynamic: true,
            given_content: None,
            class_name: None,
            status: None,
            group: None,
        };
        secret(&parameters.collect(), &user, "snapcontent-u")
    }

    fn of(name: Option<&str>, namespace: Option<&str>) -> Result<Option<SecretName>, String> {
        in_kind(Kind::Single, name, namespace)
    }

    #[test]
    fn templates_are_filled_in() {
        let name = "${volumesnapshotcontent.name}.${volumesnapshot.name}-x";
        let found = of(Some(name), Some("${volumesnapshot.namespace}")).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.namespace.as_str()), ("snapcontent-u.s-x", "ns"));
        assert_eq!(of(None, None), Ok(None));
    }

    #[test]
    fn groups_have_parameters_and_tokens_of_their_own() {
        let name = Some("${volumegroupsnapshotcontent.name}.${volumegroupsnapshot.name}");
        let namespace = Some("${volumegroupsnapshot.namespace}");
        let found = in_kind(Kind::Group, name, namespace).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.namespace.as_str()), ("snapcontent-u.s", "ns"));
        let refused = in_kind(Kind::Group, Some("${volumesnapshot.name}"), namespace).unwrap_err();
        assert!(refused.contains("group-snapshotter-secret-name holds ${volumesnapshot.name}"), "{refused}");
    }

    #[test]
    fn a_template_that_cannot_be_used_is_refused_by_its_name() {
        for (name, namespace, words) in [
            (Some("a"), None, "without csi.storage.k8s.io/snapshotter-secret-namespace"),
            (None, Some("a"), "without csi.storage.k8s.io/snapshotter-secret-name"),
            (Some(""), Some("a"), "no name of a Secret"),
            (Some("a"), Some(""), "no name of a namespace"),
            (Some("${pvc.name}"), Some("a"), "${pvc.name}"),
            (Some("a"), Some("${volumesnapshot.name}"), "${volumesnapshot.name}"),
            (Some("${volumesnapshot.name"), Some("a"), "not closed"),
            (Some("A_b"), Some("a"), "no name of a Secret"),
        ] {
            let refused = of(name, namespace).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
