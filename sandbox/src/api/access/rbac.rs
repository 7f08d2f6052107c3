//! Finds out who sends a request, and decides by the stored RBAC objects whether they may.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::Value;

use crate::api::failure::ApiFailure;
use crate::api::object::{list, locked, meta, text};
use crate::api::store::objects::ObjectStore;

/// The group whose members may do everything.
const MASTERS: &str = "system:masters";
const ANONYMOUS: &str = "system:anonymous";

/// An authenticated user, or the anonymous one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    /// The uid of a service account that uses its own token; "" for other users.
    pub(crate) uid: String,
    pub(crate) groups: Vec<String>,
}

impl User {
    /// The user who may do everything.
    pub(crate) fn admin() -> Self {
        let groups = vec![MASTERS.into(), "system:authenticated".into()];
        Self { name: "sandbox-admin".into(), uid: String::new(), groups }
    }

    pub(crate) fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let groups = vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".into(),
        ];
        Self { name: format!("system:serviceaccount:{namespace}:{name}"), uid: uid.into(), groups }
    }

    /// The user that an administrator impersonates, from the headers `Impersonate-User` and `Impersonate-Group`.
    pub(crate) fn impersonated(name: &str, groups: Vec<String>) -> Self {
        let groups_of_all = vec!["system:authenticated".into()];
        let mut user = Self { name: name.into(), uid: String::new(), groups: groups_of_all };
        if let Some((namespace, account)) = user.account() {
            user = Self::service_account(namespace, account, "");
        }
        user.groups.extend(groups);
        user
    }

    /// The namespace and the name, if the user is a service account.
    fn account(&self) -> Option<(&str, &str)> {
        self.name.strip_prefix("system:serviceaccount:")?.split_once(':')
    }

    fn anonymous() -> Self {
        Self { name: ANONYMOUS.into(), uid: String::new(), groups: vec!["system:unauthenticated".into()] }
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.groups.iter().any(|g| g == MASTERS)
    }
}

/// The bearer tokens that have been issued, with their users.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, User>>);

impl Tokens {
    /// Issues a new token for the user.
    pub(crate) fn issue(&self, user: User) -> String {
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        locked(&self.0).insert(token.clone(), user);
        token
    }

    /// The user that an `Authorization` header stands for; without a header it is the anonymous user.
    ///
    /// # Errors
    /// 401 for a token that was never issued, or whose service account has been deleted.
    pub(crate) fn user(&self, store: &ObjectStore, authorization: Option<&str>) -> Result<User, ApiFailure> {
        let Some(authorization) = authorization else {
            return Ok(User::anonymous());
        };
        let token = authorization.strip_prefix("Bearer ").unwrap_or_default().trim();
        let user = locked(&self.0).get(token).cloned().ok_or_else(ApiFailure::unauthorized)?;
        let is_there = user.account().is_none_or(|(namespace, name)| {
            let account = store.get("serviceaccounts", &(namespace.into(), name.into()));
            account.is_some_and(|account| meta(&account, "uid") == user.uid)
        });
        if is_there { Ok(user) } else { Err(ApiFailure::unauthorized()) }
    }
}

/// What a request wants to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) plural: &'a str,
    /// The subresource, or "".
    pub(crate) sub: &'a str,
    /// "" means all namespaces, or a cluster-scoped kind.
    pub(crate) namespace: &'a str,
    /// "" means the collection.
    pub(crate) name: &'a str,
}

impl Access<'_> {
    fn resource(&self) -> String {
        if self.sub.is_empty() { self.plural.into() } else { format!("{}/{}", self.plural, self.sub) }
    }
}

/// Checks that the user may do this.
///
/// # Errors
/// 403 if no role that is bound to the user allows it.
pub(crate) fn authorise(store: &ObjectStore, user: &User, access: &Access<'_>) -> Result<(), ApiFailure> {
    if allows(store, user, access) {
        return Ok(());
    }
    let scope = match access.namespace {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace \"{namespace}\""),
    };
    let why = format!(
        "User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {scope}",
        user.name,
        access.verb,
        access.resource(),
        access.group
    );
    Err(ApiFailure::forbidden(access.group, access.plural, access.name, &why))
}

/// Whether a role that is bound to the user allows this.
pub(crate) fn allows(store: &ObjectStore, user: &User, access: &Access<'_>) -> bool {
    user.is_admin() || rules(store, user, access.namespace).iter().any(|rule| permits(rule, access))
}

/// Whether a role that is bound to the user allows the verb on a path that names no resource.
pub(crate) fn allows_path(store: &ObjectStore, user: &User, verb: &str, path: &str) -> bool {
    let covers = |pattern: &Value| match pattern.as_str().unwrap_or_default() {
        "*" => true,
        pattern => match pattern.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == pattern,
        },
    };
    let permits = |rule: &Value| {
        list(rule, "/verbs").iter().any(|v| v == "*" || v == verb)
            && list(rule, "/nonResourceURLs").iter().any(covers)
    };
    user.is_admin() || rules(store, user, "").iter().any(permits)
}

/// The rules of all roles that are bound to the user: those for the whole cluster, and those for the namespace
/// unless it is "".
pub(crate) fn rules(store: &ObjectStore, user: &User, namespace: &str) -> Vec<Value> {
    let bound = |resource: &str, namespace: &str| -> Vec<Value> {
        let bindings =
            store.list(resource, namespace, None, None).map(|(bindings, _)| bindings).unwrap_or_default();
        let of_user = |binding: &Value| {
            list(binding, "/subjects").iter().any(|subject| is_subject(user, subject, namespace))
        };
        let bindings = bindings.iter().filter(|binding| of_user(binding));
        bindings.flat_map(|binding| role_rules(store, binding, namespace)).collect()
    };
    let mut rules = bound("clusterrolebindings.rbac.authorization.k8s.io", "");
    if !namespace.is_empty() {
        rules.extend(bound("rolebindings.rbac.authorization.k8s.io", namespace));
    }
    rules
}

fn role_rules(store: &ObjectStore, binding: &Value, namespace: &str) -> Vec<Value> {
    let name = text(binding, "/roleRef/name").to_owned();
    let role = if text(binding, "/roleRef/kind") == "Role" {
        store.get("roles.rbac.authorization.k8s.io", &(namespace.to_owned(), name))
    } else {
        store.get("clusterroles.rbac.authorization.k8s.io", &(String::new(), name))
    };
    role.map(|role| list(&role, "/rules").to_vec()).unwrap_or_default()
}

fn is_subject(user: &User, subject: &Value, namespace: &str) -> bool {
    let name = text(subject, "/name");
    match text(subject, "/kind") {
        "User" => user.name == name,
        "Group" => user.groups.iter().any(|g| g == name),
        "ServiceAccount" => {
            let at = match text(subject, "/namespace") {
                "" => namespace,
                at => at,
            };
            user.name == format!("system:serviceaccount:{at}:{name}")
        }
        _ => false,
    }
}

fn permits(rule: &Value, access: &Access<'_>) -> bool {
    let has = |pointer: &str, wanted: &str| list(rule, pointer).iter().any(|v| v == "*" || v == wanted);
    let names = list(rule, "/resourceNames");
    let any_of_sub = format!("*/{}", access.sub);
    has("/verbs", access.verb)
        && has("/apiGroups", access.group)
        && (has("/resources", &access.resource())
            || (!access.sub.is_empty() && has("/resources", &any_of_sub)))
        && (names.is_empty() || names.iter().any(|n| n == access.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn store() -> ObjectStore {
        let store = ObjectStore::new(10);
        let put = |resource: &str, namespace: &str, name: &str, object: Value| {
            store.put(resource, &(namespace.into(), name.into()), None, object).expect("new");
        };
        let rule =
            json!({"apiGroups": ["g"], "resources": ["things", "things/status"], "verbs": ["get", "patch"]});
        put("clusterroles.rbac.authorization.k8s.io", "", "r", json!({"rules": [rule]}));
        let subject = json!({"kind": "ServiceAccount", "name": "s", "namespace": "a"});
        let reference = json!({"kind": "ClusterRole", "name": "r"});
        put(
            "rolebindings.rbac.authorization.k8s.io",
            "a",
            "b",
            json!({"subjects": [subject], "roleRef": reference}),
        );
        store
    }

    #[test]
    fn a_role_binding_grants_its_verbs_in_its_namespace_only() {
        let user = User::service_account("a", "s", "");
        let get = Access { verb: "get", group: "g", plural: "things", sub: "", namespace: "a", name: "x" };
        for (access, allowed) in [
            (get, true),
            (Access { sub: "status", verb: "patch", ..get }, true),
            (Access { verb: "list", ..get }, false),
            (Access { namespace: "b", ..get }, false),
            (Access { group: "", ..get }, false),
        ] {
            assert_eq!(allows(&store(), &user, &access), allowed, "{access:?}");
        }
    }

    #[test]
    fn a_token_that_was_never_given_out_is_unauthorized() {
        let (tokens, store) = (Tokens::default(), store());
        let token = tokens.issue(User::admin());
        assert!(tokens.user(&store, Some(&format!("Bearer {token}"))).expect("known").is_admin());
        assert_eq!(tokens.user(&store, Some("Bearer x")).expect_err("unknown").code, 401);
        assert_eq!(tokens.user(&store, None).expect("anonymous").name, "system:anonymous");
    }

    #[test]
    fn a_token_ends_with_its_service_account() {
        let (tokens, store) = (Tokens::default(), store());
        let key = ("a".to_owned(), "s".to_owned());
        let token = format!("Bearer {}", tokens.issue(User::service_account("a", "s", "1")));
        for (uid, code) in [("1", None), ("2", Some(401))] {
            let seen = store.get("serviceaccounts", &key);
            let account = json!({"metadata": {"uid": uid}});
            store.put("serviceaccounts", &key, seen.as_ref(), account).expect("nobody else writes");
            assert_eq!(tokens.user(&store, Some(&token)).err().map(|refusal| refusal.code), code, "{uid}");
        }
    }

    #[test]
    fn rules_cover_paths_subresources_and_names() {
        let user = User::service_account("a", "s", "");
        let status = Access { verb: "get", group: "g", plural: "x", sub: "status", namespace: "", name: "n" };
        let of = |resource: &str, names: Value| json!({"apiGroups": ["g"], "resources": [resource], "verbs": ["get"], "resourceNames": names});
        for (rule, access, allowed) in [
            (of("*/status", json!([])), status, true),
            (of("*/scale", json!([])), status, false),
            (of("*/status", json!([])), Access { sub: "", ..status }, false),
            (of("*", json!(["n"])), status, true),
            (of("*", json!(["n"])), Access { name: "", ..status }, false),
        ] {
            assert_eq!(permits(&rule, &access), allowed, "{rule} {access:?}");
        }
        let store = store();
        let rules = json!([{"nonResourceURLs": ["/metrics", "/logs/*"], "verbs": ["get"]}]);
        let key = (String::new(), "r".to_owned());
        let seen = store.get("clusterroles.rbac.authorization.k8s.io", &key);
        let role = json!({"rules": rules});
        store.put("clusterroles.rbac.authorization.k8s.io", &key, seen.as_ref(), role).expect("written");
        let binding = json!({"subjects": [{"kind": "User", "name": user.name}],
                             "roleRef": {"kind": "ClusterRole", "name": "r"}});
        store.put("clusterrolebindings.rbac.authorization.k8s.io", &key, None, binding).expect("new");
        for (verb, path, allowed) in [
            ("get", "/metrics", true),
            ("get", "/metrics/x", false),
            ("get", "/logs/x", true),
            ("put", "/metrics", false),
        ] {
            assert_eq!(allows_path(&store, &user, verb, path), allowed, "{verb} {path}");
        }
    }
}
