//! Bounds over a whole cell: lines under and over the value of one contract, and ranges of its sensitivities and charges.
//!
//! `x` is the index relative to the anchor, from `1 − width` to `1 + width`. A line is stored as its values at these
//! two ends. The letters are those of `docs/cells.md`.

use model::{AssetId, Instrument, InstrumentKind, Market, Payoff, Right};
use pricing::kernel::{Column, Columns, Contract, Isa, Rows};
use pricing::math;
use units::Timestamp;

use super::Width;
use crate::greeks::not_priceable;
use crate::method::universal::rules::Rules;
use crate::risk_array::VolRules;
use crate::scenario::{Move, VolMove};
use crate::{Refusal, greeks};

/// Values at both ends of the index interval.
pub type Ends = [f64; 2];

/// A range from a least value to a greatest value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    /// The least value in it.
    pub low: f64,
    /// The greatest value in it.
    pub high: f64,
}

/// The largest rounding error of a value, as a part of its magnitude: fifty times the kernel's own bound.
pub const ERROR: f64 = 1e-12;

impl Span {
    /// The range within a relative distance of a number, on both sides.
    pub fn around(center: f64, part: f64) -> Self {
        Self { low: center * (1.0 - part), high: center * (1.0 + part) }
    }

    /// The product of two ranges that are not negative.
    fn times(self, other: Self) -> Self {
        Self { low: self.low * other.low, high: self.high * other.high }
    }

    fn negated(self) -> Self {
        Self { low: -self.high, high: -self.low }
    }

    fn scaled(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor }
    }

    fn widened(self, by: f64) -> Self {
        Self { low: self.low - by, high: self.high + by }
    }

    /// The least product of `value` and a number in this range.
    fn least(self, value: f64) -> f64 {
        (value * self.low).min(value * self.high)
    }

    /// The greatest product of `value` and a number in this range.
    fn most(self, value: f64) -> f64 {
        (value * self.low).max(value * self.high)
    }
}

/// The effect of a scenario on the contracts of one underlying that are written in one asset. Equal states share a
/// column of the kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// The move of index, basis and volatility.
    pub shift: Move,
    /// Price of the written asset after the scenario, relative to before.
    pub written: f64,
}

impl State {
    /// The market without any move.
    pub const STILL: Self = Self { shift: Move::NONE, written: 1.0 };

    /// The states that contracts see which expire in a time of this span: those that settle before the move see none of
    /// it and have no time left. Two states where they settle before it in one market of the cell and not in another.
    fn of_expiry(&self, expires_in: Span) -> impl Iterator<Item = Self> {
        let settled = Self { shift: Move { years: expires_in.high, ..Move::NONE }, written: 1.0 };
        let [first, last] = [expires_in.low, expires_in.high].map(|time| self.shift.settles(time));
        [first.then_some(settled), (!last).then_some(*self)].into_iter().flatten()
    }

    /// The factor on forwards and marks.
    fn factor(&self) -> f64 {
        (1.0 + self.shift.price) * (1.0 + self.shift.basis) / self.written
    }
}

/// One contract in one state: a line under its value and a line over it, in USD before the factor of the settlement
/// asset, and the size of the numbers from which they were computed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    /// A line that is nowhere above the value, given by its ends.
    pub lower: Ends,
    /// A line that is nowhere below the value, given by its ends.
    pub upper: Ends,
    /// The largest number that a rounding error was relative to.
    pub magnitude: f64,
}

impl Lines {
    /// Lines under and over both of two values.
    fn around(self, other: Self) -> Self {
        Self {
            lower: [0, 1].map(|end: usize| self.lower[end].min(other.lower[end])),
            upper: [0, 1].map(|end: usize| self.upper[end].max(other.upper[end])),
            magnitude: self.magnitude.max(other.magnitude),
        }
    }
}

/// One contract over the cell.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The asset whose shocked price multiplies every line.
    pub asset: AssetId,
    /// The lines in every state of the asset in which it is written; the first state is the market without any move.
    pub states: Vec<Lines>,
    /// The value of the mark less the model price, in USD.
    pub gap: Lines,
    /// Its contribution to the dollar delta of the underlying.
    pub net_delta: Span,
    /// Its own forward delta, in USD.
    pub forward_delta: Span,
    /// USD per 1.00 of volatility.
    pub vega: Span,
    /// Gamma times the square of the index, USD.
    pub gamma: Span,
    /// Its value: the notional of a future, the premium of an option.
    pub worth: Span,
    /// The largest fee to close it.
    pub fee: f64,
    /// The largest half spread to close it.
    pub spread: f64,
}

/// What a contract sees of a scenario.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The place of the state of the scenario in [`Anchor::states`].
    place: usize,
    state: State,
}

/// What all options of one expiry share in a state.
#[derive(Clone, Copy, Debug)]
struct OfExpiry {
    /// The factor on the forward.
    factor: f64,
    /// The logarithm of the forward that is worse for the holder.
    ln_worse: f64,
    /// The discount over the cell.
    discount: Span,
    /// The root of the time that is left over the cell.
    root: Span,
    /// The factor on volatility over the cell, before the skew.
    term: Span,
    /// The least volatility.
    floor: f64,
}

/// The lines of each state of the scenarios, from those of all that is seen of it.
fn joined(seen: &[Seen], lines: impl Iterator<Item = Lines>) -> Vec<Lines> {
    let mut joined: Vec<Lines> = Vec::with_capacity(seen.len());
    for (seen, lines) in seen.iter().zip(lines) {
        match joined.get_mut(seen.place) {
            Some(known) => *known = known.around(lines),
            None => joined.push(lines),
        }
    }
    joined
}

/// The inputs from which the bounds of an underlying's contracts are computed.
pub struct Anchor<'a> {
    pub market: &'a Market,
    pub rules: &'a Rules,
    pub vol: &'a VolRules,
    pub width: &'a Width,
    pub end: Timestamp,
    pub isa: Isa,
    /// The asset in which the contracts are written: USD, or the stablecoin in which they are also paid.
    pub written: AssetId,
    /// The states of that asset's contracts; the first is the market without any move.
    pub states: &'a [State],
}

impl Anchor<'_> {
    fn ends(&self) -> Ends {
        [1.0 - self.width.index, 1.0 + self.width.index]
    }

    fn basis(&self) -> Span {
        Span::around(1.0, self.width.basis)
    }

    /// The index of a contract's underlying at the upper end of the cell, in USD.
    fn highest_index(&self, listing: &Instrument) -> f64 {
        self.market.index(listing.underlying).usd().to_f64() * self.ends()[1]
    }

    /// The range of a stablecoin's price.
    fn stable(&self, asset: AssetId) -> Span {
        let price = self.market.price(asset).usd().to_f64();
        if asset == model::USD { Span { low: price, high: price } } else { Span::around(price, self.width.peg) }
    }

    /// The time to an expiry over the cell, in years.
    fn time_to(&self, expiry: Timestamp) -> Span {
        Span { low: expiry.years_since(self.end), high: expiry.years_since(self.market.time) }
    }

    /// The states that contracts of an expiry see, each with the place of the state of the scenario: one or two for each.
    fn seen(&self, expires_in: Span) -> Vec<Seen> {
        let states = self.states.iter().enumerate();
        states.flat_map(|(place, state)| state.of_expiry(expires_in).map(move |state| Seen { place, state })).collect()
    }

    /// The value of one unit of a price, in USD.
    fn unit(&self) -> Span {
        self.stable(self.written)
    }

    /// A perpetual or a dated future: its profit since the anchor's mark (the rest is an amount of coins).
    pub fn future(&self, listing: &Instrument) -> Bounds {
        let (mark, size) = (self.market.mark(listing.id).in_quote().to_f64(), listing.contract_size.to_f64());
        let unit = self.market.usd_per_counter(listing).usd().to_f64();
        let (ends, basis) = (self.ends(), self.basis());
        let price = self.market.usd_per_settle(listing).usd().to_f64();
        let stable = self.stable(listing.settle);
        let coins = size * price / mark;
        let never = Span { low: f64::INFINITY, high: f64::INFINITY };
        let seen = self.seen(listing.expiry().map_or(never, |expiry| self.time_to(expiry)));
        // A contract written in the asset it pays in is an amount of the underlying less a debt, so the price of the
        // asset moves only the debt. For a contract priced in USD it moves all of the profit.
        let pays_itself = self.written != model::USD;
        let lines = |state: &State| {
            let factor = state.factor();
            let both = |least: bool, x: f64| match (listing.payoff, least) {
                (Payoff::Linear, true) if pays_itself => {
                    size * (mark * unit * basis.low * factor * x - mark * stable.high)
                }
                (Payoff::Linear, false) if pays_itself => {
                    size * (mark * unit * basis.high * factor * x - mark * stable.low)
                }
                (Payoff::Linear, true) => size * stable.least(mark * (basis.low * factor * x - 1.0)),
                (Payoff::Linear, false) => size * stable.most(mark * (basis.high * factor * x - 1.0)),
                (Payoff::Inverse, true) => coins * basis.least(x - 1.0 / (basis.low * factor)),
                (Payoff::Inverse, false) => coins * basis.most(x - 1.0 / (basis.high * factor)),
            };
            let magnitude = match listing.payoff {
                Payoff::Linear => size * mark * stable.high * (1.0 + 2.0 * factor),
                Payoff::Inverse => coins * (2.0 + 2.0 / factor),
            };
            Lines { lower: ends.map(|x| both(true, x)), upper: ends.map(|x| both(false, x)), magnitude }
        };
        let along = Span { low: ends[0] * basis.low, high: ends[1] * basis.high };
        let (worth, net_delta) = match listing.payoff {
            Payoff::Linear => {
                let worth = if pays_itself { along.scaled(unit) } else { along.times(stable) };
                let worth = worth.scaled(size * mark);
                (worth, worth)
            }
            Payoff::Inverse => (
                Span { low: coins * basis.low / basis.high, high: coins * basis.high / basis.low },
                along.scaled(coins),
            ),
        };
        let slack = ERROR * worth.high.max(net_delta.high);
        let index = self.highest_index(listing);
        Bounds {
            asset: listing.settle,
            states: joined(&seen, seen.iter().map(|seen| lines(&seen.state))),
            gap: Lines::default(),
            net_delta: net_delta.widened(slack),
            forward_delta: worth.widened(slack),
            vega: Span::default(),
            gamma: Span::default(),
            worth: worth.widened(slack),
            fee: self.rules.fees.to_close(listing, worth.high + slack, index),
            spread: self.rules.liquidity.to_cross(listing, self.market, worth.high + slack, 0.0),
        }
    }

    /// Every option of one expiry, all calls or all puts.
    pub fn chain(&self, expiry: Timestamp, right: Right, chain: &[&Instrument]) -> Result<Vec<Bounds>, Refusal> {
        let Some(first) = chain.first() else { return Ok(Vec::new()) };
        let terms = self.market.expiry(first.underlying, expiry).expect("the market checked that it is listed");
        let (forward, rate) = (terms.forward.usd().to_f64(), terms.rate.to_f64());
        let time = self.time_to(expiry);
        let seen = self.seen(time);
        let days = Span { low: expiry.days_since(self.end), high: expiry.days_since(self.market.time) };
        let (ends, basis) = (self.ends(), self.basis());
        // A call gains with its forward and a put loses, in dollars and in coins alike. For options written in a
        // stablecoin the strike is a debt in it: whatever the forward, a call loses when the stablecoin rises and a put gains.
        let unit = self.unit();
        let (worse, better, worse_unit, better_unit) = match right {
            Right::Call => (forward * basis.low, forward * basis.high, unit.high, unit.low),
            Right::Put => (forward * basis.high, forward * basis.low, unit.low, unit.high),
        };
        let (worse, better) = (worse / worse_unit, better / better_unit);
        let discount = |years: f64| {
            let left = Span { low: (time.low - years).max(0.0), high: (time.high - years).max(0.0) };
            let (a, b) = (math::exp(-rate * left.low), math::exp(-rate * left.high));
            (Span { low: a.min(b), high: a.max(b) }, left)
        };
        let of_expiry: Vec<OfExpiry> = seen
            .iter()
            .map(|Seen { state, .. }| {
                let (discount, left) = discount(state.shift.years);
                let root = Span { low: left.low.sqrt(), high: left.high.sqrt() };
                let (term, floor) = self.term(state.shift.vol, days);
                let factor = state.factor();
                OfExpiry { factor, ln_worse: math::ln(worse * factor), discount, root, term, floor }
            })
            .collect();
        let columns = |forward: f64, least: bool| -> Result<Columns, Refusal> {
            Columns::collect(of_expiry.iter().map(|OfExpiry { factor, discount, .. }| {
                let discount = if least { discount.low } else { discount.high };
                Column { forward: forward * factor, vol_multiplier: 1.0, vol_floor: 0.0, years: 1.0, discount }
            }))
            .map_err(|refusal| not_priceable(first, refusal))
        };
        let strikes: Vec<(f64, f64)> = chain.iter().map(|listing| strike_and_vol(listing, self.market)).collect();
        let mut contracts = Vec::with_capacity(chain.len());
        for (listing, (strike, vol)) in chain.iter().zip(&strikes) {
            contracts.push(Contract::new(right, *strike, *vol).map_err(|refusal| not_priceable(listing, refusal))?);
        }
        let mut deviations = [Rows::zeros(chain.len(), seen.len()), Rows::zeros(chain.len(), seen.len())];
        for (row, (strike, vol)) in strikes.iter().enumerate() {
            let moneyness = Span {
                low: math::ln(*strike * unit.low / (forward * basis.high * ends[1])),
                high: math::ln(*strike * unit.high / (forward * basis.low * ends[0])),
            };
            let spans: Vec<Span> = seen
                .iter()
                .zip(&of_expiry)
                .map(|(Seen { state, .. }, OfExpiry { root, term, floor, .. })| {
                    let multiplier = term.times(self.tilt(state.shift.vol, moneyness));
                    let vol = Span::around(*vol, self.width.vol).times(multiplier);
                    Span { low: vol.low.max(*floor) * root.low, high: vol.high.max(*floor) * root.high }
                })
                .collect();
            deviations[0].fill_row(row, |column| spans[column].low);
            deviations[1].fill_row(row, |column| spans[column].high);
        }
        let price = |forward: f64, least: bool| -> Result<Rows, Refusal> {
            let mut prices = Rows::zeros(chain.len(), seen.len());
            let deviations = &deviations[usize::from(!least)];
            columns(forward, least)?.price_with_stdevs(self.isa, &contracts, deviations, &mut prices, 0);
            Ok(prices)
        };
        let under = price(worse, true)?;
        let over = [price(better * ends[0], false)?, price(better * ends[1], false)?];

        let mut bounds = Vec::with_capacity(chain.len());
        for (row, listing) in chain.iter().enumerate() {
            let (strike, vol) = strikes[row];
            let size = listing.contract_size.to_f64();
            let quote = self.market.price(listing.settle).usd().to_f64();
            let stable = self.stable(listing.settle);
            let ln_strike = math::ln(strike);
            let lines = |(column, of_expiry): (usize, &OfExpiry)| {
                let &OfExpiry { factor, ln_worse, discount, .. } = of_expiry;
                // The value of one unit of the model price: the price of the stablecoin at which the forward was
                // converted, the range of the stablecoin's price where the forward is in USD, or the coin over the same
                // forward.
                let at = |price: f64| Span { low: price, high: price };
                let (dollar_under, dollar_over) = match listing.payoff {
                    Payoff::Linear if self.written != model::USD => (at(worse_unit), at(better_unit)),
                    Payoff::Linear => (stable, stable),
                    Payoff::Inverse => {
                        (basis.scaled(quote / (worse * factor)), basis.scaled(quote / (better * factor)))
                    }
                };
                let at = worse * factor;
                let deviation = deviations[0].row(row)[column];
                let slope = discount.low * at * slope(right, ln_worse - ln_strike, deviation);
                let lower = ends.map(|x| size * dollar_under.least(slope.mul_add(x - 1.0, under.row(row)[column])));
                let upper = [0, 1].map(|end: usize| size * dollar_over.most(over[end].row(row)[column].max(0.0)));
                let top = (better.max(worse) * factor * ends[1]).max(strike) * discount.high;
                Lines { lower, upper, magnitude: size * top * dollar_under.high.max(dollar_over.high) }
            };
            let states = joined(&seen, of_expiry.iter().enumerate().map(lines));
            let gap = self.gap(listing)?;
            let coin = Span { low: quote * basis.low * ends[0], high: quote * basis.high * ends[1] };
            let forwards = Span { low: forward * basis.low * ends[0], high: forward * basis.high * ends[1] };
            // Dollar value times forward, a factor of every sensitivity.
            let level = match listing.payoff {
                Payoff::Linear if self.written != model::USD => forwards,
                Payoff::Linear => forwards.times(stable),
                Payoff::Inverse => coin,
            };
            let forwards = Span { low: forwards.low / unit.high, high: forwards.high / unit.low };
            let (discount, _) = discount(0.0);
            let level = level.times(discount).scaled(size);
            let vol = Span::around(vol, self.width.vol);
            let deviation = Span { low: vol.low * time.low.sqrt(), high: vol.high * time.high.sqrt() };
            let moneyness = Span { low: math::ln(forwards.low) - ln_strike, high: math::ln(forwards.high) - ln_strike };
            let distance = distances(moneyness, deviation);
            let exercised = match right {
                Right::Call => cdf(distance),
                Right::Put => cdf(distance.negated()),
            };
            let delta = level.times(exercised);
            let delta = if right == Right::Call { delta } else { delta.negated() };
            // The coin held still, `P·U(F)/F` moves with F by `±P·(K/F)·D·N(±d2)`. The index is in P and F alike.
            let forward_delta = match listing.payoff {
                Payoff::Linear => delta,
                Payoff::Inverse => {
                    let across = quote / forward * size * strike;
                    let across = Span { low: across * basis.low / basis.high, high: across * basis.high / basis.low };
                    let paid = across.times(discount).times(match right {
                        Right::Call => cdf(strike_distances(moneyness, deviation)),
                        Right::Put => cdf(strike_distances(moneyness, deviation).negated()),
                    });
                    let slack = 10.0 * ERROR * across.high * discount.high;
                    let paid = if right == Right::Call { paid } else { paid.negated() };
                    paid.widened(slack)
                }
            };
            let near = if distance.low > 0.0 { distance.low } else { distance.high.min(0.0) };
            let density = Span { low: math::pdf(distance.low.abs().max(distance.high.abs())), high: math::pdf(near) };
            let vega = level.times(density).times(Span { low: time.low.sqrt(), high: time.high.sqrt() });
            let gamma = level.times(density).times(Span { low: 1.0 / deviation.high, high: 1.0 / deviation.low });
            let slack = 10.0 * ERROR * level.high;
            let pinned = self.rules.options.pins(days.low);
            let now = &states[0];
            let worth = Span {
                low: now.lower[0].min(now.lower[1]) + gap.lower[0].min(gap.lower[1]) - ERROR * now.magnitude,
                high: now.upper[0].max(now.upper[1]) + gap.upper[0].max(gap.upper[1]) + ERROR * now.magnitude,
            };
            let fee = self.rules.fees.to_close(listing, worth.high, self.highest_index(listing));
            let vega = vega.widened(slack);
            let spread = self.rules.liquidity.to_cross(listing, self.market, worth.high, vega.high);
            bounds.push(Bounds {
                asset: listing.settle,
                states,
                gap,
                net_delta: delta.widened(slack),
                forward_delta: forward_delta.widened(slack),
                vega,
                gamma: if pinned { gamma.widened(slack / deviation.low) } else { Span::default() },
                worth,
                fee,
                spread,
            });
        }
        Ok(bounds)
    }

    /// SCN-2 over the cell: the range of the factor on the volatilities of an expiry, and their floor, before the skew.
    fn term(&self, shift: VolMove, days: Span) -> (Span, f64) {
        let (near, floor) = self.vol.at_expiry(shift, days.low);
        let (far, _) = self.vol.at_expiry(shift, days.high);
        (Span { low: near.min(far), high: near.max(far) }, floor)
    }

    /// SCN-2 over the cell: the range of the factor of the skew at a strike.
    fn tilt(&self, shift: VolMove, moneyness: Span) -> Span {
        match shift {
            VolMove::Turn { skew, .. } if skew != 0.0 => {
                let tilt = |moneyness: f64| 1.0 + (skew * moneyness).clamp(-self.vol.skew_cap, self.vol.skew_cap);
                let (a, b) = (tilt(moneyness.low), tilt(moneyness.high));
                Span { low: a.min(b), high: a.max(b) }
            }
            VolMove::Level(_) | VolMove::Turn { .. } => Span { low: 1.0, high: 1.0 },
        }
    }

    /// The mark less the model price, in USD: within [`Width::mark`] of its value at the anchor.
    fn gap(&self, listing: &Instrument) -> Result<Lines, Refusal> {
        let (gap, unit) = gap(listing, self.market)?;
        let size = listing.contract_size.to_f64();
        let gap = Span { low: gap - self.width.mark * unit, high: gap + self.width.mark * unit };
        let price = self.market.price(listing.settle).usd().to_f64();
        let along = |x: f64| match listing.payoff {
            Payoff::Linear => self.stable(listing.settle),
            Payoff::Inverse => self.basis().scaled(price * x),
        };
        Ok(Lines {
            lower: self.ends().map(|x| size * along(x).least(gap.low)),
            upper: self.ends().map(|x| size * along(x).most(gap.high)),
            magnitude: 0.0,
        })
    }
}

/// The mark of an option less its model price, for one unit in the asset in which it is quoted; and the amount there
/// that [`Width::mark`] is a part of.
pub fn gap(listing: &Instrument, market: &Market) -> Result<(f64, f64), Refusal> {
    let inputs = greeks::option_inputs(listing, market)?;
    let black = pricing::black76::Black76::new(inputs).map_err(|refusal| not_priceable(listing, refusal))?;
    let mark = market.mark(listing.id).in_quote().to_f64();
    Ok(match listing.payoff {
        Payoff::Linear => (mark - black.price(), market.index(listing.underlying).usd().to_f64()),
        Payoff::Inverse => (mark - black.price() / inputs.forward, 1.0),
    })
}

fn strike_and_vol(listing: &Instrument, market: &Market) -> (f64, f64) {
    match (&listing.kind, market.iv(listing.id)) {
        (InstrumentKind::Option { strike, .. }, Some(iv)) => (strike.in_counter().to_f64(), iv.to_f64()),
        (
            InstrumentKind::Option { .. }
            | InstrumentKind::Spot
            | InstrumentKind::Perpetual
            | InstrumentKind::Future { .. },
            _,
        ) => {
            unreachable!("{} is not an option with a volatility", listing.name)
        }
    }
}

/// Change of an undiscounted price per 1 of the forward; without deviation, one of the two slopes at the kink.
fn slope(right: Right, log_moneyness: f64, deviation: f64) -> f64 {
    if deviation < 1e-18 {
        let exercised = right.sign() * log_moneyness > 0.0;
        return if exercised { right.sign() } else { 0.0 };
    }
    let distance = log_moneyness / deviation + 0.5 * deviation;
    right.sign() * math::cdf(right.sign() * distance)
}

/// The range of the normal distribution function over a range.
fn cdf(span: Span) -> Span {
    Span { low: math::cdf(span.low), high: math::cdf(span.high) }
}

/// The range of `d2 = l/s − s/2` for `l` and `s` in their ranges: the opposite of that of `d1` at the opposite `l`.
fn strike_distances(moneyness: Span, deviation: Span) -> Span {
    distances(moneyness.negated(), deviation).negated()
}

/// The range of `d1 = l/s + s/2` for `l` and `s` in their ranges. It rises in `l`; in `s` it falls up to `√(2l)` and
/// rises from there.
fn distances(moneyness: Span, deviation: Span) -> Span {
    if deviation.low < 1e-9 {
        return Span { low: f64::NEG_INFINITY, high: f64::INFINITY };
    }
    let d1 = |l: f64, s: f64| l / s + 0.5 * s;
    let turn = (2.0 * moneyness.low.max(0.0)).sqrt().clamp(deviation.low, deviation.high);
    Span {
        low: d1(moneyness.low, turn),
        high: d1(moneyness.high, deviation.low).max(d1(moneyness.high, deviation.high)),
    }
}
