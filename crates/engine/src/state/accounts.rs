//! A set of accounts that is queried and emptied often: a bit for each account, and a list of the members.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::AccountId;

/// A set of accounts. Two sets are equal when they have the same members; members are written in order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct AccountSet {
    bits: Vec<u64>,
    /// The members, in the order in which they were put in.
    members: Vec<AccountId>,
}

impl AccountSet {
    /// Puts an account in; true when it was not in the set before.
    pub fn insert(&mut self, id: AccountId) -> bool {
        let (word, bit) = place(id);
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        let new = self.bits[word] & bit == 0;
        if new {
            self.bits[word] |= bit;
            self.members.push(id);
        }
        new
    }

    /// Whether an account is in the set.
    pub fn contains(&self, id: AccountId) -> bool {
        let (word, bit) = place(id);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// The accounts in the set, in the order in which they were put in.
    pub fn iter(&self) -> impl Iterator<Item = &AccountId> {
        self.members.iter()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Takes every account out of the set.
    pub fn clear(&mut self) {
        drop(self.drain());
    }

    /// Takes every account out of the set and returns them, in the order in which they were put in.
    pub fn drain(&mut self) -> impl Iterator<Item = AccountId> {
        for id in &self.members {
            self.bits[place(*id).0] = 0;
        }
        self.members.drain(..)
    }

    fn sorted(&self) -> Vec<AccountId> {
        let mut members = self.members.clone();
        members.sort_unstable();
        members
    }
}

/// The word of an account, and its bit in that word.
fn place(id: AccountId) -> (usize, u64) {
    (id.place() / 64, 1 << (id.0 % 64))
}

impl PartialEq for AccountSet {
    fn eq(&self, other: &Self) -> bool {
        self.members.len() == other.members.len() && self.members.iter().all(|id| other.contains(*id))
    }
}

impl Eq for AccountSet {}

impl FromIterator<AccountId> for AccountSet {
    fn from_iter<T: IntoIterator<Item = AccountId>>(accounts: T) -> Self {
        let mut set = Self::default();
        for id in accounts {
            set.insert(id);
        }
        set
    }
}

impl Serialize for AccountSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.sorted().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AccountSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A tree is the reference for membership, for equality and for the bytes.
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((0_u32..300, prop::bool::weighted(0.02)), 0..200)) {
            let (mut set, mut tree) = (AccountSet::default(), BTreeSet::new());
            for (number, clears) in steps {
                if clears {
                    let cleared: BTreeSet<AccountId> = set.drain().collect();
                    prop_assert_eq!(cleared, std::mem::take(&mut tree));
                }
                prop_assert_eq!(set.insert(AccountId(number)), tree.insert(AccountId(number)));
                prop_assert_eq!(set.is_empty(), tree.is_empty());
            }
            for number in 0..400 {
                prop_assert_eq!(set.contains(AccountId(number)), tree.contains(&AccountId(number)));
            }
            let bytes = postcard::to_stdvec(&set).unwrap();
            prop_assert_eq!(&bytes, &postcard::to_stdvec(&tree).unwrap());
            let back: AccountSet = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&back, &set);
            set.insert(AccountId(1000));
            prop_assert_ne!(&back, &set);
        }
    }
}
