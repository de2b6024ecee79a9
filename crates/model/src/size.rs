//! Converts contracts to the size of a position, in units of the coin or of the quote, and back.
//!
//! | instrument | its size is counted in |
//! |---|---|
//! | spot, linear perpetual, linear future, every option | units of the underlying |
//! | inverse perpetual, inverse future | units of the quote, such as USD |
//!
//! Venues show positions in either; the conversion is `amount = contracts · contract_size`.

use units::{Overflow, Price, Quantity, Round};

use crate::{Instrument, InstrumentId, Market, Payoff};

impl Instrument {
    /// Whether the size is counted in units of the quote: true for inverse perpetuals and futures.
    pub fn is_sized_in_quote(&self) -> bool {
        self.payoff == Payoff::Inverse && !self.is_option()
    }

    /// The size of this many contracts. Digits below 10⁻¹⁸ round down.
    pub fn amount_of(&self, contracts: Quantity) -> Result<Quantity, Overflow> {
        contracts.times(self.contract_size, Round::Down)
    }

    /// The number of contracts, whole or not, with this size; none when it cannot be written with 18 decimals.
    pub fn contracts_of(&self, amount: Quantity) -> Option<Quantity> {
        let size = Price::from_raw(self.contract_size.raw());
        let [fewest, most] = [Round::Down, Round::Up].map(|round| amount.over(size, round));
        fewest.ok().filter(|fewest| most == Ok(*fewest))
    }
}

impl Market {
    /// The unit of an instrument's size: the name of its underlying or of its quote.
    pub fn size_unit(&self, id: InstrumentId) -> &str {
        let listing = self.listing(id);
        if listing.is_sized_in_quote() {
            &self.assets[listing.quote.0].name
        } else {
            &self.underlyings[listing.underlying.0].name
        }
    }

    /// A description, for messages, of the values that `amount` of an instrument may have.
    pub fn size_words(&self, id: InstrumentId) -> String {
        let (size, unit) = (self.listing(id).contract_size, self.size_unit(id));
        format!("an amount in {unit} that is a number of contracts of {size} {unit} with at most 18 decimals")
    }
}
