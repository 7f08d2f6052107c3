//! Reading fields that may hold anything: one odd object must never fail a whole page of a list.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Takes fields out of a JSON object, and remembers whether one of them was not what it should be.
pub struct Fields {
    map: Map<String, Value>,
    /// True once a field was present but of another type, or the whole value was not an object.
    pub nonsense: bool,
}

impl Fields {
    /// The fields of a JSON object; of anything else, none.
    #[must_use]
    pub fn of(value: Value) -> Self {
        match value {
            Value::Object(map) => Self { map, nonsense: false },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Self { map: Map::new(), nonsense: true }
            }
        }
    }

    /// The field, or `None` where it is absent, null or of another type.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.map.remove(name).filter(|value| !value.is_null())?;
        let read = serde_json::from_value(value).ok();
        self.nonsense |= read.is_none();
        read
    }
}
