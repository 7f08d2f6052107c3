//! The target of a request: the kind, namespace, object and subresource that its path names.

use percent_encoding::percent_decode_str;

/// What a resource path names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: String,
    pub(crate) plural: String,
    pub(crate) name: String,
    pub(crate) sub: String,
}

/// Parses the path of a resource; None for any other path.
pub(super) fn parse(path: &str) -> Option<Target> {
    let mut parts =
        path.split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    let (group, version) = match parts.next()?.as_str() {
        "api" => (String::new(), parts.next()?),
        "apis" => (parts.next()?, parts.next()?),
        _ => return None,
    };
    let mut rest: Vec<String> = parts.collect();
    if rest.is_empty() || rest.iter().any(String::is_empty) {
        return None;
    }
    let mut namespace = String::new();
    let inside =
        rest.len() > 2 && rest[0] == "namespaces" && !matches!(rest[2].as_str(), "status" | "finalize");
    if inside {
        namespace = rest.remove(1);
        rest.remove(0);
    }
    let mut rest = rest.into_iter();
    let target = Target {
        group,
        version,
        namespace,
        plural: rest.next()?,
        name: rest.next().unwrap_or_default(),
        sub: rest.next().unwrap_or_default(),
    };
    if rest.next().is_some() { None } else { Some(target) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(parts: [&str; 6]) -> Target {
        let [group, version, namespace, plural, name, sub] = parts.map(str::to_owned);
        Target { group, version, namespace, plural, name, sub }
    }

    #[test]
    fn a_namespace_is_a_place_and_an_object() {
        for (path, parsed) in [
            ("/api/v1/namespaces", Some(target(["", "v1", "", "namespaces", "", ""]))),
            ("/api/v1/namespaces/a", Some(target(["", "v1", "", "namespaces", "a", ""]))),
            ("/api/v1/namespaces/a/status", Some(target(["", "v1", "", "namespaces", "a", "status"]))),
            ("/api/v1/namespaces/a/secrets", Some(target(["", "v1", "a", "secrets", "", ""]))),
            (
                "/apis/g/v1/namespaces/a/things/b/status",
                Some(target(["g", "v1", "a", "things", "b", "status"])),
            ),
            ("/apis/g/v1/things/b", Some(target(["g", "v1", "", "things", "b", ""]))),
            ("/api/v1/secrets/a+%62", Some(target(["", "v1", "", "secrets", "a+b", ""]))),
            ("/apis/g/v1", None),
            ("/apis", None),
            ("/nope", None),
        ] {
            assert_eq!(parse(path), parsed, "{path}");
        }
    }
}
