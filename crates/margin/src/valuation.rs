//! The value of balances, positions and accounts, in USD: fixed point, rounded against the account (VAL-1, VAL-2).

use model::{Account, Balance, Instrument, InstrumentKind, Market, Payoff, Position, QuotePrice};
use units::{Money, Overflow, Round};

/// The value of a balance at the price of its asset. A debt rounds away from zero.
pub fn balance_value(balance: &Balance, market: &Market) -> Result<Money, Overflow> {
    balance.amount.at(market.price(balance.asset).usd(), Round::Down)
}

/// The value of a position at its mark: unsettled profit of a future, the premium of an option.
pub fn position_value(position: &Position, market: &Market) -> Result<Money, Overflow> {
    let listing = market.listing(position.instrument);
    let settle = market.usd_per_settle(listing).usd();
    match (&listing.kind, listing.payoff) {
        (InstrumentKind::Option { .. }, _) => position
            .quantity
            .times(listing.contract_size, Round::Down)?
            .at(market.mark(listing.id).in_quote(), Round::Down)?
            .converted(settle, Round::Down),
        (_, Payoff::Linear) => linear_profit(position, listing, market)?.converted(settle, Round::Down),
        (_, Payoff::Inverse) => {
            let notional = position.quantity.times(listing.contract_size, round_size(position, market))?;
            let [entry, mark] = [position.entry, market.mark(listing.id)].map(QuotePrice::in_quote);
            let coins = notional.over(entry, Round::Down)?.minus(notional.over(mark, Round::Up)?)?;
            coins.at(settle, Round::Down)
        }
    }
}

fn linear_profit(position: &Position, listing: &Instrument, market: &Market) -> Result<Money, Overflow> {
    let gain = market.mark(listing.id).minus(position.entry)?;
    position.quantity.times(listing.contract_size, round_size(position, market))?.at(gain.in_quote(), Round::Down)
}

/// The rounding of a size against the account: down where a unit has gained, up where it has lost.
fn round_size(position: &Position, market: &Market) -> Round {
    if market.mark(position.instrument) < position.entry { Round::Up } else { Round::Down }
}

/// The equity of an account: balances and positions, no haircut (VAL-1).
pub fn equity(account: &Account, market: &Market) -> Result<Money, Overflow> {
    let mut equity = Money::ZERO;
    for balance in &account.balances {
        equity = equity.plus(balance_value(balance, market)?)?;
    }
    for position in &account.positions {
        equity = equity.plus(position_value(position, market)?)?;
    }
    Ok(equity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use units::{Price, Quantity};

    /// One contract of `size` units at `mark`, with profit in a coin worth `coin`; linear, inverse and an option.
    fn market(size: &str, mark: QuotePrice, coin: &str) -> Market {
        let listed = |name: &str, kind: &str, payoff: &str, quote: &str, rest: &str| {
            format!(
                r#"{{"instrument": "{name}", "kind": "{kind}", "underlying": "BTC", "payoff": "{payoff}", "quote": "{quote}",
                "settle": "BTC", "contract_size": "{size}", "mark": "{mark}"{rest}}}"#
            )
        };
        let option = r#", "expiry": "2026-12-01T00:00:00Z", "strike": "1", "right": "call", "iv": "1""#;
        Market::parse(&format!(
            r#"{{"format": "upm.market/1", "time": "2026-11-22T00:00:00Z", "assets": [{{"asset": "BTC", "price": "{coin}"}}],
            "underlyings": [{{"underlying": "BTC", "index": "1", "expiries": [{{"expiry": "2026-12-01T00:00:00Z", "forward": "1"}}]}}],
            "instruments": [{}, {}, {}]}}"#,
            listed("L", "perpetual", "linear", "USD", ""),
            listed("I", "perpetual", "inverse", "USD", ""),
            listed("O", "option", "inverse", "BTC", option),
        ))
        .unwrap()
    }

    fn value(market: &Market, instrument: usize, quantity: Quantity, entry: QuotePrice) -> Money {
        position_value(&Position { instrument: model::InstrumentId(instrument), quantity, entry }, market).unwrap()
    }

    /// VAL-2: on either side, with a gain or a loss, a rounded value is never above the exact value, and hardly below it.
    #[test]
    fn both_sides_of_a_trade_round_against_themselves() {
        let (tiny, two, third): (Quantity, QuotePrice, QuotePrice) =
            ("0.000000000000000001".parse().unwrap(), "2".parse().unwrap(), "0.333333333333333333".parse().unwrap());
        let market = market("0.5", "3".parse().unwrap(), "1");
        // Half of 10⁻¹⁸ gains 1 or loses 1: the gain rounds to zero, the loss to one unit.
        let (gained, lost) = (value(&market, 0, tiny, two), value(&market, 0, tiny.negated().unwrap(), two));
        assert_eq!((gained.raw(), lost.raw()), (0, -1));
        let (lost, gained) = (
            value(&market, 0, tiny, "4".parse().unwrap()),
            value(&market, 0, tiny.negated().unwrap(), "4".parse().unwrap()),
        );
        assert_eq!((gained.raw(), lost.raw()), (0, -1));
        assert_eq!(value(&market, 2, tiny, third).raw(), 0);
        assert_eq!(value(&market, 2, tiny.negated().unwrap(), third).raw(), -3);
    }

    proptest! {
        /// The values of the two sides of one trade never add up to more than zero.
        #[test]
        fn no_value_comes_out_of_rounding(quantity in 1..10_i128.pow(22), entry in 10_i128.pow(9)..10_i128.pow(22), mark in 10_i128.pow(9)..10_i128.pow(22)) {
            let market = market("0.000123456789012345", QuotePrice::new(Price::from_raw(mark)), "0.777777777777777777");
            for instrument in 0..3 {
                let entry = QuotePrice::new(Price::from_raw(entry));
                let of = |quantity: i128| value(&market, instrument, Quantity::from_raw(quantity), entry).raw();
                let (long, short) = (of(quantity), of(-quantity));
                prop_assert!(long + short <= 0, "{instrument}: {long} {short}");
                // Each of three roundings loses a unit of 10⁻¹⁸, which the price then multiplies.
                let widest = 4 + 4 * (mark.max(entry.in_quote().raw()) / 10_i128.pow(18));
                prop_assert!(long + short >= -widest, "{instrument}: {long} {short}");
            }
        }
    }
}
