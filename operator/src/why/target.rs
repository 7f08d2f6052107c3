//! What is asked about.

use crate::text::out::harmless;

/// An object, by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Snapshot(String),
    Content(String),
    Group(String),
    GroupContent(String),
    Claim(String),
}

impl Target {
    /// Reads `NAME`, or `KIND/NAME` with kubectl's short names or the full ones.
    ///
    /// # Errors
    /// What can be asked about.
    pub fn parse(text: &str, namespace: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('/').unwrap_or(("vs", text));
        let key = || format!("{namespace}/{name}");
        let kind = kind.split('.').next().unwrap_or_default().to_lowercase();
        if name.is_empty() || name.contains('/') {
            return Err(format!("{:?} is no name", harmless(text)));
        }
        match &*kind {
            "vs" | "volumesnapshot" | "volumesnapshots" => Ok(Self::Snapshot(key())),
            "vsc" | "volumesnapshotcontent" | "volumesnapshotcontents" => Ok(Self::Content(name.to_owned())),
            "vgs" | "volumegroupsnapshot" | "volumegroupsnapshots" => Ok(Self::Group(key())),
            "vgsc" | "volumegroupsnapshotcontent" | "volumegroupsnapshotcontents" => {
                Ok(Self::GroupContent(name.to_owned()))
            }
            "pvc" | "persistentvolumeclaim" | "persistentvolumeclaims" => Ok(Self::Claim(key())),
            _ => Err(format!(
                "nothing can be said of {:?}: name a VolumeSnapshot, or vsc/NAME, vgs/NAME, vgsc/NAME or pvc/NAME",
                harmless(text)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_is_a_snapshot_and_kinds_have_the_names_that_kubectl_knows() {
        let parsed = |text| Target::parse(text, "ns");
        assert_eq!(parsed("a"), Ok(Target::Snapshot("ns/a".to_owned())));
        assert_eq!(parsed("VolumeSnapshot/a"), Ok(Target::Snapshot("ns/a".to_owned())));
        assert_eq!(parsed("vsc/c"), Ok(Target::Content("c".to_owned())));
        assert_eq!(parsed("vgs/g"), Ok(Target::Group("ns/g".to_owned())));
        assert_eq!(
            parsed("volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io/c"),
            Ok(Target::GroupContent("c".to_owned()))
        );
        assert_eq!(parsed("pvc/p"), Ok(Target::Claim("ns/p".to_owned())));
        for text in ["pod/x", "vs/", "vs/a/b", ""] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
