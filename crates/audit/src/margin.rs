//! A second assessor, slow and plain, written from the methodology and the parameter file alone.
//!
//! It shares no code with the vectorised path: no risk array, no scenario set, no charges, no normal distribution of the
//! project. It values the whole account before and after each scenario and subtracts. Where the two assessors differ, one
//! is wrong.
#![expect(clippy::disallowed_methods, reason = "the platform's functions are the independent reference here")]

use std::collections::BTreeMap;

use ::margin::method::universal::rules::{ByName, Rules};
use model::{
    Account, AssetId, CounterPrice, InstrumentId, InstrumentKind, Market, Payoff, Position, Right, Side, UnderlyingId,
};

/// The margin that an account must hold, with its workings, in USD.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// The loss of each family of scenarios, in USD.
    pub families: Vec<(&'static str, f64)>,
    /// The worst loss of all families, in USD.
    pub core: f64,
    /// Charges for risks that scenarios do not show, by name, in USD.
    pub charges: Vec<(&'static str, f64)>,
    /// The amount that open orders add to the initial margin, in USD.
    pub orders: f64,
    /// Initial margin, in USD.
    pub initial: f64,
    /// Maintenance margin, in USD.
    pub maintenance: f64,
    /// The scale of rounding errors in USD: the sum of the largest possible values of every line of the account.
    pub gross: f64,
}

#[derive(Clone, Copy)]
enum Vol {
    Level(f64),
    /// A twist, then a skew.
    Turn(f64, f64),
}

/// One scenario. Vectors are in the order of the market.
#[derive(Clone)]
struct Shock {
    price: Vec<f64>,
    basis: Vec<f64>,
    vol: Vec<Vol>,
    residual: Vec<f64>,
    failed: Option<(String, f64)>,
    /// Years that pass for the contracts of each underlying.
    years: Vec<f64>,
    /// Contracts of each underlying that expire within this many years settle before anything moves.
    settled: Vec<f64>,
    weight: f64,
}

/// Black-76 as in a textbook, with the complementary error function of the C library.
pub fn black76(right: Right, forward: f64, strike: f64, vol: f64, years: f64, discount: f64) -> f64 {
    let sign = if right == Right::Call { 1.0 } else { -1.0 };
    let s = vol * years.sqrt();
    if s < 1e-17 {
        return discount * (sign * (forward - strike)).max(0.0);
    }
    let d1 = (forward / strike).ln() / s + 0.5 * s;
    // Options in the money are valued by put-call parity, so that no digits are lost.
    let out = |sign: f64| (sign * (forward * normal(sign * d1) - strike * normal(sign * (d1 - s)))).max(0.0);
    let value = if sign * (forward - strike) > 0.0 { out(-sign) + sign * (forward - strike) } else { out(sign) };
    discount * value
}

fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / 2.0_f64.sqrt())
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

impl Shock {
    fn still(market: &Market) -> Self {
        Self {
            price: vec![0.0; market.underlyings.len()],
            basis: vec![0.0; market.underlyings.len()],
            vol: vec![Vol::Level(0.0); market.underlyings.len()],
            residual: vec![0.0; market.assets.len()],
            failed: None,
            years: vec![0.0; market.underlyings.len()],
            settled: vec![0.0; market.underlyings.len()],
            weight: 1.0,
        }
    }
}

/// Forward delta, gamma and vega of an expiry, and contracts of calls and puts by the asset of the strike, and strike.
type Bucket = (f64, f64, f64, BTreeMap<usize, BTreeMap<CounterPrice, [f64; 2]>>);

/// Contracts that settle at one price: underlying, written and paid asset, whether paid in the coin, expiry, and venue.
type Settled<'m> = (usize, usize, usize, bool, i64, Option<&'m str>);

/// The margin that `account` must hold in `market` by `rules`.
pub fn requirement(account: &Account, market: &Market, rules: &Rules) -> Requirement {
    Slow::new(market, rules).assess(account)
}

/// The base of a relative move of a price in USD: the price, or its size and at least the scale where prices may be
/// negative.
fn size_of(underlying: &model::Underlying, price: f64) -> f64 {
    match underlying.scale {
        Some(scale) => price.abs().max(scale.usd().to_f64()),
        None => price,
    }
}

/// The equity of `account` in `market`, in USD.
pub fn equity(account: &Account, market: &Market) -> f64 {
    let price = |asset: usize| market.price(AssetId(asset)).usd().to_f64();
    let held = account.balances.iter().map(|balance| balance.amount.to_f64() * price(balance.asset.0));
    let open = account.positions.iter().map(|position| {
        let listing = market.listing(position.instrument);
        let units = position.quantity.to_f64() * listing.contract_size.to_f64();
        let (mark, entry) = (market.mark(listing.id).in_quote().to_f64(), position.entry.in_quote().to_f64());
        match (&listing.kind, listing.payoff) {
            (InstrumentKind::Option { .. }, _) => units * mark * price(listing.settle.0),
            (_, Payoff::Linear) => units * (mark - entry) * price(listing.settle.0),
            (_, Payoff::Inverse) => units * (1.0 / entry - 1.0 / mark) * price(listing.settle.0),
        }
    });
    held.chain(open).sum()
}

/// The inputs of the slow assessor.
struct Slow<'a> {
    market: &'a Market,
    rules: &'a Rules,
    /// The price of each asset, in USD.
    prices: Vec<f64>,
    /// The mark of each contract, in its quote asset.
    marks: Vec<f64>,
}

impl<'a> Slow<'a> {
    fn new(market: &'a Market, rules: &'a Rules) -> Self {
        let prices = (0..market.assets.len()).map(|asset| market.price(AssetId(asset)).usd().to_f64());
        let marks = market.instruments.iter().map(|listing| market.mark(listing.id).in_quote().to_f64());
        Self { market, rules, prices: prices.collect(), marks: marks.collect() }
    }

    fn price(&self, asset: AssetId) -> f64 {
        self.prices[asset.0]
    }

    fn mark(&self, contract: InstrumentId) -> f64 {
        self.marks[contract.0]
    }

    /// Whether an underlying moves on its own: all but baskets do.
    fn moves_alone(&self, underlying: usize) -> bool {
        self.market.underlyings[underlying].basket.is_none()
    }

    /// The parts of an underlying: each with its dollars in a basket. Of any other underlying none.
    fn parts(&self, underlying: usize) -> Vec<(usize, f64)> {
        let basket = self.market.underlyings[underlying].basket.iter().flat_map(|basket| &basket.parts);
        let dollars =
            |part: &model::BasketPart| part.units.to_f64() * self.market.index(part.underlying).usd().to_f64();
        basket.map(|part| (part.underlying.0, dollars(part))).collect()
    }

    /// SCN-7: the shock with every basket moved by its parts: by their value after over their value before, its forwards by
    /// the value of theirs, and its volatility by the mean over their value before.
    fn with_baskets(&self, mut whole: Shock) -> Shock {
        for place in 0..self.market.underlyings.len() {
            let parts = self.parts(place);
            if parts.is_empty() {
                continue;
            }
            let before: f64 = parts.iter().map(|(_, dollars)| dollars).sum();
            let after: f64 = parts.iter().map(|(part, dollars)| dollars * (1.0 + whole.price[*part])).sum();
            whole.price[place] = after / before - 1.0;
            let forwards = |part: usize| (1.0 + whole.price[part]) * (1.0 + whole.basis[part]);
            whole.basis[place] =
                parts.iter().map(|(part, dollars)| dollars * forwards(*part)).sum::<f64>() / after - 1.0;
            let most = |of: &[f64]| parts.iter().map(|(part, _)| of[*part]).fold(0.0, f64::max);
            (whole.years[place], whole.settled[place]) = (most(&whole.years), most(&whole.settled));
            let mean = |of: &dyn Fn(Vol) -> f64| {
                parts.iter().map(|(part, dollars)| dollars * of(whole.vol[*part])).sum::<f64>() / before
            };
            let twist = mean(&|vol| if let Vol::Turn(twist, _) = vol { twist } else { 0.0 });
            let skew = mean(&|vol| if let Vol::Turn(_, skew) = vol { skew } else { 0.0 });
            let level = mean(&|vol| if let Vol::Level(level) = vol { level } else { 0.0 });
            let turns = twist != 0.0 || skew != 0.0;
            whole.vol[place] = if turns { Vol::Turn(twist, skew) } else { Vol::Level(level) };
        }
        whole
    }

    /// A rate by the name of an underlying; of a basket without one of its own the mean over the value of its parts.
    fn rate(&self, numbers: &ByName, underlying: usize) -> f64 {
        let of = |place: usize| numbers.get(&self.market.underlyings[place].name);
        let parts = self.parts(underlying);
        if parts.is_empty() || numbers.names(&self.market.underlyings[underlying].name) {
            return of(underlying);
        }
        let total: f64 = parts.iter().map(|(_, dollars)| dollars).sum();
        parts.iter().map(|(part, dollars)| dollars * of(*part)).sum::<f64>() / total
    }

    /// A daily volume: the market's, or that of the parameters; of a basket without either, what can be traded of it
    /// before a part trades its whole volume.
    fn volume(&self, numbers: &ByName, underlying: usize, given: &dyn Fn(usize) -> Option<f64>) -> f64 {
        let of = |place: usize| given(place).unwrap_or_else(|| numbers.get(&self.market.underlyings[place].name));
        let parts = self.parts(underlying);
        let own = given(underlying).is_some() || numbers.names(&self.market.underlyings[underlying].name);
        if parts.is_empty() || own {
            return of(underlying);
        }
        let total: f64 = parts.iter().map(|(_, dollars)| dollars).sum();
        parts.iter().map(|(part, dollars)| of(*part) * total / dollars).fold(f64::INFINITY, f64::min)
    }

    /// SCN-1: the price of an asset after a shock.
    fn price_after(&self, asset: usize, shock: &Shock) -> f64 {
        let asset_of = &self.market.assets[asset];
        let follows = asset_of.follows.map_or(0.0, |underlying| shock.price[underlying.0]);
        self.prices[asset] * (1.0 + follows) * (1.0 + shock.residual[asset])
    }

    /// SCN-2: a volatility after a shock.
    fn vol_after(&self, iv: f64, days: f64, moneyness: f64, vol: Vol) -> f64 {
        let rules = &self.rules.vol;
        match vol {
            Vol::Level(level) => {
                let power = if days < 30.0 { rules.short_power } else { rules.long_power };
                let moved = (iv * (1.0 + level * (30.0 / days.max(rules.floor_days)).powf(power))).max(0.0);
                if level > 0.0 { moved.max(rules.floor_up) } else { moved }
            }
            Vol::Turn(twist, slope) => {
                let spans = (rules.twist_pivot_days / days.max(rules.floor_days)).log(rules.twist_span);
                let turned = (iv * (1.0 + twist * spans.clamp(-1.0, 1.0))).max(0.0);
                turned * (1.0 + (slope * moneyness).clamp(-rules.skew_cap, rules.skew_cap))
            }
        }
    }

    /// VAL-4: the part of an exposure that the settlement average has not fixed, computed from time where the market does
    /// not say it.
    fn remaining(&self, seconds: f64) -> f64 {
        let window = self.rules.settlement.window_seconds;
        if seconds <= 0.0 {
            0.0
        } else if seconds >= window {
            1.0
        } else {
            seconds / window
        }
    }

    /// The profit in USD of one contract that was entered at `entry`, between now and after the shock.
    fn contract_profit(&self, id: InstrumentId, entry: f64, shock: &Shock) -> f64 {
        let (market, listing) = (self.market, self.market.listing(id));
        let at = listing.underlying.0;
        let (size, mark) = (listing.contract_size.to_f64(), self.mark(listing.id));
        // What settles first is paid at today's prices; the asset in which it is paid moves afterwards.
        let within = |expiry: units::Timestamp| expiry.years_since(market.time) <= shock.settled[at];
        let first = shock.settled[at] > 0.0 && listing.expiry().is_some_and(within);
        let still;
        let seen = if first {
            still = Shock::still(market);
            &still
        } else {
            shock
        };
        let factor =
            (1.0 + seen.price[at]) * (1.0 + if listing.kind == InstrumentKind::Spot { 0.0 } else { seen.basis[at] });
        // The asset in which a price of this contract is written, now and after the shock.
        let unit = self.price(listing.counter_asset());
        let unit_after = self.price_after(listing.counter_asset().0, seen);
        let terms = listing.expiry().and_then(|expiry| market.expiry(listing.underlying, expiry));
        let said = terms.map_or(0.0, |terms| terms.forward_settled.usd().to_f64());
        let left = listing
            .expiry()
            .map_or(1.0, |expiry| if said > 0.0 { 1.0 } else { self.remaining(expiry.seconds_since(market.time)) });
        if let InstrumentKind::Option { expiry, strike, right } = &listing.kind {
            let terms = terms.expect("listed");
            let (strike, iv) = (strike.in_counter().to_f64(), market.iv(id).expect("given").to_f64());
            // The forward in the asset of the strike; the settled part of it is in the same asset.
            let (forward, said) = (terms.forward.usd().to_f64() / unit, said / unit);
            let (years, days) = (expiry.years_since(market.time), expiry.days_since(market.time));
            let value = |forward: f64, vol: f64, years: f64, price: f64| {
                let model = black76(*right, forward, strike, vol, years, (-terms.rate.to_f64() * years).exp());
                size * price * if listing.payoff == Payoff::Linear { model } else { model / forward }
            };
            let moved = said + (forward - said) * factor * unit / unit_after;
            let vol = self.vol_after(iv, days, (strike / forward).ln(), seen.vol[at]);
            let remains = if first { 0.0 } else { (years - shock.years[at]).max(0.0) };
            let before = value(forward, iv, years, self.price(listing.settle));
            return left * (value(moved, vol, remains, self.price_after(listing.settle.0, shock)) - before);
        }
        // The part of a future's own mark that the average has fixed does not move either.
        let moving = left * terms.map_or(1.0, |terms| 1.0 - said / terms.forward.usd().to_f64());
        let (before, after) = (self.price(listing.settle), self.price_after(listing.settle.0, shock));
        let usd = mark * unit;
        let marked = (usd + size_of(&market.underlyings[at], usd) * (factor - 1.0)) / unit_after;
        match listing.payoff {
            Payoff::Linear => {
                let moves = moving * (marked - mark);
                size * ((mark - entry + moves) * after - (mark - entry) * before)
            }
            Payoff::Inverse => {
                let now = 1.0 / entry - 1.0 / mark;
                size * ((now + moving * (1.0 / mark - 1.0 / marked)) * after - now * before)
            }
        }
    }

    /// SCN-3: the change of the USD value of the whole account, undampened.
    fn profit(&self, account: &Account, shock: &Shock) -> f64 {
        let mut profit = 0.0;
        for balance in &account.balances {
            let (amount, before) = (balance.amount.to_f64(), self.price(balance.asset));
            profit += amount * (self.price_after(balance.asset.0, shock) - before);
            if let (Some((failed, lost)), Some(location)) = (&shock.failed, &balance.location) {
                let known = self.rules.depeg.location_loss.names(location);
                if failed == location || (failed == "other" && !known) {
                    profit -= lost * (amount * before).max(0.0);
                }
            }
        }
        for Position { instrument, quantity, entry } in &account.positions {
            profit += quantity.to_f64() * self.contract_profit(*instrument, entry.in_quote().to_f64(), shock);
        }
        profit
    }

    /// REQ-4: the profit in a scenario of an order that fills at its limit: the account with the order less the account
    /// without it.
    fn order_profit(&self, order: &model::Order, shock: &Shock) -> f64 {
        let listing = self.market.listing(order.instrument);
        let quantity = order.quantity.to_f64() * if order.side == Side::Buy { 1.0 } else { -1.0 };
        let (limit, mark, size) =
            (order.limit.in_quote().to_f64(), self.mark(listing.id), listing.contract_size.to_f64());
        let price = |asset: usize| self.prices[asset];
        if listing.is_option() {
            // The option appears at its mark, the premium leaves the balance, and the rest of the balance moves without
            // it.
            let paid = limit * self.price_after(listing.settle.0, shock);
            let model = self.contract_profit(order.instrument, mark, shock);
            return quantity * (model + size * (mark * price(listing.settle.0) - paid));
        }
        let settled = match listing.payoff {
            Payoff::Linear => size * (mark - limit),
            Payoff::Inverse => size * (1.0 / limit - 1.0 / mark),
        };
        quantity * (self.contract_profit(order.instrument, limit, shock) + settled * price(listing.settle.0))
    }

    /// The worst result over every subset of the orders: all subsets while orders are few, then the sum of the orders
    /// that lose.
    fn worst_orders(&self, account: &Account, shock: &Shock) -> f64 {
        let profits: Vec<f64> = account.orders.iter().map(|order| self.order_profit(order, shock)).collect();
        if profits.len() > 6 {
            return profits.iter().map(|profit| profit.min(0.0)).sum();
        }
        let subsets = 0..1_usize << profits.len();
        let sum = |subset: usize| {
            profits
                .iter()
                .enumerate()
                .filter(|(place, _)| subset >> place & 1 == 1)
                .fold(0.0, |sum, (_, profit)| sum + profit)
        };
        subsets.map(sum).fold(0.0, f64::min)
    }

    fn range(&self, underlying: usize) -> f64 {
        let (name, scan) = (&self.market.underlyings[underlying].name, &self.rules.scan);
        (scan.quantile * scan.sigma.get(name) * scan.days.sqrt()).max(scan.floor.get(name))
    }

    /// FAM-1 and FAM-2: every step of the scan for these underlyings.
    fn scan(&self, moving: &[usize]) -> Vec<Shock> {
        let mut shocks = Vec::new();
        for &part in &self.rules.scan.steps {
            for vol in [self.rules.scan.vol_up, 0.0, -self.rules.scan.vol_down] {
                let mut shock = Shock::still(self.market);
                for &underlying in moving {
                    shock.price[underlying] = part * self.range(underlying);
                    shock.vol[underlying] = Vol::Level(vol);
                }
                shocks.push(shock);
            }
        }
        self.over_the_period(&shocks, moving)
    }

    /// FAM-2: the moves of one underlying between two steps, at the end of the period, where it has options.
    fn finer(&self, underlying: usize) -> Vec<Shock> {
        let one = UnderlyingId(underlying);
        let concerns = |listing: &model::Instrument| {
            let basket = self.market.basket(listing.underlying);
            listing.underlying == one
                || basket.is_some_and(|basket| basket.parts.iter().any(|part| part.underlying == one))
        };
        if !self.market.instruments.iter().any(|listing| listing.is_option() && concerns(listing)) {
            return Vec::new();
        }
        let (scan, range) = (&self.rules.scan, self.range(underlying));
        let mut shocks = Vec::new();
        for &from in &scan.steps {
            let above = scan.steps.iter().copied().filter(|step| *step > from);
            let Some(to) = above.min_by(f64::total_cmp) else { continue };
            let gaps = ((to - from) * range / scan.spacing - 1e-6).ceil();
            // Volatility is down where the steps are cut into gaps, and the same in the middle of each.
            let ends = (1..).map(f64::from).take_while(|gap| *gap < gaps).map(|gap| (gap, -scan.vol_down));
            let middles = (0..).map(|gap| f64::from(gap) + 0.5).take_while(|gap| gaps > 1.0 && *gap < gaps);
            for (gap, vol) in ends.chain(middles.map(|gap| (gap, 0.0))) {
                let mut shock = Shock::still(self.market);
                shock.price[underlying] = (from + (to - from) * gap / gaps) * range;
                shock.vol[underlying] = Vol::Level(vol);
                shock.years[underlying] = scan.days / 365.0;
                shocks.push(shock);
            }
        }
        shocks
    }

    /// FAM-10: the marks of one underlying leave its index.
    fn off_index(&self, underlying: usize) -> Vec<Shock> {
        let size = self.rules.basis.index.get(&self.market.underlyings[underlying].name);
        let mut shocks = Vec::new();
        for basis in [size, -size] {
            for part in [-0.5, 0.0, 0.5] {
                let mut shock = Shock::still(self.market);
                (shock.price[underlying], shock.basis[underlying]) = (part * self.range(underlying), basis);
                shocks.push(shock);
            }
        }
        shocks
    }

    /// SCN-8: shocks that come at once, at the end of the period, and after what expires early in it has settled. The time
    /// passes for these underlyings, and for the baskets that they are in.
    fn over_the_period(&self, shocks: &[Shock], passing: &[usize]) -> Vec<Shock> {
        let period = self.rules.scan.days / 365.0;
        let mut all = shocks.to_vec();
        let mut later = |settled: f64, factor: f64| {
            for shock in shocks {
                let mut shock = shock.clone();
                for underlying in passing {
                    (shock.years[*underlying], shock.settled[*underlying]) = (period, settled);
                }
                shock.price.iter_mut().for_each(|price| *price *= factor);
                all.push(shock);
            }
        };
        later(0.0, 1.0);
        let expiries = self.market.instruments.iter().filter_map(model::Instrument::expiry);
        let expiries: Vec<f64> = expiries.map(|expiry| expiry.years_since(self.market.time)).collect();
        let mut before = 0.0;
        for part in &self.rules.scan.settle_within {
            let (from, to) = (before * period, part * period);
            if expiries.iter().any(|left| *left > from && *left <= to) {
                later(to, (1.0_f64 - before).sqrt());
            }
            before = *part;
        }
        all
    }

    /// FAM-3: correlated underlyings move apart.
    fn apart(&self) -> Vec<Shock> {
        let names: Vec<&str> = self.market.underlyings.iter().map(|underlying| underlying.name.as_str()).collect();
        let mut shocks = Vec::new();
        for (down, falling) in names.iter().enumerate() {
            for (up, rising) in names.iter().enumerate().filter(|(up, _)| *up != down) {
                if !self.moves_alone(down) || !self.moves_alone(up) {
                    continue;
                }
                let mut pair = [*falling, *rising];
                pair.sort_unstable();
                if self.rules.apart.correlation.get(&pair.join("/")) > self.rules.apart.from {
                    let mut shock = Shock::still(self.market);
                    shock.price[down] = -self.rules.apart.part * self.range(down);
                    shock.price[up] = self.rules.apart.part * self.range(up);
                    shocks.push(shock);
                }
            }
        }
        self.over_the_period(&shocks, &self.everything())
    }

    /// Every underlying that moves on its own.
    fn everything(&self) -> Vec<usize> {
        (0..self.market.underlyings.len()).filter(|place| self.moves_alone(*place)).collect()
    }

    /// FAM-6 and FAM-7.
    fn far(&self) -> (Vec<Shock>, Vec<Shock>) {
        let still = Shock::still(self.market);
        let days = self.rules.stress.values().map(|day| Shock {
            price: self.market.underlyings.iter().map(|underlying| day.price.get(&underlying.name)).collect(),
            basis: vec![day.basis; still.basis.len()],
            vol: vec![Vol::Level(day.vol); still.vol.len()],
            residual: self
                .market
                .assets
                .iter()
                .map(|asset| day.residual.get(&asset.name).copied().unwrap_or(0.0))
                .collect(),
            weight: day.weight,
            ..still.clone()
        });
        let tails = self.rules.tails.price.iter().zip(&self.rules.tails.weight).map(|(price, weight)| Shock {
            price: vec![*price; still.price.len()],
            vol: vec![Vol::Level(self.rules.scan.vol_up); still.vol.len()],
            weight: *weight,
            ..still.clone()
        });
        let deep =
            self.rules.tails.multiple.iter().zip(&self.rules.tails.multiple_weight).map(|(multiple, weight)| Shock {
                price: (0..still.price.len()).map(|place| (multiple * self.range(place)).max(-0.99)).collect(),
                vol: vec![Vol::Level(self.rules.scan.vol_up); still.vol.len()],
                weight: *weight,
                ..still.clone()
            });
        let tails: Vec<Shock> = deep.chain(tails).collect();
        (days.collect(), self.over_the_period(&tails, &self.everything()))
    }

    /// FAM-8: volatilities twist and tilt.
    fn term_and_skew(&self) -> Vec<Shock> {
        let (twist, skew, still) = (self.rules.vol.twist, self.rules.vol.skew, Shock::still(self.market));
        let mut shocks = Vec::new();
        for turned in [-twist, 0.0, twist] {
            for tilted in [-skew, 0.0, skew].into_iter().filter(|tilted| turned != 0.0 || *tilted != 0.0) {
                let (times, weight) = (self.rules.vol.beyond, self.rules.vol.beyond_weight);
                shocks.push(Shock { vol: vec![Vol::Turn(turned, tilted); still.vol.len()], ..still.clone() });
                if times > 1.0 {
                    let farther = Vol::Turn(times * turned, times * tilted);
                    shocks.push(Shock { vol: vec![farther; still.vol.len()], weight, ..still.clone() });
                }
            }
        }
        shocks
    }

    /// FAM-9: the move of a stablecoin, which is listed and costs about a dollar now; none of any other asset.
    fn fall(&self, asset: usize) -> Option<f64> {
        let rules = &self.rules.depeg;
        let model::Asset { name, follows } = &self.market.assets[asset];
        let off = self.prices[asset] - 1.0;
        let stable = name != "USD"
            && follows.is_none()
            && rules.stablecoins.contains(name)
            && (-rules.par_within..=rules.par_within).contains(&off);
        stable.then(|| *rules.fall.get(name).unwrap_or(&rules.stablecoin))
    }

    /// FAM-9: coins lose their pegs, tokens move, and locations fail.
    fn depeg(&self) -> Vec<Shock> {
        let still = Shock::still(self.market);
        let mut shocks = Vec::new();
        for (index, asset) in self.market.assets.iter().enumerate().filter(|(_, asset)| asset.name != "USD") {
            let followed = asset.follows.map(|underlying| &self.market.underlyings[underlying.0].name);
            let moves = match (followed, self.fall(index)) {
                (Some(name), _) if *name == asset.name => vec![],
                (Some(_), _) => vec![self.rules.depeg.wrapped],
                (None, Some(fall)) => vec![fall, 0.5 * fall],
                (None, None) => {
                    let token = &self.rules.depeg.token;
                    vec![token.down.get(&asset.name), token.up.get(&asset.name)]
                }
            };
            for residual in moves {
                let mut shock = Shock { weight: self.rules.depeg.weight, ..still.clone() };
                shock.residual[index] = residual;
                shocks.push(shock);
            }
        }
        shocks.extend(self.joint_depegs());
        for (location, lost) in self.rules.depeg.location_loss.iter() {
            let failed = Some((location.to_owned(), lost));
            shocks.push(Shock { failed, weight: self.rules.depeg.location_weight, ..still.clone() });
        }
        shocks
    }

    /// FAM-9: the wrapped tokens of each underlying together, all stablecoins together, and claims in a crash.
    fn joint_depegs(&self) -> Vec<Shock> {
        let (rules, still) = (&self.rules.depeg, Shock::still(self.market));
        let mut shocks = Vec::new();
        for (place, underlying) in self.market.underlyings.iter().enumerate() {
            let mut shock = Shock { weight: rules.weight, ..still.clone() };
            for (residual, asset) in shock.residual.iter_mut().zip(&self.market.assets) {
                if asset.follows == Some(UnderlyingId(place)) && asset.name != underlying.name {
                    *residual = rules.wrapped * rules.correlation.wrapped.powf(0.5);
                }
            }
            shocks.push(shock);
        }
        let falls: Vec<f64> = (0..self.market.assets.len()).map(|asset| self.fall(asset).unwrap_or_default()).collect();
        let shared = rules.correlation.stablecoin.powf(0.5);
        let residual = falls.iter().map(|fall| shared * fall).collect();
        shocks.push(Shock { residual, weight: rules.weight, ..still.clone() });
        // What falls in a crash: each stablecoin, all of them, the tokens of each underlying.
        let count = falls.len();
        let only = |asset: usize| (0..count).map(|at| if at == asset { falls[at] } else { 0.0 }).collect::<Vec<f64>>();
        let mut crashed: Vec<Vec<f64>> = (0..count).map(only).chain([falls.clone()]).collect();
        for (place, underlying) in self.market.underlyings.iter().enumerate() {
            let share =
                |asset: &model::Asset| asset.follows == Some(UnderlyingId(place)) && asset.name != underlying.name;
            let falls = |asset| if share(asset) { rules.wrapped * rules.correlation.wrapped.powf(0.5) } else { 0.0 };
            crashed.push(self.market.assets.iter().map(falls).collect());
        }
        for residual in crashed.into_iter().filter(|residual| residual.iter().any(|fall| *fall != 0.0)) {
            let quarters = [0.25, 0.5, 0.75, 1.0].map(|part| [(0.5, part), (1.0, part)]);
            for (of_fall, part) in quarters.concat() {
                for vol in [self.rules.scan.vol_up, 0.0, -self.rules.scan.vol_down] {
                    shocks.push(Shock {
                        price: (0..still.price.len()).map(|place| -part * self.range(place)).collect(),
                        vol: vec![Vol::Level(vol); still.vol.len()],
                        residual: residual.iter().map(|fall| of_fall * fall).collect(),
                        weight: rules.crash_weight,
                        ..still.clone()
                    });
                }
            }
        }
        shocks
    }

    /// Every family: name, loss, and loss with the losing orders filled.
    fn families(&self, account: &Account) -> Vec<(&'static str, f64, f64)> {
        let worst = |shocks: Vec<Shock>| {
            let losses = shocks.into_iter().map(|shock| {
                let shock = self.with_baskets(shock);
                let profit = self.profit(account, &shock);
                let filled = if account.orders.is_empty() { 0.0 } else { self.worst_orders(account, &shock) };
                (-shock.weight * profit, -shock.weight * (profit + filled))
            });
            losses.fold([f64::NEG_INFINITY; 2], |worst, (held, filled)| [worst[0].max(held), worst[1].max(filled)])
        };
        let everything = self.everything();
        let root_sum = |shocks: &dyn Fn(usize) -> Vec<Shock>| {
            let each: Vec<[f64; 2]> = everything.iter().map(|one| worst(shocks(*one))).collect();
            [0, 1].map(|kind| each.iter().map(|worst| worst[kind].max(0.0).powi(2)).sum::<f64>().sqrt())
        };
        let alone = root_sum(&|one| [self.scan(&[one]), self.finer(one)].concat());
        let (days, tails) = self.far();
        let mut families = vec![("scan together", worst(self.scan(&everything))), ("scan alone", alone)];
        let apart = self.apart();
        if !apart.is_empty() {
            families.push(("scan apart", worst(apart)));
        }
        families.extend([
            ("named stress", worst(days)),
            ("tails", worst(tails)),
            ("term and skew", worst(self.term_and_skew())),
            ("depeg and location", worst(self.depeg())),
        ]);
        let leaves = |one: &usize| self.rules.basis.index.get(&self.market.underlyings[*one].name) > 0.0;
        if everything.iter().any(leaves) {
            families.push(("off the index", root_sum(&|one| self.off_index(one))));
        }
        families.into_iter().map(|(name, [held, filled])| (name, held, filled)).collect()
    }

    /// CHG-2: the forward delta of one contract, in coins: what it gains with the forward or the mark alone, by the formula
    /// of the methodology. It is the delta of everything but a coin-margined option.
    fn forward_delta(&self, id: InstrumentId) -> f64 {
        let (market, listing) = (self.market, self.market.listing(id));
        let InstrumentKind::Option { expiry, strike, right } = &listing.kind else { return self.greeks(id).0 };
        if listing.payoff == Payoff::Linear {
            return self.greeks(id).0;
        }
        let underlying = &market.underlyings[listing.underlying.0];
        let index = size_of(underlying, market.index(listing.underlying).usd().to_f64());
        let unit = self.price(listing.counter_asset());
        let terms = market.expiry(listing.underlying, *expiry).expect("listed");
        let (forward, said) = (terms.forward.usd().to_f64(), terms.forward_settled.usd().to_f64());
        let left = if said > 0.0 { 1.0 } else { self.remaining(expiry.seconds_since(market.time)) };
        let (strike, iv) = (strike.in_counter().to_f64() * unit, market.iv(id).expect("given").to_f64());
        let years = expiry.years_since(market.time);
        let sign = if *right == Right::Call { 1.0 } else { -1.0 };
        let s = iv * years.sqrt();
        let exercised = if s >= 1e-17 {
            normal(sign * ((forward / strike).ln() / s - 0.5 * s))
        } else if forward == strike {
            0.5
        } else {
            f64::from(u8::from(sign * (forward - strike) > 0.0))
        };
        let coins = self.price(listing.settle) / index;
        let discount = (-terms.rate.to_f64() * years).exp();
        let moving = 1.0 - said / forward;
        left * listing.contract_size.to_f64() * sign * coins * strike / forward * discount * exercised * moving
    }

    /// Delta in coins, gamma and vega (per 1.00) of one contract.
    fn greeks(&self, id: InstrumentId) -> (f64, f64, f64) {
        let (market, listing) = (self.market, self.market.listing(id));
        let underlying = &market.underlyings[listing.underlying.0];
        let index = size_of(underlying, market.index(listing.underlying).usd().to_f64());
        let (size, mark) = (listing.contract_size.to_f64(), self.mark(listing.id));
        let price = |asset: usize| self.prices[asset];
        let unit = price(listing.counter_asset().0);
        let terms = listing.expiry().and_then(|expiry| market.expiry(listing.underlying, expiry));
        let said = terms.map_or(0.0, |terms| terms.forward_settled.usd().to_f64());
        let left = listing
            .expiry()
            .map_or(1.0, |expiry| if said > 0.0 { 1.0 } else { self.remaining(expiry.seconds_since(market.time)) });
        let InstrumentKind::Option { expiry, strike, right } = &listing.kind else {
            let moving = left * terms.map_or(1.0, |terms| 1.0 - said / terms.forward.usd().to_f64());
            let usd = match listing.payoff {
                Payoff::Linear => size * size_of(underlying, mark * unit) / unit * price(listing.settle.0),
                Payoff::Inverse => size / mark * price(listing.settle.0),
            };
            return (moving * usd / index, 0.0, 0.0);
        };
        let terms = terms.expect("listed");
        let (forward, said) = (terms.forward.usd().to_f64() / unit, said / unit);
        let (strike, iv) = (strike.in_counter().to_f64(), market.iv(id).expect("given").to_f64());
        let years = expiry.years_since(market.time);
        let discount = (-terms.rate.to_f64() * years).exp();
        let sign = if *right == Right::Call { 1.0 } else { -1.0 };
        let s = iv * years.sqrt();
        let dollar = left
            * size
            * if listing.payoff == Payoff::Linear {
                price(listing.settle.0)
            } else {
                price(listing.settle.0) / forward
            };
        let slope = (forward - said) / index;
        // The value of an option paid in coins also moves with the coin, by the product rule on `(P/F)(S) · price(F(S))`.
        let value = black76(*right, forward, strike, iv, years, discount);
        let coin = if listing.payoff == Payoff::Linear { 0.0 } else { dollar * (1.0 / index - slope / forward) };
        let coin_again = if listing.payoff == Payoff::Linear { 0.0 } else { -2.0 * coin * slope / forward };
        if s < 1e-17 {
            let exercised = if forward == strike { 0.5 } else { f64::from(u8::from(sign * (forward - strike) > 0.0)) };
            let delta = discount * sign * exercised;
            return (dollar * delta * slope + coin * value, 2.0 * coin * delta * slope + coin_again * value, 0.0);
        }
        let d1 = (forward / strike).ln() / s + 0.5 * s;
        let delta = discount * sign * normal(sign * d1);
        let gamma = discount * density(d1) / (forward * s);
        let vega = discount * forward * density(d1) * years.sqrt();
        let gamma = dollar * gamma * slope * slope + 2.0 * coin * delta * slope + coin_again * value;
        (dollar * delta * slope + coin * value, gamma, dollar * vega)
    }

    /// CHG-1: the impact of leaving `value`, found by a search for the best pace.
    fn exit(&self, value: f64, daily: f64, impact: f64, sigma: f64) -> f64 {
        if value == 0.0 {
            return 0.0;
        }
        let risk = self.rules.scan.quantile * sigma * value;
        let cost = |log_days: f64| {
            let days = log_days.exp();
            impact * value * (value / daily) / days + risk * (days / 3.0).sqrt()
        };
        let (mut low, mut high) = (-80.0, 80.0);
        for _ in 0..300 {
            let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if cost(left) < cost(right) { high = right } else { low = left }
        }
        (cost(f64::midpoint(low, high)) - risk * self.rules.scan.days.sqrt()).max(0.0)
    }

    fn charges(&self, account: &Account) -> Vec<(&'static str, f64)> {
        let (market, rules) = (self.market, self.rules);
        let (mut liquidity, mut basis, mut shorts, mut expiring) = (0.0, 0.0, 0.0, 0.0);
        for (place, underlying) in market.underlyings.iter().enumerate() {
            let index = size_of(underlying, market.index(UnderlyingId(place)).usd().to_f64());
            let mut delta = 0.0;
            for balance in &account.balances {
                let asset = &market.assets[balance.asset.0];
                if asset.follows.is_some_and(|follows| follows.0 == place) {
                    delta += balance.amount.to_f64() * self.price(balance.asset) / index;
                }
            }
            // Profit that is not settled yet is held in the coin in which it will be paid.
            for position in &account.positions {
                let listing = market.listing(position.instrument);
                let here = |asset: AssetId| market.assets[asset.0].follows.is_some_and(|at| at.0 == place);
                let notional = position.quantity.to_f64() * listing.contract_size.to_f64();
                let (mark, entry) = (self.mark(listing.id), position.entry.in_quote().to_f64());
                if !listing.is_option() && here(listing.settle) {
                    let coins = match listing.payoff {
                        Payoff::Linear => notional * (mark - entry),
                        Payoff::Inverse => notional / entry - notional / mark,
                    };
                    delta += coins * self.price(listing.settle) / index;
                }
                // The value of a contract that is written in a coin falls when that coin rises.
                if !listing.is_option() && here(listing.counter_asset()) {
                    let (of_delta, ..) = self.greeks(position.instrument);
                    let underlying = &market.underlyings[listing.underlying.0];
                    let usd = of_delta * size_of(underlying, market.index(listing.underlying).usd().to_f64());
                    delta -= position.quantity.to_f64() * usd / index;
                }
            }
            // By expiry, none for perpetuals, and venue.
            let mut buckets: BTreeMap<(Option<i64>, Option<&str>), Bucket> = BTreeMap::new();
            for position in &account.positions {
                let listing = market.listing(position.instrument);
                if listing.underlying.0 != place {
                    continue;
                }
                let (held, (of_delta, of_gamma, of_vega)) =
                    (position.quantity.to_f64(), self.greeks(position.instrument));
                delta += held * of_delta;
                liquidity += held.abs()
                    * if listing.is_option() {
                        of_vega / 100.0 * rules.liquidity.vega_half_spread_points
                    } else {
                        self.notional(listing) * self.rate(&rules.liquidity.half_spread, place)
                    };
                let of_forward = self.forward_delta(position.instrument);
                let key = (listing.expiry().map(units::Timestamp::micros), listing.venue.as_deref());
                let bucket = buckets.entry(key).or_default();
                (bucket.0, bucket.1, bucket.2) =
                    (bucket.0 + held * of_forward, bucket.1 + held * of_gamma, bucket.2 + held * of_vega);
                if let InstrumentKind::Option { strike, right, .. } = &listing.kind {
                    let side = usize::from(*right == Right::Put);
                    let chain = bucket.3.entry(listing.counter_asset().0).or_default();
                    chain.entry(*strike).or_default()[side] += held * listing.contract_size.to_f64();
                }
            }
            let market_rules = &rules.liquidity;
            let given = |place: usize| market.turnover.underlyings[place].adv_usd.map(units::Money::to_f64);
            let adv = self.volume(&market_rules.adv_usd, place, &given);
            liquidity += self.exit(delta.abs() * index, adv, market_rules.impact, self.rate(&rules.scan.sigma, place));
            for ((expiry, venue), (forward_delta, gamma, vega, chains)) in &buckets {
                liquidity += self.exit(
                    vega.abs() / 100.0,
                    self.volume(&market_rules.vega_adv_usd, place, &|_| None),
                    market_rules.vega_impact_points,
                    market_rules.vol_sigma_points,
                );
                let years = expiry.map_or(0.0, |at| units::Timestamp::from_micros(at).years_since(market.time));
                basis += forward_delta.abs() * index * self.basis_move(place, *venue, years);
                let naked: f64 =
                    chains.values().map(|strikes| naked(&strikes.values().copied().collect::<Vec<_>>())).sum();
                shorts += naked * rules.options.short_rate * index;
                if expiry.is_some() && years * 365.0 <= rules.options.pin_days {
                    expiring += 0.5 * (-gamma).max(0.0) * (rules.options.pin_move * index).powi(2);
                    let most = |strikes: &BTreeMap<_, [f64; 2]>| {
                        strikes.values().map(|[calls, puts]| calls + puts).fold(0.0, f64::max)
                    };
                    expiring +=
                        chains.values().map(most).sum::<f64>() * index * rules.scan.spacing * rules.options.unseen;
                }
            }
        }
        vec![
            ("liquidity", liquidity),
            ("basis", basis),
            ("short options", shorts),
            ("expiry", expiring),
            ("borrow", self.borrow(account)),
            ("haircut", self.haircut(account)),
            ("funding and fees", self.funding_and_fees(account)),
        ]
    }

    /// CHG-2: the move of the basis of a contract in so many years to its expiry, 0 for a perpetual.
    fn basis_move(&self, underlying: usize, venue: Option<&str>, years: f64) -> f64 {
        let rules = &self.rules.basis;
        let least = rules.floor.max(self.rate(&rules.least, underlying));
        let by_time = ((rules.rate * years).exp() - 1.0).max(least);
        if venue.is_some() { by_time.max(self.rate(&rules.venue, underlying)) } else { by_time }
    }

    fn borrow(&self, account: &Account) -> f64 {
        let cost = |balance: &model::Balance| {
            let asset = &self.market.assets[balance.asset.0];
            let owed = (-balance.amount.to_f64() * self.price(balance.asset)).max(0.0);
            let adv = self
                .market
                .asset_liquidity(balance.asset)
                .adv_usd
                .map_or(self.rules.liquidity.adv_usd.get(&asset.name), units::Money::to_f64);
            owed * (self.rules.borrow.rate.get(&asset.name) + self.rules.borrow.size_slope * owed / adv)
        };
        account.balances.iter().map(cost).sum()
    }

    fn haircut(&self, account: &Account) -> f64 {
        let mut held_back = 0.0;
        for balance in &account.balances {
            let asset = &self.market.assets[balance.asset.0];
            let value = balance.amount.to_f64() * self.price(balance.asset);
            if value <= 0.0 || asset.name == "USD" {
                continue;
            }
            let levels = if self.market.asset_liquidity(balance.asset).depth.is_empty() {
                // Linear in size: one per cent at `depth_usd`.
                vec![(self.rules.haircut.depth_usd.get(&asset.name), self.rules.haircut.depth_distance)]
            } else {
                self.market
                    .asset_liquidity(balance.asset)
                    .depth
                    .iter()
                    .map(|level| (level.usd.to_f64(), level.bps.to_f64() / 1e4))
                    .collect::<Vec<_>>()
            };
            let volatility = if asset.follows.is_some() { 0.0 } else { self.rules.haircut.volatility.get(&asset.name) };
            held_back += value * (volatility + average_price(value, &levels, self.rules.haircut.cap - volatility));
        }
        held_back
    }

    /// The value in USD of one future or perpetual.
    fn notional(&self, listing: &model::Instrument) -> f64 {
        let (size, mark) = (listing.contract_size.to_f64(), self.mark(listing.id));
        let unit = self.price(listing.counter_asset());
        let moving = size_of(&self.market.underlyings[listing.underlying.0], mark * unit) / unit;
        self.price(listing.settle) * if listing.payoff == Payoff::Linear { size * moving } else { size / mark }
    }

    fn funding_and_fees(&self, account: &Account) -> f64 {
        let (mut funding, mut fees) = (0.0, 0.0);
        for position in &account.positions {
            let listing = self.market.listing(position.instrument);
            let (held, size, mark) =
                (position.quantity.to_f64(), listing.contract_size.to_f64(), self.mark(listing.id));
            let price = |asset: usize| self.prices[asset];
            if listing.is_option() {
                let rate = listing.fee_rate.map_or(self.rules.fees.option, units::Ratio::to_f64).max(0.0);
                let index = self.market.index(listing.underlying).usd().to_f64();
                let premium = size * mark * price(listing.settle.0);
                fees += held.abs() * (rate * index * size).min(self.rules.fees.option_cap * premium);
                continue;
            }
            let notional = self.notional(listing);
            funding +=
                held * notional * self.market.quote(listing.id).funding_rate_8h.map_or(0.0, units::Ratio::to_f64);
            fees +=
                held.abs() * notional * listing.fee_rate.map_or(self.rules.fees.future, units::Ratio::to_f64).max(0.0);
        }
        funding.max(0.0) + fees
    }

    /// Initial and maintenance margin by REQ-1 to REQ-4.
    fn assess(&self, account: &Account) -> Requirement {
        let families = self.families(account);
        let core = families.iter().fold(0.0_f64, |worst, (_, held, _)| worst.max(*held));
        let orders = families.iter().fold(0.0_f64, |worst, (.., filled)| worst.max(*filled)) - core;
        let families = families.into_iter().map(|(name, held, _)| (name, held)).collect();
        let charges = self.charges(account);
        let total: f64 = charges.iter().map(|(_, charge)| charge).sum();
        let gross = self.gross(account);
        let initial = self.rules.margin.im_factor * core + total + orders;
        let most = self.largest_loss(account).unwrap_or(f64::INFINITY);
        let initial = if account.orders.is_empty() { initial.min(most) } else { initial };
        Requirement { families, core, charges, orders, initial, maintenance: (core + total).min(most), gross }
    }

    /// REQ-7: the equity of an account less the least that it can be left with; none where that has no bound.
    ///
    /// Every payoff is computed at zero, at each strike and at two prices beyond the last one.
    fn largest_loss(&self, account: &Account) -> Option<f64> {
        let market = self.market;
        let price = |asset: usize| self.prices[asset];
        let mut groups: BTreeMap<Settled<'_>, Vec<&Position>> = BTreeMap::new();
        for position in &account.positions {
            let listing = market.listing(position.instrument);
            let expiry = listing.expiry().filter(|expiry| *expiry > market.time)?;
            let (place, written) = (listing.underlying.0, listing.counter_asset().0);
            let in_coin = market.assets[listing.settle.0].follows.map(|followed| followed.0);
            let paid = match (listing.payoff, in_coin) {
                (Payoff::Linear, None) => listing.settle.0,
                (Payoff::Inverse, Some(coin)) if coin == place && written == 0 => 0,
                _ => return None,
            };
            if market.underlyings[place].scale.is_some() || market.assets[written].follows.is_some() {
                return None;
            }
            let coin = listing.payoff == Payoff::Inverse;
            let venue = listing.venue.as_deref();
            groups.entry((place, written, paid, coin, expiry.micros(), venue)).or_default().push(position);
        }
        if groups.is_empty() {
            return None;
        }
        let mut coins = vec![0.0; market.underlyings.len()];
        let mut cash = vec![0.0; market.assets.len()];
        for balance in &account.balances {
            let asset = &market.assets[balance.asset.0];
            let held = balance.amount.to_f64() >= 0.0;
            let lost = balance.location.as_ref().filter(|_| held);
            let lost = lost.map_or(0.0, |location| self.rules.depeg.location_loss.get(location));
            let amount = balance.amount.to_f64() * (1.0 - lost);
            match asset.follows {
                None => cash[balance.asset.0] += amount,
                Some(followed) => {
                    let own = market.underlyings[followed.0].name == asset.name;
                    let falls = if own || !held { 0.0 } else { self.rules.depeg.wrapped };
                    let index = market.index(followed).usd().to_f64();
                    coins[followed.0] += amount * price(balance.asset.0) / index * (1.0 + falls);
                }
            }
        }
        for (place, held) in coins.into_iter().enumerate() {
            // Coins belong to the last expiry that pays in them, else to the last that is written and paid in USD; alone
            // they are worth nothing at worst.
            let last = groups.keys().rfind(|(at, written, paid, ..)| (*at, *written, *paid) == (place, 0, 0));
            let last = last.copied();
            if last.is_none() && held < 0.0 {
                return None;
            }
            for (key, positions) in groups.iter().filter(|(key, _)| key.0 == place) {
                let units = if last == Some(*key) { held } else { 0.0 };
                let least = self.least_payoff(positions, units)?;
                let years = units::Timestamp::from_micros(key.4).years_since(market.time);
                let part = self.basis_move(place, key.5, years);
                let index = market.index(UnderlyingId(place)).usd().to_f64();
                let exposed = if key.3 { least.abs() } else { units.max(0.0) * index };
                cash[key.2] += least - part * exposed;
            }
        }
        let mut left = cash[0];
        for (asset, amount) in cash.iter().enumerate().skip(1) {
            let name = &market.assets[asset].name;
            let stable = self.rules.depeg.stablecoins.contains(name)
                && (price(asset) - 1.0).abs() <= self.rules.depeg.par_within;
            let falls = self.rules.depeg.fall.get(name).copied().unwrap_or(self.rules.depeg.stablecoin);
            left += match (stable, *amount < 0.0) {
                (true, true) => amount * price(asset) * (1.0 - falls),
                (true, false) => amount * price(asset) * (1.0 + falls),
                (false, true) => return None,
                (false, false) => 0.0,
            };
        }
        Some((equity(account, market) - left).max(0.0))
    }

    /// The least of what positions of one expiry and `units` of the underlying pay, over its settlement price from zero;
    /// none where they lose without end.
    fn least_payoff(&self, positions: &[&Position], units: f64) -> Option<f64> {
        let mut prices = vec![0.0];
        for position in positions {
            if let InstrumentKind::Option { strike, .. } = &self.market.listing(position.instrument).kind {
                prices.push(strike.in_counter().to_f64());
            }
        }
        let top = prices.iter().copied().fold(1.0, f64::max);
        let pays = |price: f64| {
            positions.iter().fold(units * price, |sum, position| {
                let listing = self.market.listing(position.instrument);
                let held = position.quantity.to_f64() * listing.contract_size.to_f64();
                let entry = position.entry.in_quote().to_f64();
                sum + held
                    * match (&listing.kind, listing.payoff) {
                        (InstrumentKind::Option { strike, right: Right::Call, .. }, _) => {
                            (price - strike.in_counter().to_f64()).max(0.0)
                        }
                        (InstrumentKind::Option { strike, right: Right::Put, .. }, _) => {
                            (strike.in_counter().to_f64() - price).max(0.0)
                        }
                        (_, Payoff::Linear) => price - entry,
                        (_, Payoff::Inverse) => price / entry - 1.0,
                    }
            })
        };
        let size: f64 = positions.iter().map(|held| held.quantity.to_f64().abs()).sum::<f64>() + units.abs();
        if pays(4.0 * top) < pays(2.0 * top) - 1e-12 * size * top {
            return None;
        }
        prices.into_iter().map(pays).reduce(f64::min)
    }

    /// The scale of rounding errors in USD: every position at five times its strike, forward, entry or mark.
    fn gross(&self, account: &Account) -> f64 {
        let of = |id: InstrumentId, quantity: f64, entry: f64| {
            let listing = self.market.listing(id);
            let index = self.market.index(listing.underlying).usd().to_f64();
            let size = quantity.abs() * listing.contract_size.to_f64();
            let [unit, paid] = [listing.counter_asset(), listing.settle].map(|id| self.market.price(id).usd().to_f64());
            match (&listing.kind, listing.payoff) {
                (InstrumentKind::Option { strike, .. }, _) => size * (strike.in_counter().to_f64() * unit + index),
                (_, Payoff::Linear) => size * ((self.mark(listing.id).abs() + entry.abs()) * paid + index.abs()),
                (_, Payoff::Inverse) => size * (1.0 + self.mark(listing.id) / entry),
            }
        };
        let held = account
            .positions
            .iter()
            .map(|position| of(position.instrument, position.quantity.to_f64(), position.entry.in_quote().to_f64()));
        let ordered = account
            .orders
            .iter()
            .map(|order| of(order.instrument, order.quantity.to_f64(), order.limit.in_quote().to_f64()));
        let balances =
            account.balances.iter().map(|balance| (balance.amount.to_f64() * self.price(balance.asset)).abs());
        5.0 * held.chain(ordered).chain(balances).sum::<f64>()
    }
}

/// CHG-3: the short options of a chain that the best use of its long ones leaves, from net calls and puts by rising
/// strike: the largest excess, over all sets of short calls below one strike and short puts from another on, of the set over
/// the long options that cover any of it.
fn naked(strikes: &[[f64; 2]]) -> f64 {
    let excess = |calls_below: usize, puts_from: usize| {
        let each = strikes.iter().enumerate().map(|(place, [calls, puts])| {
            let (with_calls, with_puts) = (place < calls_below, place >= puts_from);
            let used = if with_calls { calls.max(0.0) } else { 0.0 } + if with_puts { puts.max(0.0) } else { 0.0 };
            // A long option of the other right at this strike covers too: the shorts are left out where it covers more.
            let short = |here: bool, net: f64, other: f64, counted: bool| {
                let covered = if counted { 0.0 } else { other.max(0.0) };
                if here { (-net).max(0.0) - covered.min((-net).max(0.0)) } else { 0.0 }
            };
            short(with_calls, *calls, *puts, with_puts) + short(with_puts, *puts, *calls, with_calls) - used
        });
        each.sum::<f64>()
    };
    let ends = 0..=strikes.len();
    let all = ends.clone().flat_map(|calls| ends.clone().map(move |puts| excess(calls, puts)));
    all.fold(0.0, f64::max)
}

/// The mean concession of selling `value` into cumulative levels. It is the area under a line that bends at the levels,
/// continues beyond the last level on the line from the origin through it, and is cut off at `limit`, divided by `value`.
fn average_price(value: f64, levels: &[(f64, f64)], limit: f64) -> f64 {
    let (last_usd, last_distance) = *levels.last().expect("not empty");
    let uncut = |usd: f64| {
        let mut from = (0.0, 0.0);
        for level in levels {
            if usd <= level.0 {
                return from.1 + (level.1 - from.1) * (usd - from.0) / (level.0 - from.0);
            }
            from = *level;
        }
        last_distance * usd / last_usd
    };
    // The point where the line meets the limit: the line only rises.
    let (mut low, mut high) = (0.0, value);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if uncut(middle) < limit { low = middle } else { high = middle }
    }
    // Between bends the line is straight, so that the trapezium is exact.
    let mut bends: Vec<f64> = levels.iter().map(|level| level.0).chain([low]).filter(|usd| *usd < value).collect();
    bends.push(value);
    bends.sort_by(f64::total_cmp);
    let mut from = 0.0;
    let mut area = 0.0;
    for bend in bends {
        area += (bend - from) * f64::midpoint(uncut(from).min(limit), uncut(bend).min(limit));
        from = bend;
    }
    area / value
}
