//! Looks up ids by name with few reads of memory: a market has thousands of names, and every position refers to one.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of slots in the smallest table.
const SLOTS_MIN: usize = 16;
/// The multiplier of the hash, odd and without a pattern in its bits: 2⁶⁴ divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Ids by name: a hash table with a fixed hash function. It is never iterated in the order of its slots, so results do
/// not depend on the machine. It is serialized and compared like a map in the order of the names.
#[derive(Clone, Debug)]
pub(crate) struct ByName<Id> {
    entries: Vec<(String, Id)>,
    /// Indices into `entries`. Each sits in the first free slot at or after the slot of its hash; at least half of the
    /// slots are free.
    slots: Vec<Option<Place>>,
}

/// An index into the list of entries, kept small so that more slots share a cache line.
#[derive(Clone, Copy, Debug)]
struct Place(NonZeroU32);

impl Place {
    fn of(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("a market has fewer than 2³² names"))
    }

    fn index(self) -> usize {
        usize::try_from(self.0.get() - 1).expect("it was an index")
    }
}

impl<Id> Default for ByName<Id> {
    fn default() -> Self {
        Self { entries: Vec::new(), slots: vec![None; SLOTS_MIN] }
    }
}

impl<Id: Copy> ByName<Id> {
    /// The id of a name.
    pub fn get(&self, name: &str) -> Option<Id> {
        self.place(name).ok().map(|index| self.entries[index].1)
    }

    /// Every name, in the order of insertion.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// Inserts a name with its id, or replaces the id that the name has.
    pub fn insert(&mut self, name: String, id: Id) {
        match self.place(&name) {
            Ok(index) => self.entries[index].1 = id,
            Err(slot) => {
                self.slots[slot] = Some(Place::of(self.entries.len()));
                self.entries.push((name, id));
                if self.entries.len() * 2 > self.slots.len() {
                    self.grow();
                }
            }
        }
    }

    /// The index of the entry with this name, or the slot that the name would take.
    fn place(&self, name: &str) -> Result<usize, usize> {
        // The number of slots is a power of two.
        let last = self.slots.len() - 1;
        let mut slot = hash(name) & last;
        while let Some(place) = self.slots[slot] {
            let index = place.index();
            if self.entries[index].0 == name {
                return Ok(index);
            }
            slot = (slot + 1) & last;
        }
        Err(slot)
    }

    /// Doubles the number of slots.
    fn grow(&mut self) {
        self.slots = vec![None; self.slots.len() * 2];
        for index in 0..self.entries.len() {
            if let Err(slot) = self.place(&self.entries[index].0) {
                self.slots[slot] = Some(Place::of(index));
            }
        }
    }
}

/// Hashes eight bytes at a time; the result is the same on every machine.
fn hash(name: &str) -> usize {
    let (words, rest) = name.as_bytes().as_chunks();
    let last = rest.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    let words = words.iter().map(|word| u64::from_le_bytes(*word)).chain([last]);
    let hash = words.fold(0_u64, |hash, word| (hash.rotate_left(5) ^ word).wrapping_mul(SPREAD));
    // Only the high bits of a product depend on all bits of its factors; the table takes the low bits, so rotate them
    // down.
    usize::try_from(hash.rotate_left(20) & u64::from(u32::MAX)).expect("a number of 32 bits")
}

impl<Id: Copy> FromIterator<(String, Id)> for ByName<Id> {
    fn from_iter<Entries: IntoIterator<Item = (String, Id)>>(entries: Entries) -> Self {
        let mut all = Self::default();
        entries.into_iter().for_each(|(name, id)| all.insert(name, id));
        all
    }
}

impl<Id: Copy + PartialEq> PartialEq for ByName<Id> {
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len() && self.entries.iter().all(|(name, id)| other.get(name) == Some(*id))
    }
}

impl<Id: Copy + Eq> Eq for ByName<Id> {}

impl<Id: Serialize> Serialize for ByName<Id> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sorted: BTreeMap<&str, &Id> = self.entries.iter().map(|(name, id)| (name.as_str(), id)).collect();
        sorted.serialize(serializer)
    }
}

impl<'de, Id: Copy + Deserialize<'de>> Deserialize<'de> for ByName<Id> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, Id>::deserialize(deserializer).map(Self::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of every length up to a few words; many differ in one byte only.
    fn names() -> Vec<String> {
        let strikes = (0..3000).map(|strike| format!("BTC-26MAR27-{}-C", strike * 500));
        let lengths = (0..40).flat_map(|length| ["a", "é", "\0"].map(|letter| letter.repeat(length)));
        let mut names: Vec<String> = strikes.chain(lengths).collect();
        names.sort();
        names.dedup();
        names
    }

    #[test]
    fn every_name_has_the_id_that_it_was_given_last() {
        let names = names();
        let mut ids = ByName::default();
        for (id, name) in names.iter().enumerate() {
            assert_eq!(ids.get(name), None, "{name:?}");
            ids.insert(name.clone(), 0);
            ids.insert(name.clone(), id);
        }
        for (id, name) in names.iter().enumerate() {
            assert_eq!((ids.get(name), ids.get(&format!("{name}?"))), (Some(id), None), "{name:?}");
        }
        assert!(ids.names().eq(names.iter()));
    }

    #[test]
    fn it_is_written_read_and_compared_like_a_map() {
        let sorted: BTreeMap<String, usize> = names().into_iter().zip(0..).collect();
        let ids: ByName<usize> = sorted.clone().into_iter().rev().collect();
        let text = serde_json::to_string(&sorted).unwrap();
        assert_eq!(serde_json::to_string(&ids).unwrap(), text);
        let mut read: ByName<usize> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, ids);
        read.insert("a".to_owned(), 7);
        assert_ne!(read, ids, "another id");
        read = ids.clone();
        read.insert("another name".to_owned(), 7);
        assert_ne!(read, ids, "another name");
    }

    #[test]
    fn names_of_a_market_are_spread() {
        let mut slots: Vec<usize> = names().iter().map(|name| hash(name) & 0x1fff).collect();
        let names = slots.len();
        slots.sort_unstable();
        slots.dedup();
        // If every slot were equally likely, 3,118 names would occupy about 2,593 of 8,192 slots.
        assert!(slots.len() * 5 > names * 4, "{} slots for {names} names", slots.len());
    }
}
