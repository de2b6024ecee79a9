//! Trades that have not happened yet: what an account would hold after one, exactly.
//!
//! | instrument | a trade of `q` contracts of size `c` at price `p` |
//! |---|---|
//! | spot | the coin gains `q·c`, the quote pays `q·c·p` |
//! | option | the quote pays the premium `q·c·p` |
//! | linear future, perpetual | what is closed pays `q·c·(p − e)` into the settle balance |
//! | inverse future, perpetual | what is closed pays `q·c·(1/e − 1/p)` into the settle balance |
//!
//! What adds to a position moves its entry to the price paid on average (for inverse contracts: the average that leaves the
//! profit in coins unchanged). A trade through zero closes at `p` and opens the rest there. So at its mark a trade leaves the
//! equity as it was. Everything is fixed point and rounds against the account; fees are not taken.

use model::{
    Account, AssetId, Balance, Instrument, InstrumentId, InstrumentKind, Market, Payoff, Position, QuotePrice,
};
use units::{Money, Overflow, Price, Quantity, Round};

use crate::amount::exact;

/// Two trades as a user writes them.
const EXAMPLES: &str = "\"BTC-PERPETUAL -10 @78000\" or \"BTC-PERPETUAL -100 USD\"";

/// Contracts of one instrument bought (or, below zero, sold) at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    instrument: InstrumentId,
    quantity: Quantity,
    price: QuotePrice,
}

/// What `text` says: an instrument, how many signed contracts or units of its size, and a price after an `@`; without a
/// price, the mark.
pub fn read(text: &str, market: &Market) -> Result<Trade, String> {
    let (name, size, price) = split(text)
        .ok_or_else(|| format!("found \"{text}\", expected INSTRUMENT ±CONTRACTS [@PRICE], such as {EXAMPLES}"))?;
    let instrument = market.instrument(&name).ok_or_else(|| {
        let near = model::nearest(&name, market.instruments.iter().map(|listing| listing.name.as_str())).join(", ");
        format!("\"{text}\": found instrument \"{name}\", expected an instrument of the market such as {near}")
    })?;
    let listing = market.listing(instrument);
    let quantity = contracts(&size, instrument, market).map_err(|problem| format!("\"{text}\": {problem}"))?;
    let price = match price {
        None => listing.mark,
        Some(price) => {
            price[1..].parse().map_err(|why| format!("\"{text}\": found price \"{price}\", expected @ and {why}"))?
        }
    };
    if price < QuotePrice::ZERO || (price == QuotePrice::ZERO && !listing.is_option()) {
        return Err(format!("\"{text}\": found price {price}, expected a price above 0"));
    }
    if listing.kind == InstrumentKind::Spot && coin_of(listing, market).is_none() {
        let coin = &market.underlyings[listing.underlying.0].name;
        return Err(format!("\"{text}\": found spot in {coin}, which is no asset of the market, expected one that is"));
    }
    Ok(Trade { instrument, quantity, price })
}

/// How much is traded, as written: a number, and what it counts where that is said.
struct Size<'a> {
    number: &'a str,
    unit: Option<&'a str>,
}

/// The name, the size and the price of a trade. Names may have spaces; the size is the last word that looks like a number,
/// or the last word but one where a unit follows it.
fn split(text: &str) -> Option<(String, Size<'_>, Option<&str>)> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let price = words.pop_if(|word| word.starts_with('@'));
    let is_number = |word: &str| word.trim_start_matches(['+', '-']).starts_with(|first: char| first.is_ascii_digit());
    let last_two = words.last_chunk::<2>();
    let unit =
        if last_two.is_some_and(|[number, unit]| is_number(number) && !is_number(unit)) { words.pop() } else { None };
    let number = words.pop()?;
    let name = words.join(" ");
    (!name.is_empty()).then_some((name, Size { number, unit }, price))
}

/// The contracts of a trade whose size was written in contracts, in the coin or in the quote.
fn contracts(size: &Size, instrument: InstrumentId, market: &Market) -> Result<Quantity, String> {
    let number: Quantity = size
        .number
        .strip_prefix('+')
        .unwrap_or(size.number)
        .parse()
        .map_err(|why| format!("found contracts \"{}\", expected {why}", size.number))?;
    if number == Quantity::ZERO {
        return Err("found 0 contracts, expected some".to_owned());
    }
    let listed = market.size_unit(instrument);
    match size.unit {
        None | Some("contract" | "contracts") => Ok(number),
        Some(unit) if unit.eq_ignore_ascii_case(listed) => market
            .listing(instrument)
            .contracts_of(number)
            .ok_or_else(|| format!("found {number} {unit}, expected {}", market.size_words(instrument))),
        Some(unit) => Err(format!("found {number} {unit}, expected contracts or an amount in {listed}")),
    }
}

impl Trade {
    /// The instrument that is traded.
    pub fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// In the quote of the instrument.
    pub fn price(&self) -> QuotePrice {
        self.price
    }

    /// The trade in contracts, as a size and at its price, for people.
    pub fn words(&self, market: &Market) -> Result<String, Overflow> {
        let listing = market.listing(self.instrument);
        let sign = if self.quantity.is_negative() { "" } else { "+" };
        let (contracts, unit) = (exact(self.quantity), market.size_unit(self.instrument));
        let (amount, quote) = (exact(listing.amount_of(self.quantity)?), &market.assets[listing.quote.0].name);
        let price = exact(self.price);
        Ok(format!("{} {sign}{contracts} contracts, {sign}{amount} {unit}, at {price} {quote}", listing.name))
    }
}

/// `account` after `trade`.
pub fn after(account: &Account, trade: &Trade, market: &Market) -> Result<Account, Overflow> {
    let listing = market.listing(trade.instrument);
    let mut after = account.clone();
    let units = trade.quantity.times(listing.contract_size, Round::Up)?;
    let cost = units_of(units.at(trade.price.in_quote(), Round::Up)?);
    match listing.kind {
        InstrumentKind::Spot => {
            let coin = coin_of(listing, market).expect("checked when the trade was read");
            credit(&mut after, coin, trade.quantity.times(listing.contract_size, Round::Down)?)?;
            credit(&mut after, listing.quote, cost.negated()?)?;
        }
        InstrumentKind::Option { .. } => {
            fill(&mut after, trade, listing.payoff)?;
            credit(&mut after, listing.cash(), cost.negated()?)?;
        }
        InstrumentKind::Perpetual | InstrumentKind::Future { .. } => {
            // The average entry of an inverse contract is the harmonic one.
            let closed = fill(&mut after, trade, listing.payoff)?;
            credit(&mut after, listing.settle, profit(&closed, trade.price, listing)?)?;
        }
    }
    Ok(after)
}

/// Moves the position; what was closed, as a position of its own.
fn fill(account: &mut Account, trade: &Trade, payoff: Payoff) -> Result<Position, Overflow> {
    let Trade { instrument, quantity, price } = *trade;
    let place = account.positions.iter().position(|position| position.instrument == instrument);
    let held =
        place.map_or(Position { instrument, quantity: Quantity::ZERO, entry: price }, |place| account.positions[place]);
    let left = held.quantity.plus(quantity)?;
    let reduces = held.quantity != Quantity::ZERO && held.quantity.is_negative() != quantity.is_negative();
    let crosses = reduces && left.is_negative() != held.quantity.is_negative();
    let (closed, entry) = match (reduces, crosses) {
        (false, _) => (Quantity::ZERO, average(&held, trade, payoff)?),
        (true, false) => (quantity.negated()?, held.entry),
        (true, true) => (held.quantity, price),
    };
    let position = Position { quantity: left, entry, ..held };
    match place {
        Some(place) if left == Quantity::ZERO => drop(account.positions.remove(place)),
        Some(place) => account.positions[place] = position,
        None => account.positions.push(position),
    }
    Ok(Position { quantity: closed, ..held })
}

/// The entry after adding to a position: a long's rounds up, a short's down.
fn average(held: &Position, trade: &Trade, payoff: Payoff) -> Result<QuotePrice, Overflow> {
    if held.quantity == Quantity::ZERO {
        return Ok(trade.price);
    }
    let (worse, better) =
        if trade.quantity.is_negative() { (Round::Down, Round::Up) } else { (Round::Up, Round::Down) };
    let size = |quantity: Quantity| if quantity.is_negative() { quantity.negated() } else { Ok(quantity) };
    let (before, added) = (size(held.quantity)?, size(trade.quantity)?);
    let contracts = before.plus(added)?;
    let [entry, price] = [held.entry, trade.price].map(QuotePrice::in_quote);
    match payoff {
        Payoff::Linear => {
            let cost = before.at(entry, worse)?.plus(added.at(price, worse)?)?;
            price_of(units_of(cost), contracts, worse)
        }
        Payoff::Inverse if entry == Price::ZERO || price == Price::ZERO => Ok(held.entry.max(trade.price)),
        Payoff::Inverse => {
            let coins = before.over(entry, better)?.plus(added.over(price, better)?)?;
            price_of(contracts, coins, worse)
        }
    }
}

/// What closing `closed` at `price` pays, in units of the settle asset.
fn profit(closed: &Position, price: QuotePrice, listing: &Instrument) -> Result<Quantity, Overflow> {
    let size = closed.quantity.times(listing.contract_size, Round::Down)?;
    let [entry, price] = [closed.entry, price].map(QuotePrice::in_quote);
    match listing.payoff {
        Payoff::Linear => Ok(units_of(size.at(price, Round::Down)?.minus(size.at(entry, Round::Up)?)?)),
        Payoff::Inverse => size.over(entry, Round::Down)?.minus(size.over(price, Round::Up)?),
    }
}

/// Adds to the balance that lies nowhere in particular.
fn credit(account: &mut Account, asset: AssetId, amount: Quantity) -> Result<(), Overflow> {
    let balances = &mut account.balances;
    match balances.iter_mut().find(|balance| balance.asset == asset && balance.location.is_none()) {
        Some(balance) => balance.amount = balance.amount.plus(amount)?,
        None if amount == Quantity::ZERO => {}
        None => balances.push(Balance { asset, amount, location: None }),
    }
    Ok(())
}

/// The asset that a spot pair exchanges for its quote.
fn coin_of(listing: &Instrument, market: &Market) -> Option<AssetId> {
    market.asset(&market.underlyings[listing.underlying.0].name)
}

/// An amount of money in some asset is that many units of it.
const fn units_of(money: Money) -> Quantity {
    Quantity::from_raw(money.raw())
}

/// The price at which `units` cost `cost`.
fn price_of(cost: Quantity, units: Quantity, round: Round) -> Result<QuotePrice, Overflow> {
    cost.over(Price::from_raw(units.raw()), round).map(|price| QuotePrice::new(Price::from_raw(price.raw())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use margin::valuation::equity;
    use model::{AccountDocument, PORTFOLIO_FORMAT, Portfolio, PortfolioDocument};

    const MARKET: &str = r#"{
      "format": "upm.market/1", "time": "2026-04-22T00:00:00Z",
      "assets": [{"asset": "USDC", "price": "0.9999"}, {"asset": "BTC", "price": "80000"}],
      "underlyings": [{"underlying": "BTC", "index": "80000",
        "expiries": [{"expiry": "2026-05-08T08:00:00Z", "forward": "80100"}]}],
      "instruments": [
        {"instrument": "BTC_USDC", "kind": "spot", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
         "settle": "USDC", "contract_size": "0.5", "mark": "80008"},
        {"instrument": "LINEAR", "kind": "perpetual", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
         "settle": "USDC", "contract_size": "0.001", "mark": "80050"},
        {"instrument": "INVERSE", "kind": "perpetual", "underlying": "BTC", "payoff": "inverse", "quote": "USD",
         "settle": "BTC", "contract_size": "10", "mark": "80040"},
        {"instrument": "COIN CALL", "kind": "option", "underlying": "BTC", "payoff": "inverse", "quote": "BTC",
         "settle": "BTC", "contract_size": "1", "expiry": "2026-05-08T08:00:00Z", "strike": "80000", "right": "call",
         "mark": "0.05", "iv": "0.5"}
      ]}"#;

    fn market() -> Market {
        Market::parse(MARKET).unwrap()
    }

    fn account(market: &Market, positions: &str) -> Account {
        let account: AccountDocument = serde_json::from_str(&format!(
            r#"{{"account": "a", "balances": [{{"asset": "USDC", "amount": "1000"}}], "positions": [{positions}]}}"#
        ))
        .unwrap();
        let document = PortfolioDocument { format: PORTFOLIO_FORMAT.into(), accounts: vec![account] };
        Portfolio::new(&document, market).unwrap().accounts.remove(0)
    }

    fn check(held: &str, trades: &[&str], positions: &[(&str, &str)], balances: &[(&str, &str)]) {
        let market = market();
        let mut account = account(&market, held);
        for trade in trades {
            account = after(&account, &read(trade, &market).unwrap(), &market).unwrap();
        }
        let found: Vec<_> =
            account.positions.iter().map(|one| (one.quantity.to_string(), one.entry.to_string())).collect();
        let expected: Vec<_> = positions.iter().map(|(q, e)| ((*q).to_owned(), (*e).to_owned())).collect();
        assert_eq!(found, expected, "positions after {trades:?}");
        let name = |one: &Balance| market.assets[one.asset.0].name.clone();
        let found: Vec<_> = account.balances.iter().map(|one| (name(one), one.amount.to_string())).collect();
        let expected: Vec<_> = balances.iter().map(|(a, x)| ((*a).to_owned(), (*x).to_owned())).collect();
        assert_eq!(found, expected, "balances after {trades:?}");
    }

    #[test]
    fn a_size_is_so_many_contracts() {
        let market = market();
        let contracts = |text: &str| read(text, &market).unwrap().quantity.to_string();
        assert_eq!([contracts("INVERSE 1000 USD"), contracts("INVERSE +100")], ["100", "100"]);
        assert_eq!([contracts("INVERSE -1000 usd @79000"), contracts("INVERSE -100 contracts")], ["-100", "-100"]);
        assert_eq!([contracts("LINEAR 0.5 BTC"), contracts("COIN CALL -3 BTC @0.06")], ["500", "-3"]);
        assert_eq!(contracts("BTC_USDC 1 BTC"), "2");
        let words = |text: &str| read(text, &market).unwrap().words(&market).unwrap();
        assert_eq!(words("INVERSE 1000 USD"), "INVERSE +100 contracts, +1,000 USD, at 80,040 USD");
        assert_eq!(words("COIN CALL -3 @0.06"), "COIN CALL -3 contracts, -3 BTC, at 0.06 BTC");
    }

    const LONG: &str = r#"{"instrument": "LINEAR", "quantity": "300", "entry": "70000"}"#;
    const SHORT: &str = r#"{"instrument": "INVERSE", "quantity": "-800", "entry": "64000"}"#;

    #[test]
    fn adding_moves_the_entry_to_the_average() {
        check(LONG, &["LINEAR +100 @90000"], &[("400", "75000")], &[("USDC", "1000")]);
        check(
            "",
            &["LINEAR -1 @79000", "LINEAR -2 @79000.1"],
            &[("-3", "79000.066666666666666666")],
            &[("USDC", "1000")],
        );
        // 800 at 64000 and 800 at 80000 owe 0.0125 + 0.01 coins a ten dollars: as much as 1600 at 71111.11….
        check(SHORT, &["INVERSE -800 @80000"], &[("-1600", "71111.111111111111111111")], &[("USDC", "1000")]);
    }

    #[test]
    fn reducing_pays_the_profit_and_keeps_the_entry() {
        check(LONG, &["LINEAR -100 @80000"], &[("200", "70000")], &[("USDC", "2000")]);
        check(LONG, &["LINEAR -300 @69000"], &[], &[("USDC", "700")]);
        // 4000 USD sold at 64000 and bought at 80000: 0.05 − 0.0625 coins.
        check(SHORT, &["INVERSE +400 @80000"], &[("-400", "64000")], &[("USDC", "1000"), ("BTC", "-0.0125")]);
    }

    #[test]
    fn through_zero_everything_is_closed_and_the_rest_is_new() {
        check(LONG, &["LINEAR -500 @80000"], &[("-200", "80000")], &[("USDC", "4000")]);
        check(SHORT, &["INVERSE +1000 @80000"], &[("200", "80000")], &[("USDC", "1000"), ("BTC", "-0.025")]);
    }

    #[test]
    fn premiums_and_coins_are_paid_for_in_the_quote() {
        check("", &["COIN CALL +10 @0.04"], &[("10", "0.04")], &[("USDC", "1000"), ("BTC", "-0.4")]);
        check("", &["COIN CALL -10"], &[("-10", "0.05")], &[("USDC", "1000"), ("BTC", "0.5")]);
        check("", &["BTC_USDC +2 @80000"], &[], &[("USDC", "-79000"), ("BTC", "1")]);
    }

    #[test]
    fn at_the_mark_a_trade_leaves_the_equity_and_never_raises_it() {
        let market = market();
        for (held, traded) in [
            (LONG, "LINEAR +100"),
            (LONG, "LINEAR -100.000000000000000007"),
            (LONG, "LINEAR -777"),
            (SHORT, "INVERSE +333.3"),
            (SHORT, "INVERSE -1"),
            (SHORT, "INVERSE +801"),
            (SHORT, "COIN CALL -3.7"),
        ] {
            let before = account(&market, held);
            let after = after(&before, &read(traded, &market).unwrap(), &market).unwrap();
            let change = equity(&after, &market).unwrap().minus(equity(&before, &market).unwrap()).unwrap();
            assert!(change <= Money::ZERO && change.to_f64() > -1e-9, "{traded}: {change}");
        }
    }

    #[test]
    fn what_is_no_trade_is_refused() {
        let market = market();
        for (text, problem) in [
            ("", "expected INSTRUMENT"),
            ("LINEAR", "expected INSTRUMENT"),
            ("LINEAR @5", "expected INSTRUMENT"),
            ("NOTHING +1", "found instrument \"NOTHING\""),
            ("LINEAR +1x3", "found contracts \"+1x3\""),
            ("LINEAR 0", "found 0 contracts"),
            ("INVERSE 100 BTC", "found 100 BTC, expected contracts or an amount in USD"),
            ("LINEAR +1 USDC @80000", "found 1 USDC, expected contracts or an amount in BTC"),
            ("INVERSE USD", "expected"),
            ("LINEAR 1 @x", "found price \"@x\""),
            ("LINEAR 1 @0", "found price 0"),
            ("COIN CALL 1 @-1", "found price -1"),
        ] {
            let refused = read(text, &market).unwrap_err();
            assert!(refused.contains(problem), "{text}: {refused}");
        }
    }
}
