//! Who asks, and what the stored RBAC objects let them do.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::Value;

use super::object::{list, locked, text};
use super::status::Failure;
use super::store::Store;

/// The group whose members may do everything.
const MASTERS: &str = "system:masters";
const ANONYMOUS: &str = "system:anonymous";

/// An authenticated user, or the anonymous one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

impl User {
    /// The user who may do everything.
    pub(crate) fn admin() -> Self {
        Self { name: "sandbox-admin".into(), groups: vec![MASTERS.into(), "system:authenticated".into()] }
    }

    pub(crate) fn service_account(namespace: &str, name: &str) -> Self {
        let groups = vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".into(),
        ];
        Self { name: format!("system:serviceaccount:{namespace}:{name}"), groups }
    }

    /// The user whom an administrator acts as, from the headers `Impersonate-User` and `Impersonate-Group`.
    pub(crate) fn impersonated(name: &str, groups: Vec<String>) -> Self {
        let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        let mut user = match account {
            Some((namespace, account)) => Self::service_account(namespace, account),
            None => Self { name: name.into(), groups: vec!["system:authenticated".into()] },
        };
        user.groups.extend(groups);
        user
    }

    fn anonymous() -> Self {
        Self { name: ANONYMOUS.into(), groups: vec!["system:unauthenticated".into()] }
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.groups.iter().any(|g| g == MASTERS)
    }
}

/// The bearer tokens that have been given out.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, User>>);

impl Tokens {
    /// A new token of the user.
    pub(crate) fn issue(&self, user: User) -> String {
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        locked(&self.0).insert(token.clone(), user);
        token
    }

    /// The user of an `Authorization` header; without a header the anonymous user.
    ///
    /// # Errors
    /// 401 for a token that was never given out.
    pub(crate) fn user(&self, authorization: Option<&str>) -> Result<User, Failure> {
        let Some(authorization) = authorization else {
            return Ok(User::anonymous());
        };
        let token = authorization.strip_prefix("Bearer ").unwrap_or_default().trim();
        locked(&self.0).get(token).cloned().ok_or_else(Failure::unauthorized)
    }
}

/// What a request wants to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deed<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) plural: &'a str,
    /// The subresource, or "".
    pub(crate) sub: &'a str,
    /// "" for all namespaces and cluster-scoped kinds.
    pub(crate) namespace: &'a str,
    /// "" for collections.
    pub(crate) name: &'a str,
}

impl Deed<'_> {
    fn resource(&self) -> String {
        if self.sub.is_empty() { self.plural.into() } else { format!("{}/{}", self.plural, self.sub) }
    }
}

/// Lets the deed pass or refuses it.
///
/// # Errors
/// 403 where no role bound to the user allows it.
pub(crate) fn authorise(store: &Store, user: &User, deed: &Deed<'_>) -> Result<(), Failure> {
    if allows(store, user, deed) {
        return Ok(());
    }
    let scope = match deed.namespace {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace \"{namespace}\""),
    };
    let why = format!(
        "User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {scope}",
        user.name,
        deed.verb,
        deed.resource(),
        deed.group
    );
    Err(Failure::forbidden(deed.group, deed.plural, deed.name, &why))
}

/// Whether a role bound to the user allows the deed.
pub(crate) fn allows(store: &Store, user: &User, deed: &Deed<'_>) -> bool {
    let bound = |resource: &str, namespace: &str| {
        let bindings =
            store.list(resource, namespace, None, None).map(|(bindings, _)| bindings).unwrap_or_default();
        bindings.iter().any(|binding| {
            list(binding, "/subjects").iter().any(|subject| is_subject(user, subject, namespace))
                && role_rules(store, binding, namespace).iter().any(|rule| permits(rule, deed))
        })
    };
    user.is_admin()
        || bound("clusterrolebindings.rbac.authorization.k8s.io", "")
        || (!deed.namespace.is_empty() && bound("rolebindings.rbac.authorization.k8s.io", deed.namespace))
}

fn role_rules(store: &Store, binding: &Value, namespace: &str) -> Vec<Value> {
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

fn permits(rule: &Value, deed: &Deed<'_>) -> bool {
    let has = |pointer: &str, wanted: &str| list(rule, pointer).iter().any(|v| v == "*" || v == wanted);
    let names = list(rule, "/resourceNames");
    has("/verbs", deed.verb)
        && has("/apiGroups", deed.group)
        && has("/resources", &deed.resource())
        && (names.is_empty() || names.iter().any(|n| n == deed.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn store() -> Store {
        let store = Store::new(10);
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
        let user = User::service_account("a", "s");
        let get = Deed { verb: "get", group: "g", plural: "things", sub: "", namespace: "a", name: "x" };
        for (deed, allowed) in [
            (get, true),
            (Deed { sub: "status", verb: "patch", ..get }, true),
            (Deed { verb: "list", ..get }, false),
            (Deed { namespace: "b", ..get }, false),
            (Deed { group: "", ..get }, false),
        ] {
            assert_eq!(allows(&store(), &user, &deed), allowed, "{deed:?}");
        }
    }

    #[test]
    fn a_token_that_was_never_given_out_is_unauthorized() {
        let tokens = Tokens::default();
        let token = tokens.issue(User::admin());
        assert!(tokens.user(Some(&format!("Bearer {token}"))).expect("known").is_admin());
        assert_eq!(tokens.user(Some("Bearer x")).expect_err("unknown").code, 401);
        assert_eq!(tokens.user(None).expect("anonymous").name, "system:anonymous");
    }
}
