//! Collects the names of a document of any length, for the message that a requested name is not there.

use crate::input::names;

/// The number of accounts up to which all are named.
const FEW: usize = 5;
/// The number of names that are kept before the nearest are chosen.
const KEPT: usize = 256;

/// The account names of a document, as far as the message about a missing account needs them.
pub struct Known<'a> {
    asked: &'a str,
    count: usize,
    kept: Vec<String>,
}

impl<'a> Known<'a> {
    /// For the message that the account `asked` is missing.
    pub fn new(asked: &'a str) -> Self {
        Self { asked, count: 0, kept: Vec::new() }
    }

    /// Takes the name of the next account.
    pub fn take(&mut self, name: &str) {
        self.count += 1;
        self.kept.push(name.to_owned());
        if self.kept.len() >= KEPT {
            self.kept = self.nearest().into_iter().map(str::to_owned).collect();
        }
    }

    /// The message that the account is missing, with the names expected.
    pub fn missing(&self) -> String {
        let expected = match self.count {
            0..=FEW => names(self.kept.iter().map(String::as_str)),
            count => format!("one of {count} accounts, such as {}", self.nearest().join(", ")),
        };
        format!("accounts: found no \"{}\", expected {expected}", self.asked)
    }

    fn nearest(&self) -> Vec<&str> {
        model::nearest(self.asked, self.kept.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(asked: &str, accounts: usize) -> String {
        let mut known = Known::new(asked);
        (0..accounts).for_each(|place| known.take(&format!("account {place}")));
        known.missing()
    }

    #[test]
    fn few_accounts_are_all_named_and_of_many_the_nearest() {
        assert_eq!(missing("a", 2), "accounts: found no \"a\", expected one of account 0, account 1");
        let many = missing("acount 700", 1000);
        assert!(
            many.starts_with("accounts: found no \"acount 700\", expected one of 1000 accounts, such as account 700, ")
        );
    }
}
