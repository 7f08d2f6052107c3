//! Which Secret a class names for a snapshot: templates, filled in.

use std::collections::BTreeMap;

use super::step::SecretName;

const NAME: &str = "csi.storage.k8s.io/snapshotter-secret-name";
const NAMESPACE: &str = "csi.storage.k8s.io/snapshotter-secret-namespace";

/// What templates may hold, each with its value.
pub(super) struct Tokens<'a> {
    pub content: &'a str,
    pub namespace: &'a str,
    pub snapshot: &'a str,
}

/// The Secret that a class names, `None` where it names none.
///
/// # Errors
/// What is wrong with the parameters, in words.
pub(super) fn secret(
    parameters: &BTreeMap<String, String>,
    tokens: &Tokens<'_>,
) -> Result<Option<SecretName>, String> {
    match (parameters.get(NAME), parameters.get(NAMESPACE)) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(format!("it has {NAME} without {NAMESPACE}")),
        (None, Some(_)) => Err(format!("it has {NAMESPACE} without {NAME}")),
        (Some(name), Some(namespace)) => {
            let shared = [
                ("volumesnapshotcontent.name", tokens.content),
                ("volumesnapshot.namespace", tokens.namespace),
            ];
            let own = [("volumesnapshot.name", tokens.snapshot)];
            let namespace = fill(NAMESPACE, namespace, &shared)?;
            let name = fill(NAME, name, &[&shared[..], &own].concat())?;
            if !is_name(&name, 253, true) {
                return Err(format!("{NAME} gives {name:?}, which is no name of a Secret"));
            }
            if !is_name(&namespace, 63, false) {
                return Err(format!("{NAMESPACE} gives {namespace:?}, which is no name of a namespace"));
            }
            Ok(Some(SecretName { name, namespace }))
        }
    }
}

/// A template with its tokens filled in, as Go's `os.Expand` reads them, except that a token must be in braces.
fn fill(parameter: &str, template: &str, tokens: &[(&str, &str)]) -> Result<String, String> {
    let (mut filled, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((token, after)) = after.split_once('}') else {
            return Err(format!("{parameter} is {template:?}, in which a brace is not closed"));
        };
        let Some((_, value)) = tokens.iter().find(|(name, _)| *name == token) else {
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
    use super::*;

    fn of(name: Option<&str>, namespace: Option<&str>) -> Result<Option<SecretName>, String> {
        let pairs = [(NAME, name), (NAMESPACE, namespace)];
        let parameters =
            pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect();
        secret(&parameters, &Tokens { content: "snapcontent-u", namespace: "ns", snapshot: "s" })
    }

    #[test]
    fn templates_are_filled_in() {
        let name = "${volumesnapshotcontent.name}.${volumesnapshot.name}-x";
        let found = of(Some(name), Some("${volumesnapshot.namespace}")).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.namespace.as_str()), ("snapcontent-u.s-x", "ns"));
        assert_eq!(of(None, None), Ok(None));
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
