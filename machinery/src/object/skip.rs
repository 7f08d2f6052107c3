//! Reading an object without building what nobody looks at: most of its text is managedFields.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Body;

/// No decision uses it, whatever the kind.
const UNUSED: &str = "managedFields";
/// Fields of the metadata that are read only where the kind keeps them.
const OPTIONAL: [&str; 2] = ["labels", "ownerReferences"];

/// An object as it comes, in two parts.
pub(super) struct Parts<B> {
    /// The fields of the metadata that may matter.
    pub metadata: Map<String, Value>,
    /// The other fields.
    pub rest: Map<String, Value>,
    /// Whose object it is.
    pub kind: PhantomData<B>,
}

impl<B> Default for Parts<B> {
    fn default() -> Self {
        Self { metadata: Map::new(), rest: Map::new(), kind: PhantomData }
    }
}

/// The fields of the metadata as they are read.
struct Metadata<B>(Map<String, Value>, PhantomData<B>);

impl<B> Default for Metadata<B> {
    fn default() -> Self {
        Self(Map::new(), PhantomData)
    }
}

/// What is made of a map, entry by entry. Of anything that is no map, the default: one odd object must never fail
/// a whole page of a list.
trait Entries: Default {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error>;
}

impl<B: Body> Entries for Parts<B> {
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

impl<B: Body> Entries for Metadata<B> {
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
