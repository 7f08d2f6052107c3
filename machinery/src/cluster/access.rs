//! Which cluster a program speaks to, and as whom: kubeconfigs, a context of them, and another user.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use kube::config::{Kubeconfig, KubeconfigError};

/// Where to find the API server, and as whom to speak to it. The default is what a pod has.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The kubeconfigs, of which the first that says something prevails.
    files: Vec<PathBuf>,
    /// Whether a file that is not there counts as empty.
    may_be_missing: bool,
    /// The context; `None` for the current one.
    pub context: Option<String>,
    /// The user to impersonate.
    pub user: Option<String>,
    /// The groups to impersonate, beside a user.
    pub groups: Vec<String>,
}

impl From<Option<PathBuf>> for Access {
    /// The current context of a kubeconfig, or the pod.
    fn from(kubeconfig: Option<PathBuf>) -> Self {
        Self { files: kubeconfig.into_iter().collect(), ..Self::default() }
    }
}

impl Access {
    /// What kubectl would use: the given kubeconfig, else those of `$KUBECONFIG`, else the one in the home directory, else
    /// the pod. Only a given one must be there.
    #[must_use]
    pub fn like_kubectl(given: Option<PathBuf>, env: impl Fn(&str) -> Option<OsString>) -> Self {
        if given.is_some() {
            return Self::from(given);
        }
        let set = |name| env(name).filter(|value| !value.is_empty());
        let files = match set("KUBECONFIG") {
            Some(list) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
            None => set("HOME").map(|home| PathBuf::from(home).join(".kube/config")).into_iter().collect(),
        };
        Self { files, may_be_missing: true, ..Self::default() }
    }

    /// The kubeconfigs as one, and what to call them; `None` if there is none. As in client-go, the first file that names
    /// a cluster, a user, a context or the current context prevails whole.
    ///
    /// # Errors
    /// The file that cannot be read or parsed.
    pub(super) fn read(&self) -> Result<Option<(Kubeconfig, PathBuf)>, (PathBuf, KubeconfigError)> {
        let mut merged: Option<Kubeconfig> = None;
        let mut names = Vec::new();
        for path in &self.files {
            let mut file = match Kubeconfig::read_from(path) {
                Ok(file) => file,
                Err(KubeconfigError::ReadConfig(cause, _))
                    if self.may_be_missing && cause.kind() == io::ErrorKind::NotFound =>
                {
                    continue;
                }
                Err(error) => return Err((path.clone(), error)),
            };
            file.current_context = file.current_context.filter(|name| !name.is_empty());
            let both = match merged {
                Some(merged) => merged.merge(file).map_err(|error| (path.clone(), error))?,
                None => file,
            };
            merged = Some(both);
            names.push(path);
        }
        // A path with a separator in its name is named alone.
        let name = std::env::join_paths(&names).map_or_else(|_| self.files[0].clone(), PathBuf::from);
        Ok(merged.map(|merged| (merged, name)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::client::config;
    use super::super::error::in_one_line;
    use super::*;

    fn file(current: &str, context: &str, server: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: '{current}'\ncontexts:\n- name: {context}\n  context: \
             {{cluster: {context}, user: u, namespace: of-{context}}}\nclusters:\n- name: {context}\n  cluster: \
             {{server: 'http://{server}'}}\nusers:\n- name: u\n  user: {{token: of-{server}}}\n"
        )
    }

    /// Two files and one that is not there, as `$KUBECONFIG` names them.
    fn listed(directory: &tempfile::TempDir) -> Access {
        let path = |name: &str| directory.path().join(name);
        fs::write(path("a"), file("", "a", "first")).unwrap();
        fs::write(path("b"), file("b", "b", "second") + "- name: v\n  user: {}\n").unwrap();
        let list = std::env::join_paths([path("missing"), PathBuf::new(), path("a"), path("b")]).unwrap();
        Access::like_kubectl(None, |name| (name == "KUBECONFIG").then(|| list.clone()))
    }

    #[tokio::test]
    async fn the_first_file_that_says_something_prevails_and_a_missing_one_says_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(&listed(&directory), "agent").unwrap();
        assert_eq!(
            (&*config.default_namespace, config.cluster_url),
            ("of-b", "http://second/".parse().unwrap())
        );
        let (merged, _) = listed(&directory).read().unwrap().unwrap();
        let users: Vec<_> = merged.auth_infos.iter().map(|user| &*user.name).collect();
        assert_eq!(users, ["u", "v"], "the user of the second file is not mixed with that of the first");
    }

    #[tokio::test]
    async fn another_context_and_another_user_can_be_chosen() {
        let directory = tempfile::tempdir().unwrap();
        let context = Some("a".to_owned());
        let access = Access {
            context,
            user: Some("jane".to_owned()),
            groups: vec!["ops".to_owned()],
            ..listed(&directory)
        };
        let config = config(&access, "agent").unwrap();
        assert_eq!(&*config.default_namespace, "of-a");
        assert_eq!(config.auth_info.impersonate.as_deref(), Some("jane"));
        assert_eq!(config.auth_info.impersonate_groups, Some(vec!["ops".to_owned()]));
    }

    #[tokio::test]
    async fn a_context_that_no_file_has_is_named_with_the_files() {
        let directory = tempfile::tempdir().unwrap();
        let access = Access { context: Some("c".to_owned()), ..listed(&directory) };
        let line = in_one_line(&config(&access, "agent").unwrap_err());
        assert!(line.contains("/a:") && line.ends_with("is not usable: it has no context \"c\""), "{line}");
    }

    #[test]
    fn the_home_directory_is_the_last_place_and_a_given_file_the_only_one() {
        let env = |name: &str| (name == "HOME").then(|| OsString::from("/home/jane"));
        assert_eq!(Access::like_kubectl(None, env).files, [PathBuf::from("/home/jane/.kube/config")]);
        let given = Access::like_kubectl(Some("here".into()), env);
        assert_eq!((given.files, given.may_be_missing), (vec![PathBuf::from("here")], false));
        assert!(Access::like_kubectl(None, |_| None).read().unwrap().is_none());
    }
}
