//! Builds an answer with its status and its body, in the form that the client asked for.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

use super::request::{Call, Form};
use crate::api::clients::table;
use crate::api::failure::ApiFailure;
use crate::api::kinds::events;
use crate::api::kinds::kind::{Kind, KindRules, View};

/// The body of an answer, either bytes or the stream of a watch.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The answer of a verb.
#[derive(Debug)]
pub(crate) struct ApiAnswer {
    pub(crate) code: u16,
    pub(crate) content_type: String,
    pub(crate) body: Body,
    /// The texts of the `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

impl ApiAnswer {
    /// An answer whose body is already encoded.
    pub(crate) fn bytes(code: u16, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        let body = Full::new(bytes.into()).boxed_unsync();
        Self { code, content_type: content_type.into(), body, warnings: Vec::new() }
    }

    pub(crate) fn json(code: u16, value: &Value) -> Self {
        Self::bytes(code, "application/json", value.to_string())
    }

    pub(crate) fn failure(failure: &ApiFailure) -> Self {
        if failure.reason.is_empty() && failure.code == 404 {
            return Self::bytes(failure.code, "text/plain; charset=utf-8", failure.message.clone());
        }
        Self::json(failure.code, &failure.to_json())
    }

    /// The answer with one object, which is given in its stored form.
    ///
    /// # Errors
    /// 406 if none of the accepted forms can be served.
    pub(crate) fn object(call: &Call, kind: &Kind, code: u16, stored: &Value) -> Result<Self, ApiFailure> {
        let shown = shown(kind, stored);
        Ok(match call.form()? {
            Form::Object => Self::json(code, &shown),
            Form::Metadata => Self::json(code, &partial(&shown)),
            Form::Table => {
                let metadata = json!({"resourceVersion": shown.pointer("/metadata/resourceVersion")});
                let rows = [(stored, row_object(call, &shown))];
                Self::json(code, &table::table(&kind.columns, true, &rows, &metadata))
            }
        })
    }

    /// The answer with a list of objects, which are given in their stored form, and with the metadata of the list.
    ///
    /// # Errors
    /// 406 if none of the accepted forms can be served.
    pub(crate) fn list(
        call: &Call,
        kind: &Kind,
        stored: &[Arc<Value>],
        mut metadata: Value,
    ) -> Result<Self, ApiFailure> {
        match call.form()? {
            Form::Object => {
                if kind.schema().is_some() && metadata.get("continue").is_none() {
                    metadata["continue"] = "".into();
                }
                Ok(Self::bytes(200, "application/json", plain_list(kind, stored, &metadata)))
            }
            Form::Metadata => {
                let items: Vec<Value> = stored.iter().map(|object| partial(&shown(kind, object))).collect();
                let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                                  "metadata": metadata, "items": items});
                Ok(Self::json(200, &list))
            }
            Form::Table => {
                let rows: Vec<(&Value, Value)> =
                    stored.iter().map(|object| (&**object, row_object(call, &shown(kind, object)))).collect();
                Ok(Self::json(200, &table::table(&kind.columns, true, &rows, &metadata)))
            }
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Ok(value) = self.content_type.parse() {
            response.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        for warning in self.warnings {
            if let Ok(value) = format!("299 - {}", Value::from(warning)).parse() {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        response
    }
}

/// Encodes a list. In lists of custom resources each item repeats the kind, and in lists of built-in kinds it does not.
fn plain_list(kind: &Kind, stored: &[Arc<Value>], metadata: &Value) -> Vec<u8> {
    let mut out = format!("{{\"apiVersion\":\"{}\",\"items\":[", kind.api_version()).into_bytes();
    for (index, object) in stored.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let mut item = shown(kind, object);
        if matches!(kind.rules, KindRules::BuiltIn(_))
            && let Value::Object(item) = item.to_mut()
        {
            item.remove("kind");
            item.remove("apiVersion");
        }
        append(&mut out, &item);
    }
    out.extend_from_slice(format!("],\"kind\":\"{}List\",\"metadata\":{metadata}}}", kind.kind).as_bytes());
    out
}

/// Appends a value as JSON. To encode a `Value` into memory cannot fail.
pub(crate) fn append(out: &mut Vec<u8>, value: &Value) {
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.extend_from_slice(b"null");
    }
}

/// A stored object in the form of the kind's version.
pub(crate) fn shown<'a>(kind: &Kind, stored: &'a Value) -> Cow<'a, Value> {
    match kind.view {
        View::EventsV1 => {
            let mut event = stored.clone();
            events::event_to_view(&mut event);
            Cow::Owned(event)
        }
        View::Stored if kind.stored_as == kind.api_version() => Cow::Borrowed(stored),
        View::Stored => {
            let mut object = stored.clone();
            object["apiVersion"] = kind.api_version().into();
            Cow::Owned(object)
        }
    }
}

/// Only the metadata of an object.
pub(crate) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.get("metadata")})
}

/// The object in each row of a table, as `includeObject` asks for it.
pub(crate) fn row_object(call: &Call, object: &Value) -> Value {
    match call.query.get("includeObject") {
        "None" => Value::Null,
        "Object" => object.clone(),
        _ => partial(object),
    }
}
