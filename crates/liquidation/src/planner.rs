//! Plans for the accounts of one market, from the depth, quotes and fees in the market itself.

use margin::{Judge, Refusal};
use model::{Account, Instrument, InstrumentQuote, Invalid, Market, Payoff, UnderlyingId};
use units::{Money, Overflow, Quantity, Ratio, Round};

use crate::{ByMethod, LiquidationRules, OrderBook, Plan, plan};

/// Basis points of the mid within which depth is counted.
const WITHIN_BPS: f64 = 100.0;

/// Makes plans: holds a margin method in one market, the cost of trading there, and the rules of a liquidation.
pub struct Planner<'a> {
    judge: &'a dyn Judge,
    rules: LiquidationRules,
    depths: Vec<f64>,
    books: Vec<OrderBook>,
}

impl<'a> Planner<'a> {
    /// A planner in the market of `judge`. `lot` is the number of contracts in a lot, above 0. `depth` is USD within
    /// one per cent of the mid, for underlyings whose depth the market does not give; without `depth` such an
    /// underlying is refused.
    pub fn new(
        judge: &'a dyn Judge,
        rules: LiquidationRules,
        lot: Quantity,
        depth: Option<Quantity>,
    ) -> Result<Self, Invalid> {
        if lot <= Quantity::ZERO {
            return Err(Invalid::new("lot", lot, "contracts above 0"));
        }
        if let Some(depth) = depth.filter(|depth| *depth <= Quantity::ZERO) {
            return Err(Invalid::new("depth", depth, "USD above 0"));
        }
        if rules.beta <= Ratio::ONE {
            return Err(Invalid::new("beta", rules.beta, "a ratio above 1"));
        }
        let market = judge.market();
        let depths = market.underlyings.iter().zip((0..).map(UnderlyingId)).map(|(underlying, id)| {
            let found = depth_of(id, market).or(depth.map(Quantity::to_f64)).filter(|depth| *depth > 0.0);
            let problem = || format!("{} has no depth, expected one", underlying.name);
            found.ok_or_else(|| Invalid { path: "underlyings".to_owned(), problem: problem() })
        });
        let depths: Vec<f64> = depths.collect::<Result<_, _>>()?;
        let books = market.instruments.iter().zip(&market.quotes.instruments);
        let books = books.map(|(listing, quote)| book(listing, quote, &rules, lot, &depths)).collect();
        Ok(Self { judge, rules, depths, books })
    }

    /// The steps that a liquidation of `account` would take if prices stood still; planning changes nothing.
    pub fn plan(&self, account: &Account) -> Result<Plan, Refusal> {
        let market = self.judge.market();
        let budget = self.budget(account).map_err(|overflow| {
            let account = account.name.clone();
            Refusal::OutOfRange { account, overflow }
        })?;
        let rules = LiquidationRules { backstop_budget: budget, ..self.rules.clone() };
        plan(account, market, &ByMethod { judge: self.judge, asked: "plan" }, &self.books, &rules)
    }

    /// The trading costs of each instrument, in the market's order of instruments.
    pub fn books(&self) -> &[OrderBook] {
        &self.books
    }

    /// USD within one per cent of the mid of each underlying, in the market's order of underlyings.
    pub fn depths(&self) -> &[f64] {
        &self.depths
    }

    /// The most that the backstop may lose by taking over an account, from the account's notional in each underlying at
    /// the index.
    fn budget(&self, account: &Account) -> Result<Money, Overflow> {
        let market = self.judge.market();
        let mut markets = vec![0.0; market.underlyings.len()];
        for held in &account.positions {
            let listing = market.listing(held.instrument);
            let price = match listing.payoff {
                Payoff::Inverse if !listing.is_option() => 1.0,
                Payoff::Linear | Payoff::Inverse => market.index(listing.underlying).usd().to_f64(),
            };
            markets[listing.underlying.0] += (held.quantity.to_f64() * listing.contract_size.to_f64() * price).abs();
        }
        let money = |usd: f64| Money::from_f64(usd, Round::Down);
        let pairs = markets.into_iter().zip(&self.depths).filter(|(notional, _)| *notional > 0.0);
        let markets = pairs.map(|(notional, depth)| Ok((money(notional)?, money(*depth)?)));
        self.rules.budget(&markets.collect::<Result<Vec<_>, Overflow>>()?)
    }
}

/// The trading costs of an instrument, from its quotes, its fee and the depth of its underlying.
fn book(
    listing: &Instrument,
    quote: &InstrumentQuote,
    rules: &LiquidationRules,
    lot: Quantity,
    depths: &[f64],
) -> OrderBook {
    let (spread, share) = if listing.is_option() {
        (rules.option_half_spread, rules.option_depth.to_f64())
    } else {
        (rules.half_spread, 1.0)
    };
    let mark = quote.mark.in_quote().to_f64();
    let quoted =
        quote.bid.zip(quote.ask).map(|(bid, ask)| (ask.in_quote().to_f64() - bid.in_quote().to_f64()) / (2.0 * mark));
    OrderBook {
        lot,
        open: mark > 0.0,
        reduces_only: false,
        half_spread: quoted.filter(|spread| *spread >= 0.0).unwrap_or(spread.to_f64()),
        depth_usd: depths[listing.underlying.0] * share,
        fee: listing.fee_rate.map_or(0.0, Ratio::to_f64),
        // A plan covers the whole account; the caller who runs it limits the volume of each interval.
        room: OrderBook::UNLIMITED,
        whole_room: OrderBook::UNLIMITED,
    }
}

/// USD within one per cent of the mid of an underlying, or of the asset with the same name.
fn depth_of(underlying: UnderlyingId, market: &Market) -> Option<f64> {
    let named = market.asset(&market.underlyings[underlying.0].name);
    let levels =
        [Some(&market.underlying_liquidity(underlying).depth), named.map(|asset| &market.asset_liquidity(asset).depth)];
    let levels = levels.into_iter().flatten().find(|levels| !levels.is_empty())?;
    let level = levels.iter().find(|level| level.bps.to_f64() >= WITHIN_BPS).or(levels.last())?;
    Some(level.usd.to_f64() * WITHIN_BPS / level.bps.to_f64())
}
