//! Hash tables that give back the memory of what they held once.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

/// Entries for which a table always has room.
const FEW: usize = 32;

/// Gives back most of the room of a table that is nearly empty. Called after each removal, it costs nothing on average: a
/// table has to lose most of its entries between two times that it does anything.
pub(crate) fn relieve<K: Eq + Hash, V, S: BuildHasher>(table: &mut HashMap<K, V, S>) {
    let wanted = FEW.max(table.len() * 2);
    if table.capacity() > wanted * 4 {
        table.shrink_to(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_was_full_once_is_small_again_and_keeps_what_is_left() {
        let mut table: HashMap<usize, usize> = (0..10_000).map(|key| (key, key)).collect();
        let full = table.capacity();
        for key in 0..9_990 {
            table.remove(&key);
            relieve(&mut table);
            assert!(
                table.capacity() <= 8 * FEW.max(table.len() * 2),
                "{} for {}",
                table.capacity(),
                table.len()
            );
        }
        assert!(table.capacity() < full / 50, "{}", table.capacity());
        assert!((9_990..10_000).all(|key| table.contains_key(&key)));
    }
}
