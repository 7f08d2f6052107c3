//! A request as the verbs see it: its query, the form that it accepts, its body.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::Value;

use crate::api::access::rbac::User;
use crate::api::clients::protobuf;
use crate::api::failure::ApiFailure;

/// A request with its complete body. It has no `Debug`, because it contains a token and possibly a Secret.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) user: User,
}

/// The parameters after `?`.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// The form of the objects in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The objects themselves.
    Object,
    /// A Table of `meta.k8s.io/v1`.
    Table,
    /// The PartialObjectMetadata of `meta.k8s.io/v1`, or its list.
    Metadata,
}

impl Query {
    pub(crate) fn parse(raw: &str) -> Self {
        Self(form_urlencoded::parse(raw.as_bytes()).into_owned().collect())
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The first value of a parameter; None if it is not given.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The first value of a parameter, or "".
    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// Whether a flag is given, even without a value, and is neither "0" nor "false".
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.find(name).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// A parameter that is a number; None if it is not given.
    ///
    /// # Errors
    /// 400 if it is not a number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiFailure> {
        // The real server treats a negative limit as if there were none.
        let number = parse::<i64>(self.get(name), "strconv.ParseInt").map_err(ApiFailure::bad_request)?;
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    }

    /// The resource version that the request names, if any.
    ///
    /// # Errors
    /// 400 if it is not a version.
    pub(crate) fn resource_version(&self) -> Result<Option<u64>, ApiFailure> {
        let text = self.get("resourceVersion");
        let refuse =
            |why| ApiFailure::bad_request(format!("resourceVersion: Invalid value: {text:?}: {why}"));
        parse(text, "strconv.ParseUint").map_err(refuse)
    }
}

/// Parses a number as Go does. The error has the words of Go's parser.
fn parse<T: FromStr<Err = ParseIntError>>(text: &str, parser: &str) -> Result<Option<T>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|problem: ParseIntError| {
        let is_far = matches!(problem.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow);
        let why = if is_far { "value out of range" } else { "invalid syntax" };
        format!("{parser}: parsing {text:?}: {why}")
    })
}

impl Call {
    /// The media types in `Accept`, in order and without spaces.
    pub(crate) fn accepts(&self) -> Vec<String> {
        let accept = self.headers.get(header::ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or("*/*");
        accept.split(',').map(|media| media.replace(' ', "")).filter(|media| !media.is_empty()).collect()
    }

    /// The first form of `Accept` that can be served.
    ///
    /// # Errors
    /// 406 if none can be served.
    pub(crate) fn form(&self) -> Result<Form, ApiFailure> {
        let accepts = self.accepts();
        let form = accepts.iter().find_map(|media| {
            let mut parts = media.split(';');
            if !matches!(parts.next(), Some("application/json" | "*/*" | "application/*")) {
                return None;
            }
            let parts: Vec<&str> = parts.collect();
            let is = |word: &str| parts.contains(&word);
            match parts.iter().find_map(|p| p.strip_prefix("as=")) {
                None => Some(Form::Object),
                Some("Table") if is("v=v1") && is("g=meta.k8s.io") => Some(Form::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") if is("v=v1") => {
                    Some(Form::Metadata)
                }
                Some(_) => None,
            }
        });
        if accepts.is_empty() { Ok(Form::Object) } else { form.ok_or_else(ApiFailure::not_acceptable) }
    }

    /// The media type of the body, or "" if none is given.
    pub(crate) fn content_type(&self) -> &str {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|c| c.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// The name of the field manager that writes.
    pub(crate) fn manager(&self) -> &str {
        match self.query.get("fieldManager") {
            "" => {
                let agent = self.headers.get(header::USER_AGENT).and_then(|a| a.to_str().ok());
                agent.and_then(|a| a.split('/').next()).filter(|a| !a.is_empty()).unwrap_or("unknown")
            }
            manager => manager,
        }
    }

    pub(crate) fn is_dry_run(&self) -> bool {
        !self.query.all("dryRun").is_empty()
    }

    /// Whether this is server-side apply.
    pub(crate) fn applies(&self) -> bool {
        self.method == Method::PATCH && self.content_type() == "application/apply-patch+yaml"
    }

    /// Decodes the body from JSON, YAML, or for a few kinds from protobuf.
    ///
    /// # Errors
    /// 415 for another media type, 400 if the body cannot be parsed.
    pub(crate) fn decode(&self, of: &str) -> Result<Value, ApiFailure> {
        let protobuf = match self.content_type() {
            "application/vnd.kubernetes.protobuf" => protobuf::decode(&self.body),
            _ => None,
        };
        if let Some(object) = protobuf {
            return Ok(object);
        }
        let parsed = match self.content_type() {
            "" | "application/json" => serde_json::from_slice(&self.body).map_err(|e| e.to_string()),
            "application/yaml" => serde_saphyr::from_slice(&self.body).map_err(|e| e.to_string()),
            _ => return Err(ApiFailure::unsupported_media("application/json, application/yaml")),
        };
        let value: Value = parsed.map_err(|why| {
            ApiFailure::bad_request(format!(
                "the object provided is unrecognized (must be of type {of}): {why}"
            ))
        })?;
        if value.is_object() {
            return Ok(value);
        }
        Err(ApiFailure::bad_request(format!(
            "the object provided is unrecognized (must be of type {of}): not an object"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(accept: &'static str) -> Result<Form, ApiFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().expect("a header"));
        let user = User::admin();
        Call {
            method: Method::GET,
            path: "/".into(),
            query: Query::default(),
            headers,
            body: Bytes::new(),
            user,
        }
        .form()
    }

    #[test]
    fn the_first_form_that_can_be_served_is_served() {
        let protobuf = "application/vnd.kubernetes.protobuf";
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(accepting(table).expect("table"), Form::Table);
        assert_eq!(
            accepting("application/vnd.kubernetes.protobuf, application/json").expect("json"),
            Form::Object
        );
        assert_eq!(accepting(protobuf).expect_err("protobuf alone").code, 406);
        let list = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
        assert_eq!(accepting(list).expect("metadata"), Form::Metadata);
    }

    #[test]
    fn a_flag_is_true_unless_it_says_that_it_is_not() {
        for (query, truth) in [
            ("", false),
            ("f=0", false),
            ("f=False", false),
            ("f", true),
            ("f=", true),
            ("f=1", true),
            ("f=TRUE", true),
            ("f=no", true),
        ] {
            assert_eq!(Query::parse(query).is_true("f"), truth, "{query}");
        }
    }

    #[test]
    fn a_query_is_unescaped() {
        let query = Query::parse("labelSelector=a%20in%20%28b%29&x=1+2&watch");
        assert_eq!((query.get("labelSelector"), query.get("x"), query.get("watch")), ("a in (b)", "1 2", ""));
    }
}
