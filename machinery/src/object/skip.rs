//! Deserializes an object without allocating what is dropped anyway: managedFields are most of its text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::body::Body;

const UNUSED: &str = "managedFields";
/// Metadata fields that are read only if the kind keeps them.
const OPTIONAL: [&str; 2] = ["labels", "ownerReferences"];

pub(super) struct Parts<B> {
    pub metadata: Map<String, Value>,
    pub rest: Map<String, Value>,
    pub kind: PhantomData<B>,
}

impl<B> Default for Parts<B> {
    fn default() -> Self {
        Self { metadata: Map::new(), rest: Map::new(), kind: PhantomData }
    }
}

struct Metadata<B>(Map<String, Value>, PhantomData<B>);

impl<B> Default for Metadata<B> {
    fn default() -> Self {
        Self(Map::new(), PhantomData)
    }
}

/// A value built from a JSON object, entry by entry. Any other JSON gives the default, see [`Read`].
trait FromEntries: Default {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error>;
}

impl<B: Body> FromEntries for Parts<B> {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error> {
        if key == "metadata" {
            let Read(Metadata::<B>(fields, _)) = map.next_value()?;
            self.metadata = fields;
        } else {
            self.rest.insert(key, map.next_value()?);
        }
        Ok(())
    }
}

impl<B: Body> FromEntries for Metadata<B> {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error> {
        let name = key.as_str();
        if name == UNUSED || (OPTIONAL.contains(&name) && !B::KEEPS.contains(&name)) {
            map.next_value::<IgnoredAny>()?;
        } else {
            self.0.insert(key, map.next_value()?);
        }
        Ok(())
    }
}

/// Reads a `T` from any JSON: one odd object must not fail a whole list.
pub(super) struct Read<T>(pub T);

impl<'de, T: FromEntries> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(T::default())).map(Read)
    }
}

struct Anything<T>(T);

impl<'de, T: FromEntries> Visitor<'de> for Anything<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<T, A::Error> {
        while let Some(key) = map.next_key()? {
            self.0.entry(key, &mut map)?;
        }
        Ok(self.0)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<T, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.0)
    }
    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(self.0)
    }
    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(self.0)
    }
    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(self.0)
    }
    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(self.0)
    }
    fn visit_str<E>(self, _: &str) -> Result<T, E> {
        Ok(self.0)
    }
    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(self.0)
    }
}
