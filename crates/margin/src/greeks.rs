//! Sensitivities of one contract and of an account, in USD.
//!
//! `delta` is in units of the underlying, where the index, the forward and the coin in which a contract pays all move
//! by the same fraction. So an inverse perpetual entered at the mark has the delta of its size in coins, and a
//! coin-margined option the delta of its model price in dollars. The price of a stablecoin is held fixed: a contract
//! written in a stablecoin has the delta of the same contract written in USD.
//!
//! The *forward delta* is what moves with the forward or the mark alone, while the index and the coin stay (CHG-2). Only
//! for a coin-margined option does it differ from the delta: a higher forward buys fewer coins.

use std::sync::OnceLock;

use model::{Account, Instrument, InstrumentId, InstrumentKind, Market, Payoff, Position, UnderlyingId, UsdPrice};
use pricing::black76::{Black76, Inputs};
use pricing::{math, payoff};

use crate::{Refusal, UnderlyingGreeks};

/// The sensitivities of one contract (or, added up, of many).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Greeks {
    /// Units of the underlying with the same price sensitivity.
    pub delta: f64,
    /// Change of delta per dollar of the index.
    pub gamma: f64,
    /// USD per 1.00 of volatility.
    pub vega: f64,
    /// USD per year of time that passes.
    pub theta: f64,
    /// USD per 1.00 of the rate, with the forward held fixed.
    pub rho: f64,
    /// Change of delta per 1.00 of volatility.
    pub vanna: f64,
    /// Change of vega per 1.00 of volatility.
    pub volga: f64,
}

impl Greeks {
    /// `self + quantity · other`.
    pub fn plus(&mut self, quantity: f64, other: &Self) {
        self.delta += quantity * other.delta;
        self.gamma += quantity * other.gamma;
        self.vega += quantity * other.vega;
        self.theta += quantity * other.theta;
        self.rho += quantity * other.rho;
        self.vanna += quantity * other.vanna;
        self.volga += quantity * other.volga;
    }

    /// The second-order estimate of the profit when `index` moves by the fraction `price`, volatility by `vol` (0.01 is a
    /// point) and `years` pass: delta, gamma, vega, theta.
    pub fn second_order(&self, index: f64, price: f64, vol: f64, years: f64) -> f64 {
        let dollars = index * price;
        self.delta * dollars + 0.5 * self.gamma * dollars * dollars + self.vega * vol + self.theta * years
    }
}

/// The inputs of Black-76 for an option of `market`. Forward, strike and model price are in the option's counter
/// currency ([`Instrument::counter_asset`]).
pub fn option_inputs(listing: &Instrument, market: &Market) -> Result<Inputs, Refusal> {
    let InstrumentKind::Option { expiry, strike, right } = &listing.kind else {
        return Err(Refusal::NotSupported { method: "Black-76", why: format!("{} is not an option", listing.name) });
    };
    let iv = market.iv(listing.id).ok_or_else(|| Refusal::NoVolatility { instrument: listing.name.clone() })?;
    let terms = market.expiry(listing.underlying, *expiry).expect("the market checked that it is listed");
    let years = expiry.years_since(market.time);
    Ok(Inputs {
        right: *right,
        forward: terms.forward.in_units_of(market.usd_per_counter(listing)),
        strike: strike.in_counter().to_f64(),
        vol: iv.to_f64(),
        years,
        discount: math::exp(-terms.rate.to_f64() * years),
    })
}

/// The part of the exposure that a running settlement average has not fixed yet (VAL-4), for a window of
/// `window_seconds`.
///
/// Where the market says how much of the expiry's forward is already settled, that decides: the mark of a future moves
/// by the unsettled rest. For an option the result is 1, because its forward already contains the settled part.
pub fn unsettled_part(listing: &Instrument, market: &Market, window_seconds: f64) -> f64 {
    let Some(expiry) = listing.expiry() else { return 1.0 };
    let said = market.expiry(listing.underlying, expiry).filter(|terms| terms.forward_settled > UsdPrice::ZERO);
    match said {
        Some(_) if listing.is_option() => 1.0,
        Some(terms) => 1.0 - terms.forward_settled.usd().to_f64() / terms.forward.usd().to_f64(),
        None => payoff::remaining_fraction(expiry.seconds_since(market.time), window_seconds),
    }
}

/// The sensitivities of one contract of `id`, with settlement averages over `window_seconds`.
pub fn of_contract(id: InstrumentId, market: &Market, window_seconds: f64) -> Result<Greeks, Refusal> {
    Ok(with_forward_delta(id, market, window_seconds)?.greeks)
}

/// The sensitivities of one contract, and its forward delta.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sensitivities {
    /// The sensitivities where index, forward and coin move together.
    pub greeks: Greeks,
    /// Units of the underlying with the same sensitivity to a move of the forward or mark alone.
    pub forward_delta: f64,
}

/// [`of_contract`], with the forward delta beside.
pub(crate) fn with_forward_delta(
    id: InstrumentId,
    market: &Market,
    window_seconds: f64,
) -> Result<Sensitivities, Refusal> {
    let listing = market.listing(id);
    let index = market.size(listing.underlying);
    let size = listing.contract_size.to_f64() * unsettled_part(listing, market, window_seconds);
    let mark = market.mark(listing.id).in_quote().to_f64();
    let settle = market.usd_per_settle(listing).usd().to_f64();
    let InstrumentKind::Option { expiry, .. } = &listing.kind else {
        let delta = match listing.payoff {
            Payoff::Linear => size * market.moving_price(listing) / index * settle,
            Payoff::Inverse => size / mark * settle / index,
        };
        return Ok(Sensitivities { greeks: Greeks { delta, ..Greeks::default() }, forward_delta: delta });
    };
    let inputs = option_inputs(listing, market)?;
    let black = Black76::new(inputs).map_err(|refusal| not_priceable(listing, refusal))?;
    let greeks = black.greeks();
    let terms = market.expiry(listing.underlying, *expiry).expect("the market checked that it is listed");
    // The value in USD of one unit of the model price, and the move of the forward when the index moves by a dollar.
    let dollar = match listing.payoff {
        Payoff::Linear => settle,
        Payoff::Inverse => settle / inputs.forward,
    } * size;
    let settled = terms.forward_settled.in_units_of(market.usd_per_counter(listing));
    let slope = (inputs.forward - settled) / index;
    // In coins, `dollar` is `P / F`: the coin moves with the index in full, the forward only by its unsettled part.
    let turn = match listing.payoff {
        Payoff::Linear => 0.0,
        Payoff::Inverse => dollar / index * settled / inputs.forward,
    };
    // With the coin held still, `P·U(F)/F` moves with F by `P/F·(U' − U/F)`, which is `±P·(K/F)·D·N(±d2)/F`.
    let fewer_coins = match listing.payoff {
        Payoff::Linear => 0.0,
        Payoff::Inverse => greeks.price / inputs.forward,
    };
    let forward_delta = dollar * (greeks.delta - fewer_coins) * slope;
    let greeks = Greeks {
        delta: dollar * greeks.delta * slope + turn * greeks.price,
        gamma: dollar * greeks.gamma * slope * slope
            + 2.0 * turn * slope * (greeks.delta - greeks.price / inputs.forward),
        vega: dollar * greeks.vega,
        theta: dollar * greeks.theta,
        rho: dollar * greeks.rho,
        vanna: dollar * greeks.vanna * slope + turn * greeks.vega,
        volga: dollar * greeks.volga,
    };
    Ok(Sensitivities { greeks, forward_delta })
}

/// The coin exposure from the currency in which a contract's price is written, such as bitcoin for a perpetual on
/// ETH/BTC: the underlying that the coin follows, and units of it per contract, negative for a long contract. None for
/// options and for contracts written in USD or a stablecoin.
pub fn quoted_coins(listing: &Instrument, delta: f64, market: &Market) -> Option<(UnderlyingId, f64)> {
    let coin = market.assets[listing.counter_asset().0].follows.filter(|_| !listing.is_option())?;
    let size = |underlying: UnderlyingId| market.size(underlying);
    Some((coin, -delta * size(listing.underlying) / size(coin)))
}

/// The change of [`quoted_coins`] per dollar of the coin's index. The value of a linear contract is proportional to one
/// over the price of the coin, that of an inverse contract to the price; when paid in the same coin, each gains one
/// more power of the price.
fn quoted_gamma(listing: &Instrument, (coin, units): (UnderlyingId, f64), market: &Market) -> f64 {
    let power = match (listing.payoff, market.assets[listing.settle.0].follows == Some(coin)) {
        (Payoff::Linear, false) => -2.0,
        (Payoff::Linear, true) | (Payoff::Inverse, false) => 0.0,
        (Payoff::Inverse, true) => 2.0,
    };
    power * units / market.size(coin)
}

/// The unsettled profit of a position that will be paid in a coin: the underlying that the coin follows, and the profit
/// in units of it. It moves with the coin like a balance.
pub fn unsettled_coins(position: &Position, market: &Market) -> Option<(UnderlyingId, f64)> {
    let listing = market.listing(position.instrument);
    let underlying = market.assets[listing.settle.0].follows.filter(|_| !listing.is_option())?;
    let value = match listing.payoff {
        Payoff::Linear => payoff::linear_value,
        Payoff::Inverse => payoff::inverse_value,
    };
    let (quantity, size) = (position.quantity.to_f64(), listing.contract_size.to_f64());
    let dollars = value(
        quantity,
        size,
        position.entry.in_quote().to_f64(),
        market.mark(listing.id).in_quote().to_f64(),
        market.usd_per_settle(listing).usd().to_f64(),
    );
    Some((underlying, dollars / market.index(underlying).usd().to_f64()))
}

/// The sensitivities of an account to each underlying it depends on, balances and unsettled profit included.
pub fn of_account(account: &Account, market: &Market, window_seconds: f64) -> Result<Vec<UnderlyingGreeks>, Refusal> {
    let contracts = account.positions.iter().map(|position| of_contract(position.instrument, market, window_seconds));
    Ok(summed(account, market, &contracts.collect::<Result<Vec<_>, _>>()?))
}

/// A cache of the sensitivities of one market's contracts. Each is computed on first use, because many accounts hold
/// the same contracts.
#[derive(Debug)]
pub struct Known(Box<[OnceLock<Greeks>]>);

impl Known {
    /// An empty cache with a slot for every contract of `market`.
    pub fn new(market: &Market) -> Self {
        Self(market.instruments.iter().map(|_| OnceLock::new()).collect())
    }

    /// [`of_contract`], cached. All calls must use the same market and window.
    pub fn of_contract(&self, id: InstrumentId, market: &Market, window_seconds: f64) -> Result<Greeks, Refusal> {
        let known = &self.0[id.0];
        if let Some(greeks) = known.get() {
            return Ok(*greeks);
        }
        let greeks = of_contract(id, market, window_seconds)?;
        Ok(*known.get_or_init(|| greeks))
    }
}

/// The sensitivities of an account, given those of each position's contract.
pub fn summed(account: &Account, market: &Market, contracts: &[Greeks]) -> Vec<UnderlyingGreeks> {
    let mut sums: Vec<Option<Greeks>> = vec![None; market.underlyings.len()];
    for balance in &account.balances {
        let asset = &market.assets[balance.asset.0];
        if let Some(underlying) = asset.follows {
            let index = market.index(underlying).usd().to_f64();
            let sum = sums[underlying.0].get_or_insert_default();
            sum.delta += balance.amount.to_f64() * market.price(balance.asset).usd().to_f64() / index;
        }
    }
    for (position, contract) in account.positions.iter().zip(contracts) {
        let listing = market.listing(position.instrument);
        if let Some((underlying, coins)) = unsettled_coins(position, market) {
            sums[underlying.0].get_or_insert_default().delta += coins;
        }
        let quantity = position.quantity.to_f64();
        if let Some((underlying, coins)) = quoted_coins(listing, contract.delta, market) {
            let sum = sums[underlying.0].get_or_insert_default();
            sum.delta += quantity * coins;
            sum.gamma += quantity * quoted_gamma(listing, (underlying, coins), market);
        }
        sums[listing.underlying.0].get_or_insert_default().plus(quantity, contract);
    }
    let touched = sums.into_iter().enumerate().filter_map(|(place, sum)| Some((sum?, UnderlyingId(place))));
    touched
        .map(|(sum, underlying)| {
            let index = market.size(underlying);
            UnderlyingGreeks {
                underlying: market.underlyings[underlying.0].name.clone(),
                delta: sum.delta,
                delta_usd: sum.delta * index,
                gamma_1pct_usd: sum.gamma * index * index / 100.0,
                vega_usd: sum.vega / 100.0,
                theta_usd_day: sum.theta / 365.0,
                rho_usd: sum.rho / 100.0,
                vanna_usd: sum.vanna * index / 100.0,
                volga_usd: sum.volga / 10_000.0,
            }
        })
        .collect()
}

/// A refusal by the pricing crate, with the name of the instrument.
pub fn not_priceable(listing: &Instrument, refusal: pricing::Refusal) -> Refusal {
    let (what, value) = match refusal {
        pricing::Refusal::Forward(value) => ("forward", value),
        pricing::Refusal::Strike(value) => ("strike", value),
        pricing::Refusal::Vol(value) => ("volatility", value),
        pricing::Refusal::VolMultiplier(value) => ("volatility multiplier", value),
        pricing::Refusal::VolFloor(value) => ("volatility floor", value),
        pricing::Refusal::Years(value) => ("time to expiry", value),
        pricing::Refusal::Discount(value) => ("discount factor", value),
    };
    Refusal::NotPriceable { instrument: listing.name.clone(), what, value, expected: "a finite number in its range" }
}
