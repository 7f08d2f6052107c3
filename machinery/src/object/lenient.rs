//! Reads JSON fields leniently: a field of the wrong type is absent, so that one odd object does not fail a whole list.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::shared::{Shared, share};

/// The fields of a JSON object, to be taken one by one.
pub struct Fields {
    map: Map<String, Value>,
    /// Whether the value was not an object, or a field taken so far had the wrong type.
    pub nonsense: bool,
}

impl Fields {
    /// The fields of a JSON object; no fields for any other value.
    #[must_use]
    pub fn of(value: Value) -> Self {
        match value {
            Value::Object(map) => Self { map, nonsense: false },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Self { map: Map::new(), nonsense: true }
            }
        }
    }

    /// Takes a field; `None` if it is absent, null or of another type.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.map.remove(name).filter(|value| !value.is_null())?;
        let read = serde_json::from_value(value).ok();
        self.nonsense |= read.is_none();
        read
    }

    /// Takes a text that many objects have in common.
    pub fn take_shared(&mut self, name: &str) -> Option<Shared> {
        self.take::<String>(name).map(|text| share(&text))
    }
}
