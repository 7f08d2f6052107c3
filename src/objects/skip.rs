//! Reading an object without building what nobody looks at: most of its text is managedFields.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Fields of the metadata that no decision uses.
const UNUSED: [&str; 3] = ["managedFields", "labels", "ownerReferences"];

/// An object as it comes, in two parts.
#[derive(Default)]
pub(super) struct Parts {
    /// The fields of the metadata that may matter.
    pub metadata: Map<String, Value>,
    /// The other fields.
    pub rest: Map<String, Value>,
}

/// The fields of the metadata on their way.
#[derive(Default)]
struct Metadata(Map<String, Value>);

/// What is made of a map, entry by entry. Of anything that is no map, the default: one odd object must never fail
/// a whole page of a list.
trait Entries: Default {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error>;
}

impl Entries for Parts {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error> {
        if key == "metadata" {
            let Read(Metadata(fields)) = map.next_value()?;
            self.metadata = fields;
        } else {
            self.rest.insert(key, map.next_value()?);
        }
        Ok(())
    }
}

impl Entries for Metadata {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error> {
        if UNUSED.contains(&key.as_str()) {
            map.next_value::<IgnoredAny>()?;
        } else {
            self.0.insert(key, map.next_value()?);
        }
        Ok(())
    }
}

/// Reads a `T` from anything.
pub(super) struct Read<T>(pub T);

impl<'de, T: Entries> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(T::default())).map(Read)
    }
}

struct Anything<T>(T);

impl<'de, T: Entries> Visitor<'de> for Anything<T> {
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
