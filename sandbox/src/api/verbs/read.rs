//! Gets an object, and lists objects page by page.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::selector::Selector;
use crate::api::failure::ApiFailure;
use crate::api::http::answer::ApiAnswer;
use crate::api::http::request::Call;
use crate::api::http::target::Target;
use crate::api::kinds::kind::Kind;
use crate::api::object::text;
use crate::api::store::objects::ObjectKey;
use crate::api::store::state::{State, key_of};

/// GET of one object, or of its status.
pub(crate) fn get(state: &State, call: &Call, kind: &Kind, target: &Target) -> Result<ApiAnswer, ApiFailure> {
    let key = (target.namespace.clone(), target.name.clone());
    let object =
        state.store.get(&kind.resource, &key).ok_or_else(|| ApiFailure::not_found(kind, &target.name))?;
    ApiAnswer::object(call, kind, 200, &object)
}

/// The place at which a list continues: the version of its first page, and the last object of the previous page.
struct Continue {
    version: u64,
    after: ObjectKey,
}

impl Continue {
    fn parse(token: &str) -> Result<Self, ApiFailure> {
        let bad = || ApiFailure::bad_request("invalid continue token: continue key is not valid");
        let decoded = BASE64_STANDARD.decode(token).map_err(|_| bad())?;
        let token: Value = serde_json::from_slice(&decoded).map_err(|_| bad())?;
        let version = token.get("rv").and_then(Value::as_u64).ok_or_else(bad)?;
        Ok(Self { version, after: (text(&token, "/namespace").into(), text(&token, "/name").into()) })
    }

    fn token(&self) -> String {
        let place = json!({"rv": self.version, "namespace": self.after.0, "name": self.after.1});
        BASE64_STANDARD.encode(place.to_string())
    }
}

/// The version that a list is read at; None means the current one.
fn list_version(state: &State, call: &Call) -> Result<Option<u64>, ApiFailure> {
    let exact = call.query.get("resourceVersionMatch") == "Exact";
    let Some(asked) = call.query.resource_version()? else {
        return Ok(None);
    };
    let current = state.store.version();
    if asked > current {
        return Err(ApiFailure::version_too_large(asked, current));
    }
    Ok(Some(asked).filter(|_| exact))
}

/// GET of a collection.
pub(crate) fn list(
    state: &State,
    call: &Call,
    kind: &Kind,
    target: &Target,
) -> Result<ApiAnswer, ApiFailure> {
    call.form()?;
    let selector = Selector::parse(kind, call.query.get("labelSelector"), call.query.get("fieldSelector"))?;
    let limit = call.query.number("limit")?.filter(|limit| *limit > 0);
    let (start, at) = match call.query.get("continue") {
        "" => (None, list_version(state, call)?),
        _ if !matches!(call.query.get("resourceVersion"), "" | "0") => {
            let why = "specifying resource version is not allowed when using continue";
            return Err(ApiFailure::bad_request(why));
        }
        token => {
            let from = Continue::parse(token)?;
            (Some(from.after), Some(from.version))
        }
    };
    let (mut objects, version) =
        state.store.list(&kind.resource, &target.namespace, start.as_ref(), at).map_err(|old| {
            ApiFailure::expired(format!("the version asked for is too old, the oldest is {}", old.0))
        })?;
    if !selector.is_all() {
        objects.retain(|object| selector.matches(object));
    }
    let mut metadata = json!({"resourceVersion": version.to_string()});
    let page = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|page| *page < objects.len());
    if let Some(page) = page {
        let remaining = objects.len() - page;
        objects.truncate(page);
        if let Some(last) = objects.last() {
            metadata["continue"] = Continue { version, after: key_of(last) }.token().into();
        }
        if selector.is_all() {
            metadata["remainingItemCount"] = remaining.into();
        }
    }
    ApiAnswer::list(call, kind, &objects, metadata)
}
