//! Finds members that a JSON text has twice, which are lost when it is parsed into a value.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::node::join;

/// The paths of the members that occur again.
pub(crate) fn find(json: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let place = Place { path: String::new(), found: &mut found };
    // A text that cannot be parsed has already been refused.
    let _ = place.deserialize(&mut serde_json::Deserializer::from_slice(json));
    found
}

/// A place in the text.
struct Place<'a> {
    path: String,
    found: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<(), D::Error> {
        text.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = join(&self.path, &name);
            if !seen.insert(name) {
                self.found.push(path.clone());
            }
            map.next_value_seed(Place { path, found: self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let path = |index: usize| format!("{}[{index}]", self.path);
        let mut index = 0;
        while items.next_element_seed(Place { path: path(index), found: self.found })?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_member_named_twice_is_found_where_it_is() {
        let json = br#"{"a":1,"b":[{"c":null,"d":{}},{"c":"x","c":1.5}],"a":true}"#;
        assert_eq!(find(json), ["b[1].c", "a"]);
    }
}
