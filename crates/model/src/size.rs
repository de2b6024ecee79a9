//! How large a contract is: contracts on one side, units of the coin or of the quote on the other.
//!
//! | instrument | its size is counted in |
//! |---|---|
//! | spot, linear perpetual, linear future, every option | units of the underlying |
//! | inverse perpetual, inverse future | units of the quote, such as USD |
//!
//! Venues show positions in either; `amount = contracts · contract_size` leads from one to the other.

use units::{Overflow, Price, Quantity, Round};

use crate::{Instrument, InstrumentId, Market, Payoff};

impl Instrument {
    /// Whether its size is counted in units of the quote: inverse perpetuals and futures.
    pub fn is_sized_in_quote(&self) -> bool {
        self.payoff == Payoff::Inverse && !self.is_option()
    }

    /// The size of so many contracts. Below 10⁻¹⁸ it rounds down.
    pub fn amount_of(&self, contracts: Quantity) -> Result<Quantity, Overflow> {
        contracts.times(self.contract_size, Round::Down)
    }

    /// The contracts, whole or not, that have this size; none where 18 decimals cannot say how many.
    pub fn contracts_of(&self, amount: Quantity) -> Option<Quantity> {
        let size = Price::from_raw(self.contract_size.raw());
        let [fewest, most] = [Round::Down, Round::Up].map(|round| amount.over(size, round));
        fewest.ok().filter(|fewest| most == Ok(*fewest))
    }
}

impl Market {
    /// What the size of an instrument is counted in: the name of its underlying or of its quote.
    pub fn size_unit(&self, id: InstrumentId) -> &str {
        let listing = self.listing(id);
        if listing.is_sized_in_quote() {
            &self.assets[listing.quote.0].name
        } else {
            &self.underlyings[listing.underlying.0].name
        }
    }

    /// What a document may say as `amount` of an instrument, for messages.
    pub fn size_words(&self, id: InstrumentId) -> String {
        let (size, unit) = (self.listing(id).contract_size, self.size_unit(id));
        format!("an amount in {unit} that is a number of contracts of {size} {unit} with at most 18 decimals")
    }
}
