//! Certified cells: no market in a cell gives an account less than its certificate says.
//!
//! The argument is `docs/cells.md`. Its assumptions are tested here at their corners: the ends of the index, of every
//! basis, volatility and peg, and the first and the last moment, with signs chosen against the account.

#[path = "universal/generate.rs"]
#[expect(dead_code, reason = "the generator of another test")]
mod generate;

use margin::Refusal;
use margin::cell::{Cell, Holding, Reserve, Scratch, Surplus, Trade, Width};
use margin::method::universal;
use margin::scenario::{Aggregation, Move, Scenario, ScenarioSet, VolMove};
use model::{
    Account, AssetId, Balance, InstrumentDocument, InstrumentId, InstrumentKind, KindDocument, Market, Payoff,
    Position, QuotePrice, Right, UnderlyingId, UsdPrice,
};
use pricing::kernel::Isa;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use units::{Price, Quantity, Ratio, Round, Timestamp};

use generate::{PARAMS, World, config};

const TICK: f64 = 1e-6;

const NARROW: Width = Width { index: 0.005, basis: 0.0005, vol: 0.005, mark: 1e-6, peg: 0.0005, seconds: 60 };

/// Widths of a cell: zero, one side alone, or all sides.
fn width() -> impl Strategy<Value = Width> {
    let sides = (0.0..0.06, 0.0..0.02, 0.0..0.1, 0.0..0.001, 0.0..0.01, 0..100_000_u32);
    (sides, any::<[bool; 6]>(), prop_oneof![1 => Just(true), 3 => Just(false)]).prop_map(|(all, on, every)| {
        let part = |value: f64, side: usize| if every || on[side] { value } else { 0.0 };
        Width {
            index: part(all.0, 0),
            basis: part(all.1, 1),
            vol: part(all.2, 2),
            mark: part(all.3, 3),
            peg: part(all.4, 4),
            seconds: if every || on[5] { all.5 } else { 0 },
        }
    })
}

/// Families of a scenario document: two shortfalls, one of them with a weight below 1.
fn extra(market: &Market) -> impl Strategy<Value = ScenarioSet> + use<> {
    let market = market.clone();
    let moves = vec((-0.4..0.5, -0.6..1.2, -0.1..0.1, -0.05..0.05), 40 * 5);
    (any::<bool>(), 0.05..0.99, 0.2..1.0, moves).prop_map(move |(some, level, weight, moves)| {
        let mut set = ScenarioSet::default();
        if !some {
            return set;
        }
        let mut moves = moves.into_iter();
        for (name, count, weight) in [("history", 13, 1.0), ("simulated", 27, weight)] {
            let scenarios: Vec<Scenario> = (0..count)
                .map(|_| {
                    let mut scenario = Scenario::still("drawn", &market);
                    for shift in &mut scenario.moves {
                        let (price, vol, basis, residual) = moves.next().expect("enough of them");
                        *shift = Move { price, basis, vol: VolMove::Level(vol), ..Move::NONE };
                        scenario.residuals[1] = residual;
                    }
                    scenario.weight = weight;
                    scenario
                })
                .collect();
            set.add(name, Aggregation::ExpectedShortfall(level), scenarios);
        }
        set
    })
}

/// Lots worth about a dollar of every instrument.
fn lots(market: &Market) -> Vec<Quantity> {
    let lot = |listing: &model::Instrument| {
        let index = market.index(listing.underlying).usd().to_f64();
        let coins = listing.payoff == Payoff::Linear || listing.is_option();
        let unit = if coins { index } else { 1.0 } * listing.contract_size.to_f64();
        Quantity::from_f64(1.0 / unit, Round::Down).expect("in range").to_decimals(8, Round::Up).expect("in range")
    };
    market.instruments.iter().map(lot).collect()
}

/// The account in whole lots, without orders.
fn in_lots(account: &Account, lots: &[Quantity]) -> Account {
    let mut account = Account { orders: Vec::new(), ..account.clone() };
    for position in &mut account.positions {
        let (lot, quantity) = (lots[position.instrument.0].raw(), position.quantity.raw());
        let count = quantity / lot;
        position.quantity = Quantity::from_raw(if count == 0 { quantity.signum() * lot } else { count * lot });
    }
    account
}

/// A number from −1 to 1 for every coordinate.
#[derive(Clone)]
struct Point {
    index: Vec<f64>,
    basis: Vec<f64>,
    vol: Vec<f64>,
    mark: Vec<f64>,
    peg: Vec<f64>,
    time: f64,
}

impl std::fmt::Debug for Point {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "at {}, index {:?}", self.time, &self.index[..self.index.len().min(4)])
    }
}

fn side() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![3 => Just(-1.0), 3 => Just(1.0), 1 => Just(0.0), 3 => -1.0..1.0]
}

fn point() -> impl Strategy<Value = Point> {
    let many = || vec(side(), 64);
    (many(), many(), many(), many(), many(), prop_oneof![Just(0.0), Just(1.0), 0.0..1.0])
        .prop_map(|(index, basis, vol, mark, peg, time)| Point { index, basis, vol, mark, peg, time })
}

fn scaled(price: UsdPrice, factor: f64) -> UsdPrice {
    UsdPrice::from_f64(price.usd().to_f64() * factor, Round::Down).expect("in range")
}

fn scaled_mark(mark: QuotePrice, factor: f64) -> QuotePrice {
    QuotePrice::from_f64(mark.in_quote().to_f64() * factor, Round::Down).expect("in range")
}

/// A factor that stays just inside the box, because coordinates are rounded to decimals.
const INSIDE: f64 = 1.0 - 1e-7;

/// The market at a point of the cell around `anchor`.
fn at(anchor: &Market, width: &Width, point: &Point) -> Market {
    let mut market = anchor.clone();
    let micros = generate_seconds(width.seconds, point.time);
    market.time = Timestamp::from_micros(anchor.time.micros() + micros);
    let pick = |values: &[f64], place: usize| values[place % values.len()] * INSIDE;
    let moved: Vec<f64> =
        (0..market.underlyings.len()).map(|place| 1.0 + width.index * pick(&point.index, place)).collect();
    let mut turn = 0;
    let mut basis = || {
        turn += 1;
        1.0 + width.basis * pick(&point.basis, turn)
    };
    for (index, factor) in market.quotes.indices.iter_mut().zip(&moved) {
        *index = scaled(*index, *factor);
    }
    for expiry in &mut market.quotes.expiries {
        expiry.forward = scaled(expiry.forward, moved[expiry.underlying.0] * basis());
        expiry.forward_settled = expiry.forward_settled.min(expiry.forward);
    }
    for place in 1..market.assets.len() {
        let factor = match market.assets[place].follows {
            Some(UnderlyingId(underlying)) => moved[underlying] * basis(),
            None => 1.0 + width.peg * pick(&point.peg, place),
        };
        market.quotes.prices[place] = scaled(market.quotes.prices[place], factor);
    }
    for place in 0..market.instruments.len() {
        let factor = moved[market.instruments[place].underlying.0];
        if let Some(iv) = market.quotes.instruments[place].iv {
            let vol = 1.0 + width.vol * pick(&point.vol, place);
            if width.vol > 0.0 {
                let moved = Ratio::from_f64(iv.to_f64() * vol, Round::Down).expect("in range");
                market.quotes.instruments[place].iv = Some(moved);
            }
        } else {
            let listing = &anchor.instruments[place];
            // Written in a stablecoin that has risen, the same price is a smaller number.
            let unit = market.price(listing.quote).usd().to_f64() / anchor.price(listing.quote).usd().to_f64();
            let mark = scaled_mark(anchor.mark(listing.id), factor * basis() / unit);
            market.quotes.instruments[place].mark = mark;
            continue;
        }
        let (before, unit) = gap(anchor, place);
        let model = model_of(&market, place);
        let mark = (model + before + width.mark * unit * pick(&point.mark, place)).max(0.0);
        market.quotes.instruments[place].mark = QuotePrice::from_f64(mark, Round::Down).expect("in range");
    }
    market
}

fn generate_seconds(seconds: u32, part: f64) -> i64 {
    let micros = Price::from_f64(f64::from(seconds) * part * 1e-12, Round::Down).expect("in range").raw();
    i64::try_from(micros).expect("in range")
}

/// The model price of an option in the asset it is quoted in.
fn model_of(market: &Market, place: usize) -> f64 {
    let listing = &market.instruments[place];
    let inputs = margin::greeks::option_inputs(listing, market).expect("in range");
    let price = pricing::black76::Black76::new(inputs).expect("in range").price();
    if listing.payoff == Payoff::Linear { price } else { price / inputs.forward }
}

fn gap(market: &Market, place: usize) -> (f64, f64) {
    let listing = &market.instruments[place];
    let index = market.index(listing.underlying).usd().to_f64();
    (
        market.mark(listing.id).in_quote().to_f64() - model_of(market, place),
        if listing.payoff == Payoff::Linear { index } else { 1.0 },
    )
}

/// The exact surplus of the account over its margins.
fn exact(account: &Account, market: &Market, extra: &ScenarioSet) -> Result<(f64, f64), Refusal> {
    let judge = universal::prepare(market, &PARAMS.rules, extra, Isa::detect())?;
    let assessment = margin::assess(account, &judge)?;
    let initial = assessment.equity.minus(assessment.initial_margin).expect("in range");
    Ok((assessment.excess.expect("known").to_f64(), initial.to_f64()))
}

fn cell(market: &Market, extra: &ScenarioSet, lots: &[Quantity], width: Width) -> Cell {
    Cell::new(market, &PARAMS.rules, extra, lots, TICK, width, Isa::detect()).expect("in range")
}

fn certified(cell: &Cell, account: &Account) -> Option<Surplus> {
    let holding = cell.holding(account)?;
    let mut scratch = Scratch::default();
    let surplus = cell.surplus(&holding, &mut scratch);
    assert_eq!(surplus, cell.surplus_of(account, &mut scratch), "with and without a holding");
    Some(surplus)
}

/// The approximate gross value of an account, in USD.
fn gross(account: &Account, market: &Market) -> f64 {
    let of = |position: &Position| {
        let listing = market.listing(position.instrument);
        let index = market.index(listing.underlying).usd().to_f64();
        let coins = listing.payoff == Payoff::Linear || listing.is_option();
        let unit = if coins { index } else { 1.0 } * listing.contract_size.to_f64();
        let entry = position.entry.in_quote().to_f64() / market.mark(listing.id).in_quote().to_f64().max(1e-9);
        position.quantity.to_f64().abs() * unit * (1.0 + if listing.is_option() { 0.0 } else { entry + 1.0 / entry })
    };
    let balances = account.balances.iter();
    let balances = balances.map(|held| (held.amount.to_f64() * market.price(held.asset).usd().to_f64()).abs());
    account.positions.iter().map(of).chain(balances).sum()
}

/// The point that is worst for the account: every volatility, mark and basis against its side.
fn against(account: &Account, market: &Market, width: &Width, point: &Point) -> Market {
    let mut worse = point.clone();
    for values in [&mut worse.vol, &mut worse.mark] {
        values.resize(market.instruments.len().max(1), 0.0);
    }
    for position in &account.positions {
        let sign = if position.quantity > Quantity::ZERO { -1.0 } else { 1.0 };
        worse.vol[position.instrument.0] = sign;
        worse.mark[position.instrument.0] = sign;
    }
    at(market, width, &worse)
}

fn world() -> impl Strategy<Value = (World, Vec<Quantity>, ScenarioSet)> {
    generate::world().prop_flat_map(|mut world| {
        // A contract about to settle cannot be certified, so most accounts should not hold one.
        let (market, lots) = (world.market.clone(), lots(&world.market));
        let far = |position: &Position| {
            let expiry = market.listing(position.instrument).expiry();
            expiry.is_none_or(|expiry| {
                let terms = market.expiry(market.listing(position.instrument).underlying, expiry).expect("in range");
                expiry.seconds_since(market.time) > 1900.0 && terms.forward_settled == UsdPrice::ZERO
            })
        };
        match world.account.positions.len() % 4 {
            // An account without perpetuals and long of all that it holds has a largest loss (REQ-7).
            0 => {
                world.account.positions.retain(|held| far(held) && market.listing(held.instrument).is_option());
                for held in &mut world.account.positions {
                    held.quantity = Quantity::from_raw(held.quantity.raw().abs());
                }
            }
            3 => {}
            _ => world.account.positions.retain(far),
        }
        world.account = in_lots(&world.account, &lots);
        extra(&world.market).prop_map(move |extra| (world.clone(), lots.clone(), extra))
    })
}

/// Trades `count` lots at `ratio` of the mark and moves the balance by `gained` of the cost. Returns the trade for the
/// cell, and its possible error here in USD, where costs are not fixed point. Returns none, and trades nothing, where
/// the cell has no rows or there is no balance.
fn trade(
    cell: &Cell,
    account: &mut Account,
    (instrument, lots): (InstrumentId, &[Quantity]),
    count: f64,
    gained: f64,
    ratio: f64,
) -> Option<(Trade, f64)> {
    let (market, lot) = (cell.market(), lots[instrument.0]);
    let listing = market.listing(instrument);
    if !cell.certified(instrument) {
        return None;
    }
    let size = listing.contract_size.to_f64();
    // The value of a position at the anchor's mark, in the asset in which it is paid, beyond its row.
    let coins = |held: &Position| {
        let (units, mark, entry) = (
            held.quantity.to_f64() * size,
            market.mark(listing.id).in_quote().to_f64(),
            held.entry.in_quote().to_f64(),
        );
        match (listing.is_option() || held.quantity == Quantity::ZERO, listing.payoff) {
            (true, _) => 0.0,
            (_, Payoff::Linear) => units * (mark - entry),
            (_, Payoff::Inverse) => units / entry - units / mark,
        }
    };
    let empty = Position { instrument, quantity: Quantity::ZERO, entry: market.mark(listing.id) };
    let before = account.positions.iter().find(|held| held.instrument == instrument).copied().unwrap_or(empty);
    let more = Quantity::from_f64(lot.to_f64() * count, Round::Down).expect("in range");
    let more = Quantity::from_raw(more.raw() / lot.raw() * lot.raw());
    let quantity = before.quantity.plus(more).expect("in range");
    let after = Position { instrument, quantity, entry: scaled_mark(market.mark(listing.id), ratio) };
    let asset = listing.settle;
    let paid = gained
        * lot.to_f64()
        * size
        * if listing.payoff == Payoff::Linear { market.mark(listing.id).in_quote().to_f64() } else { 1e-5 };
    let paid = Quantity::from_f64(paid, Round::Down).expect("in range");
    let place = account.balances.iter().position(|held| held.asset == asset)?;
    let balance = account.balances[place].amount.plus(paid).expect("in range");
    account.balances[place].amount = balance;
    account.positions.retain(|held| held.instrument != instrument);
    if quantity != Quantity::ZERO {
        account.positions.push(after);
    }
    let gained = paid.to_f64();
    let lots = Price::from_raw(more.raw() / lot.raw() * Price::ONE.raw()).to_f64();
    let wrong = 1e-12 * (coins(&after).abs() + coins(&before).abs()) * 2.0 * market.price(asset).usd().to_f64();
    let unit = match (listing.is_option(), listing.payoff) {
        (true, _) => 0.0,
        (_, Payoff::Linear) => lot.to_f64() * size * market.mark(listing.id).in_quote().to_f64(),
        (_, Payoff::Inverse) => -lot.to_f64() * size / market.mark(listing.id).in_quote().to_f64(),
    };
    let paid = coins(&before) - coins(&after) - gained + lots * unit;
    let owed = (-balance.to_f64()).max(0.0);
    let held = Price::from_raw(quantity.raw() / lot.raw() * Price::ONE.raw()).to_f64();
    let cost = coins(&Position { entry: market.mark(listing.id), ..after }) - coins(&after) + held * unit;
    let cost = Quantity::from_f64(cost, Round::Up).expect("in range");
    Some((Trade { instrument, lots, held, cost, asset, paid, gained, owed }, wrong))
}

proptest! {
    #![proptest_config(config(cases(128)))]

    /// The theorem of `docs/cells.md`: a certificate is a lower bound.
    #[test]
    fn no_market_of_a_cell_has_less_surplus_than_its_certificate(
        (world, lots, extra) in world(), width in width(), points in vec(point(), 6),
    ) {
        let cell = cell(&world.market, &extra, &lots, width);
        let Some(surplus) = certified(&cell, &world.account) else { return Ok(()) };
        let surplus = cell.bounded(surplus, &world.account);
        let mut markets: Vec<Market> = points.iter().map(|point| at(&world.market, &width, point)).collect();
        markets.extend(points.iter().take(4).map(|point| against(&world.account, &world.market, &width, point)));
        for (end, moment) in [(-1.0, 0.0), (1.0, 0.0), (-1.0, 1.0), (1.0, 1.0)] {
            let point = Point { index: vec![end], time: moment, ..points[0].clone() };
            markets.push(against(&world.account, &world.market, &width, &point));
        }
        for market in &markets {
            if !cell.contains(market) {
                // A mark that would be below zero is set to zero.
                prop_assert!(market.quotes.instruments.iter().any(|quote| quote.mark == QuotePrice::ZERO));
                continue;
            }
            let Ok((maintenance, initial)) = exact(&world.account, market, &extra) else { continue };
            prop_assert!(surplus.maintenance <= maintenance, "{} above {maintenance}", surplus.maintenance);
            prop_assert!(surplus.initial <= initial, "initial: {} above {initial}", surplus.initial);
        }
    }

    /// With zero width only ticks are lost: no term of the requirement is left out or counted twice.
    #[test]
    fn a_cell_without_width_certifies_what_the_account_has((world, lots, extra) in world()) {
        let width = Width { index: 0.0, basis: 0.0, vol: 0.0, mark: 0.0, peg: 0.0, seconds: 0 };
        let cell = cell(&world.market, &extra, &lots, width);
        let Some(surplus) = certified(&cell, &world.account) else { return Ok(()) };
        let surplus = cell.bounded(surplus, &world.account);
        let Ok((maintenance, initial)) = exact(&world.account, &world.market, &extra) else { return Ok(()) };
        let slack = 1e-4 * (1.0 + gross(&world.account, &world.market));
        prop_assert!(surplus.maintenance > maintenance - slack, "{} below {maintenance}", surplus.maintenance);
        prop_assert!(surplus.initial > initial - slack, "initial: {} below {initial}", surplus.initial);
    }

    /// CELL-11: the reserve left after trades is never more than the account's surplus, in any market of the cell.
    #[test]
    fn no_trade_leaves_more_in_reserve_than_the_account_has(
        (world, lots, extra) in world(), width in width(), points in vec(point(), 3),
        steps in vec((any::<prop::sample::Index>(), -8.0..8.0, -1.0..1.0, 0.9..1.1), 1..12),
    ) {
        let World { market, mut account } = world;
        account.balances.retain(|held| held.location.is_none());
        let cell = cell(&market, &extra, &lots, width);
        let Some(surplus) = certified(&cell, &account) else { return Ok(()) };
        let (mut reserve, mut wrong) = (Reserve::new(&surplus), 0.0);
        for (which, decades, gained, ratio) in steps {
            let id = InstrumentId(which.index(market.instruments.len()));
            // From a dollar to a hundred million.
            let size = pricing::math::pow(10.0, f64::abs(decades)) * f64::signum(decades);
            let Some((trade, by)) = trade(&cell, &mut account, (id, &lots), size, gained, ratio) else { continue };
            wrong += by;
            let Some(left) = cell.spend(&reserve, &trade) else { return Ok(()) };
            reserve = left;
        }
        for point in &points {
            let at_point = [at(&market, &width, point), against(&account, &market, &width, point)];
            for market in at_point.iter().filter(|market| cell.contains(market)) {
                let judge = universal::prepare(market, &PARAMS.rules, &extra, Isa::detect());
                let Ok(assessment) = judge.and_then(|judge| margin::assess(&account, &judge)) else { continue };
                let warned = assessment.maintenance_margin.scaled(PARAMS.rules.margin.warn, Round::Up).expect("in range");
                let most = assessment.initial_margin.max(warned);
                let held = assessment.equity.minus(most).expect("in range").to_f64();
                prop_assert!(reserve.surplus() <= held + wrong, "{} above {held}", reserve.surplus());
            }
        }
    }

    /// Rows are integers and the rest is computed anew, so the path to a holding leaves no trace.
    #[test]
    fn a_holding_kept_through_fills_is_the_one_built_afresh_bit_for_bit(
        (world, lots, extra) in world(), steps in vec((any::<prop::sample::Index>(), -5_i32..=5, any::<bool>(), 0.5..2.0), 1..40),
    ) {
        let World { market, mut account } = world;
        let cell = cell(&market, &extra, &lots, NARROW);
        let Some(mut holding) = cell.holding(&account) else { return Ok(()) };
        let mut scratch = Scratch::default();
        for (which, count, fill, ratio) in steps {
            let id = InstrumentId(which.index(market.instruments.len()));
            let holdable = market.listing(id).kind != InstrumentKind::Spot;
            if fill && holdable {
                let quantity = Quantity::from_raw(i128::from(count) * lots[id.0].raw());
                let entry = scaled_mark(market.mark(id), ratio);
                let position = Position { instrument: id, quantity, entry };
                account.positions.retain(|held| held.instrument != id);
                if count != 0 {
                    account.positions.push(position);
                }
                cell.trade(&mut holding, &position);
            } else {
                let (asset, amount) = (AssetId(which.index(market.assets.len())), generate::quantity(f64::from(count) * ratio));
                let location = ["ethereum", "atlantis"].get(which.index(3)).copied();
                let held = account.balances.iter_mut().find(|held| held.asset == asset && held.location.as_deref() == location);
                match held {
                    Some(held) => held.amount = held.amount.plus(amount).expect("in range"),
                    None => account.balances.push(Balance { asset, amount, location: location.map(str::to_owned) }),
                }
                cell.credit(&mut holding, asset, location, amount);
            }
            let Some(afresh) = cell.holding(&account) else {
                prop_assert!(holding.is_lost());
                prop_assert_eq!(cell.surplus(&holding, &mut scratch), Surplus::NONE);
                return Ok(());
            };
            prop_assert!(holding == afresh, "{holding:?}\n{afresh:?}");
            prop_assert_eq!(cell.surplus(&holding, &mut scratch), cell.surplus(&afresh, &mut scratch));
        }
    }

    /// The effect of a fill, tested in place, equals the effect of the actual fill; undone, it leaves every bit unchanged.
    #[test]
    fn a_fill_that_is_taken_back_leaves_the_holding_as_it_was_bit_for_bit(
        (world, lots, extra) in world(), steps in vec((any::<prop::sample::Index>(), -5_i32..=5, 0.5..2.0, 0..3_usize, any::<bool>()), 1..40),
    ) {
        let World { market, account } = world;
        let cell = cell(&market, &extra, &lots, NARROW);
        let Some(mut holding) = cell.holding(&account) else { return Ok(()) };
        let mut scratch = Scratch::default();
        for (which, count, ratio, credits, kept) in steps {
            let id = InstrumentId(which.index(market.instruments.len()));
            // A few lots, and occasionally more than sums can represent.
            let many = if count == 5 && kept { 10_i128.pow(10) } else { 1 };
            let quantity = Quantity::from_raw(i128::from(count) * lots[id.0].raw() * many);
            let position = Position { instrument: id, quantity, entry: scaled_mark(market.mark(id), ratio) };
            let credit = |place: usize| (AssetId((which.index(97) + place) % market.assets.len()), generate::quantity(f64::from(count) * ratio));
            let credits: Vec<(AssetId, Quantity)> = (0..credits).map(credit).collect();
            let before = holding.clone();
            let mut done = holding.clone();
            let held = cell.trade(&mut done, &position);
            let held = credits.iter().fold(held, |held, (asset, amount)| cell.credit(&mut done, *asset, None, *amount) && held);
            let surplus = cell.surplus_after(&mut holding, &position, &credits, &mut scratch);
            prop_assert_eq!(surplus, cell.surplus(&done, &mut scratch));
            prop_assert!(holding == if held { done } else { before.clone() }, "{holding:?}");
            if !kept {
                cell.undo(&mut holding);
                prop_assert!(holding == before, "{holding:?}\n{before:?}");
                prop_assert_eq!(cell.surplus(&holding, &mut scratch), cell.surplus(&before, &mut scratch));
            }
        }
    }

    /// A step over any side of the box leaves the cell; a step to just before it does not.
    #[test]
    fn a_cell_contains_its_sides_and_nothing_beyond(
        (world, lots, _) in world(), point in point(), outside in 0..6_usize, which in any::<prop::sample::Index>(),
    ) {
        let width = Width { index: 0.01, basis: 0.001, vol: 0.01, mark: 0.0001, peg: 0.001, seconds: 100 };
        let cell = cell(&world.market, &ScenarioSet::default(), &lots, width);
        let inside = at(&world.market, &width, &point);
        if inside.quotes.instruments.iter().any(|quote| quote.mark == QuotePrice::ZERO) {
            // A mark that would be below zero was set to zero, so this market is no point of the cell.
            return Ok(());
        }
        prop_assert!(cell.contains(&inside));
        let mut market = inside.clone();
        match outside {
            0 => {
                let underlying = which.index(market.underlyings.len());
                // Nothing on a basket can be certified, so its index is not checked.
                if market.is_basket(UnderlyingId(underlying)) {
                    return Ok(());
                }
                let anchor = world.market.index(UnderlyingId(underlying));
                market.quotes.indices[underlying] = scaled(anchor, 1.0 - 1.00001 * width.index);
            }
            1 => {
                let place = which.index(market.instruments.len());
                let listing = &world.market.instruments[place];
                if listing.kind != InstrumentKind::Perpetual || !cell.certified(InstrumentId(place)) {
                    return Ok(());
                }
                let unit = market.usd_per_counter(listing).in_units_of(world.market.usd_per_counter(listing));
                let ratio = market.index(listing.underlying).usd().to_f64()
                    / world.market.index(listing.underlying).usd().to_f64()
                    / unit;
                market.quotes.instruments[place].mark = scaled_mark(world.market.mark(listing.id), ratio * (1.0 + 1.00001 * width.basis));
            }
            2 => {
                let place = which.index(market.instruments.len());
                let (instrument, entry) = (InstrumentId(place), generate::price(1.0));
                let position = Position { instrument, quantity: lots[place], entry };
                if cell.holding(&Account { positions: vec![position], ..Account::default() }).is_none() {
                    return Ok(());
                }
                let Some(anchor) = world.market.iv(instrument) else { return Ok(()) };
                let moved = Ratio::from_f64(anchor.to_f64() * (1.0 + 1.00001 * width.vol), Round::Up).expect("in range");
                market.quotes.instruments[place].iv = Some(moved);
            }
            3 => market.quotes.prices[1] = scaled(world.market.price(AssetId(1)), 1.0 + 1.00001 * width.peg),
            4 => market.time = Timestamp::from_micros(world.market.time.micros() + 100_000_001),
            _ => {
                let place = which.index(market.instruments.len());
                // An expired instrument, or one on a basket, is in no account that can be certified, so it is not checked.
                if market.is_basket(market.instruments[place].underlying) {
                    return Ok(());
                }
                if market.instruments[place].expiry().is_some_and(|expiry| expiry <= world.market.time) {
                    return Ok(());
                }
                Arc::make_mut(&mut market.listings).instruments[place].fee_rate = Some(Ratio::from_raw(1));
            }
        }
        prop_assert!(!cell.contains(&market));
    }
}

/// The number of cases; `UPM_CASES` sets more.
fn cases(least: u32) -> u32 {
    std::env::var("UPM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(least)
}

/// A pseudo-random number from 0 to 1; the same on every run.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).expect("in range")) / 4_294_967_296.0
    }
}

/// BTC and ETH with perpetuals, futures and `strikes` calls and puts in each of five expiries.
fn venue(strikes: u32) -> Market {
    let mut document = generate::empty_market();
    document.assets.extend([
        generate::asset("USDC", 0.9999, None),
        generate::asset("BTC", 80_000.0, None),
        generate::asset("ETH", 2_500.0, None),
    ]);
    for (name, index, vol) in [("BTC", 80_000.0, 0.45), ("ETH", 2_500.0, 0.6)] {
        let mut entry = generate::underlying(name, index);
        for payoff in [Payoff::Linear, Payoff::Inverse] {
            let listed = generate::perpetual(&format!("{name}-{payoff:?}"), name, payoff, index * 1.0002);
            document.instruments.push(InstrumentDocument { funding_rate_8h: Some(generate::ratio(0.0001)), ..listed });
        }
        for (place, days) in [2.0, 9.0, 30.0, 90.0, 200.0].into_iter().enumerate() {
            let forward = index * (1.0 + 0.0001 * days);
            let terms = generate::expiry([2, 9, 30, 90, 200][place] * 86_400, forward, 0.0, None);
            let listed = generate::perpetual(&format!("{name}-{days}"), name, Payoff::Linear, forward);
            document.instruments.push(InstrumentDocument {
                kind: KindDocument::Future,
                expiry: Some(terms.expiry),
                ..listed
            });
            for strike in 0..strikes {
                let step = f64::from(strike) - 0.5 * f64::from(strikes);
                let spread = vol * (days / 365.0).sqrt() * 4.0 / f64::from(strikes);
                let at = (forward * (1.0 + step * spread)).max(0.2 * forward);
                let right = if strike % 2 == 0 { Right::Call } else { Right::Put };
                let payoff = if strike % 4 < 2 { Payoff::Linear } else { Payoff::Inverse };
                let listed = format!("{name}-{days}-{strike}");
                document.instruments.push(generate::option(&listed, name, &terms, (at, right, payoff), (vol, 0.0)));
            }
            entry.expiries.push(terms);
        }
        document.underlyings.push(entry);
    }
    Market::new(&document).expect("in range")
}

/// An account of some positions, with equity a little above its margin.
fn drawn(market: &Market, lots: &[Quantity], draw: &mut Draw, positions: usize, utilisation: f64) -> Account {
    let mut account = Account { name: "drawn".to_owned(), ..Account::default() };
    while account.positions.len() < positions {
        let place = usize::try_from(generate_seconds(1, draw.next())).expect("in range") % market.instruments.len();
        let instrument = InstrumentId(place);
        if account.positions.iter().any(|held| held.instrument == instrument) {
            continue;
        }
        let count = i128::from(i32::try_from(generate_seconds(1, draw.next()) / 20).expect("in range")) - 25_000;
        let quantity = Quantity::from_raw(count * lots[instrument.0].raw());
        account.positions.push(Position { instrument, quantity, entry: market.mark(instrument) });
    }
    let coins = Quantity::from_f64(draw.next() * 0.5, Round::Down).expect("in range");
    account.balances.push(Balance { asset: market.asset("BTC").expect("in range"), amount: coins, location: None });
    let (excess, _) = exact(&account, market, &ScenarioSet::default()).expect("in range");
    let judge = universal::prepare(market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).expect("in range");
    let margin = margin::assess(&account, &judge).expect("in range").maintenance_margin.to_f64();
    let cash = generate::quantity(margin / utilisation - margin - excess);
    account.balances.push(Balance { asset: AssetId(0), amount: cash, location: None });
    account
}

/// Where nothing diversifies, the reserve equals the surplus: more of the same perpetual and option, both ways, up to
/// the size at which leaving moves the market, and coins that are sold at a discount.
#[test]
fn more_of_the_same_costs_what_it_costs_at_its_size() {
    let still = Width { index: 0.0, basis: 0.0, vol: 0.0, mark: 0.0, peg: 0.0, seconds: 0 };
    let (market, none) = (venue(4), ScenarioSet::default());
    let lots = lots(&market);
    let cell = cell(&market, &none, &lots, still);
    let judge = universal::prepare(&market, &PARAMS.rules, &none, Isa::detect()).expect("in range");
    for (name, sign, gained, most_away) in [
        ("BTC-Linear", 1.0, 0.0, 0.15),
        ("BTC-Linear", -1.0, 0.0, 0.15),
        ("BTC-30-0", 1.0, 0.0, 0.15),
        ("BTC-30-0", -1.0, 0.0, 0.15),
        ("ETH-Inverse", 1.0, 1e7, 1.0),
        ("ETH-Inverse", 1.0, -1e7, 1.0),
    ] {
        let instrument = market.instrument(name).expect("listed");
        let (balance, listing) = (Quantity::ZERO, market.listing(instrument));
        let asset = listing.settle;
        let balance = Balance { asset, amount: balance, location: None };
        let mut account = Account { balances: vec![balance], ..Account::default() };
        let mut reserve = Reserve::new(&certified(&cell, &account).expect("nothing is held"));
        for size in [1e4, 1e6, 1e7, 1e8, 3e8, 1e9, 3e9] {
            let told = trade(&cell, &mut account, (instrument, &lots), sign * size, gained, 1.0);
            let (told, _) = told.expect("it has rows");
            reserve = cell.spend(&reserve, &told).expect("it has rows");
            let assessment = margin::assess(&account, &judge).expect("in range");
            let warned = assessment.maintenance_margin.scaled(PARAMS.rules.margin.warn, Round::Up).expect("in range");
            let most = assessment.initial_margin.max(warned);
            let held = assessment.equity.minus(most).expect("in range").to_f64();
            let away = (held - reserve.surplus()) / gross(&account, &market);
            assert!((0.0..most_away).contains(&away), "{name} {sign} {size}: {} of {held}", reserve.surplus());
        }
    }
}

/// CELL-12: where the marks of an account are worth less than what it must be left with, its margin is 0 and its excess is its
/// equity, which is what is certified.
#[test]
fn no_more_than_equity_is_certified_of_a_loss_that_has_a_bound() {
    let listed = |name: &str, right: Right, strike: i32| {
        let listing = match right {
            Right::Call => model::Instrument::call(name, "BTC", "2026-12-20T08:00:00Z", strike),
            Right::Put => model::Instrument::put(name, "BTC", "2026-12-20T08:00:00Z", strike),
        };
        listing.linear("USD").mark(9_000).iv("0.3")
    };
    let market = Market::builder("2026-11-20T08:00:00Z")
        .underlying(model::Underlying::builder("BTC", 80_000).expiry("2026-12-20T08:00:00Z", 80_000))
        .instrument(listed("C", Right::Call, 70_000))
        .instrument(listed("P", Right::Put, 90_000))
        .build()
        .expect("valid");
    // One of them pays 20,000 at any price, and both are worth 18,000.
    let bought = |place: usize| {
        let instrument = InstrumentId(place);
        Position { instrument, quantity: Quantity::ONE, entry: market.mark(instrument) }
    };
    let account = Account { positions: vec![bought(0), bought(1)], ..Account::default() };
    let (none, lots) = (ScenarioSet::default(), vec![Quantity::ONE; 2]);
    let still = Width { index: 0.0, basis: 0.0, vol: 0.0, mark: 0.0, peg: 0.0, seconds: 0 };
    let cell = cell(&market, &none, &lots, still);
    let surplus = cell.bounded(certified(&cell, &account).expect("whole lots"), &account);
    let (maintenance, _) = exact(&account, &market, &none).expect("in range");
    assert_eq!(maintenance, 18_000.0);
    assert!(surplus.maintenance <= maintenance && surplus.maintenance > 17_999.0, "{surplus:?}");
}

/// Measures how much a certificate underestimates. Run with `--nocapture` for the table of `docs/cells.md`.
#[test]
fn a_narrow_cell_certifies_most_healthy_accounts() {
    let market = venue(8);
    let lots = lots(&market);
    let mut draw = Draw(7);
    let mut accounts: Vec<Account> = Vec::new();
    for utilisation in [0.3, 0.6, 0.8, 0.9, 0.95, 0.99] {
        for _ in 0..20 {
            accounts.push(drawn(&market, &lots, &mut draw, 10, utilisation));
        }
    }
    for (name, width) in [
        ("±0.05 % index, ±0.2 % vol", Width { index: 0.0005, vol: 0.002, basis: 0.0001, peg: 0.0001, ..NARROW }),
        ("±0.5 % index, ±0.5 % vol", NARROW),
        ("±2 % index, ±2 % vol", Width { index: 0.02, vol: 0.02, ..NARROW }),
    ] {
        let cell = cell(&market, &ScenarioSet::default(), &lots, width);
        let mut scratch = Scratch::default();
        let mut slack = Vec::new();
        for (group, accounts) in accounts.chunks(20).enumerate() {
            let mut certified = 0;
            for account in accounts {
                let surplus = cell.surplus_of(account, &mut scratch);
                let judge = universal::prepare(&market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect())
                    .expect("in range");
                let assessment = margin::assess(account, &judge).expect("in range");
                certified += u32::from(surplus.maintenance > 0.0);
                slack.push(
                    (assessment.excess.expect("known").to_f64() - surplus.maintenance) / assessment.equity.to_f64(),
                );
            }
            println!("{name}: utilisation group {group}: {certified} of {}", accounts.len());
            if group < 3 && width.index < 0.01 {
                assert!(certified >= 18, "{name} {group} {certified}");
            }
        }
        slack.sort_by(f64::total_cmp);
        println!(
            "{name}: slack over equity: median {:.5}, 90 % {:.5}",
            slack[slack.len() / 2],
            slack[slack.len() * 9 / 10]
        );
    }
}

/// Cases for which no certificate can be given.
#[test]
fn an_account_that_the_argument_does_not_cover_has_no_certificate() {
    let market = venue(4);
    let lots = lots(&market);
    let cell = cell(&market, &ScenarioSet::default(), &lots, NARROW);
    let perpetual = market.instrument("BTC-Linear").expect("in range");
    let held = |quantity: Quantity| Account {
        positions: vec![Position { instrument: perpetual, quantity, entry: market.mark(perpetual) }],
        ..Account::default()
    };
    let lot = lots[perpetual.0];
    assert!(cell.holding(&held(lot)).is_some());
    assert!(cell.holding(&held(Quantity::from_raw(lot.raw() + 1))).is_none());
    assert!(cell.holding(&held(Quantity::from_raw(lot.raw() * 10_i128.pow(10)))).is_none());
    let mut holding = Holding::default();
    let mut scratch = Scratch::default();
    assert!(cell.rebuild(&held(lot), &mut holding));
    assert!(cell.surplus(&holding, &mut scratch).initial.is_finite());
    holding.set_orders(true);
    assert_eq!(cell.surplus(&holding, &mut scratch).initial, f64::NEG_INFINITY);
    assert!(cell.surplus(&holding, &mut scratch).maintenance.is_finite());
    // Two days less half an hour: the nearest expiry is no longer held, the others are.
    let long = Width { seconds: 2 * 86_400 - 1799, ..NARROW };
    let cell = self::cell(&market, &ScenarioSet::default(), &lots, long);
    let of = |name: &str| {
        let instrument = market.instrument(name).expect("in range");
        Account {
            positions: vec![Position { instrument, quantity: lots[instrument.0], entry: generate::price(1.0) }],
            ..Account::default()
        }
    };
    assert!(cell.holding(&of("BTC-2-0")).is_none() && cell.holding(&of("BTC-9-0")).is_some());
    let refused = |width: Width| {
        Cell::new(&market, &PARAMS.rules, &ScenarioSet::default(), &lots, TICK, width, Isa::detect()).is_err()
    };
    assert!(refused(Width { index: -0.1, ..NARROW }) && refused(Width { vol: 0.5, ..NARROW }));
    assert!(refused(Width { peg: f64::NAN, ..NARROW }) && !refused(NARROW));
}

/// CELL-3, SCN-7: what depends on a basket is not certified, neither as a position nor as a balance; what its parts hold is,
/// as if there were no basket.
#[test]
fn nothing_on_a_basket_is_certified() {
    let mut document = generate::empty_market();
    document.assets = vec![generate::asset("USDC", 1.0, None), generate::asset("TOKEN", 990.0, Some("INDEX"))];
    document.underlyings = vec![generate::underlying("BTC", 80_000.0), generate::underlying("ETH", 4_000.0)];
    for (name, index) in [("BTC", 80_000.0), ("ETH", 4_000.0)] {
        document.instruments.push(generate::perpetual(name, name, Payoff::Linear, index));
    }
    let token = document.assets.pop().expect("it was listed");
    let plain = Market::new(&document).expect("valid");
    document.assets.push(token);
    let mut entry = generate::underlying("INDEX", 1_000.0);
    entry.basket = Some(generate::basket(1_000.0, &[("BTC", 80_000.0, 0.7), ("ETH", 4_000.0, 0.3)]));
    document.underlyings.push(entry);
    document.instruments.push(generate::perpetual("INDEX", "INDEX", Payoff::Linear, 1_000.0));
    let market = Market::new(&document).expect("valid");
    let lots = lots(&market);
    let none = ScenarioSet::default();
    let cell = cell(&market, &none, &lots, NARROW);
    let held = |name: &str| {
        let instrument = market.instrument(name).expect("listed");
        let quantity = Quantity::from_raw(lots[instrument.0].raw() * 1000);
        let positions = vec![Position { instrument, quantity, entry: market.mark(instrument) }];
        let cash = Balance { asset: AssetId(0), amount: generate::quantity(1000.0), location: None };
        Account { positions, balances: vec![cash], ..Account::default() }
    };
    assert!(cell.holding(&held("INDEX")).is_none());
    let token = market.asset("TOKEN").expect("listed");
    let owner = |amount: f64| {
        let balance = Balance { asset: token, amount: generate::quantity(amount), location: None };
        Account { balances: vec![balance], ..Account::default() }
    };
    assert!(cell.holding(&owner(1.0)).is_none() && cell.holding(&owner(-1.0)).is_none());
    let mut holding = cell.holding(&held("BTC")).expect("it can be held");
    assert!(!cell.credit(&mut holding, token, None, generate::quantity(1.0)) && holding.is_lost());
    // The sample has no negative surplus in it, so the certificate is a real one.
    let surplus = certified(&cell, &held("ETH")).expect("it can be held");
    let without = self::cell(&plain, &none, &lots[..2], NARROW);
    assert_eq!(surplus, certified(&without, &held("ETH")).expect("it can be held"));
    // The basket may leave every box; a market with another basket is another market.
    let mut moved = market.clone();
    moved.quotes.indices[2] = scaled(moved.quotes.indices[2], 1.5);
    assert!(cell.contains(&moved));
    Arc::make_mut(&mut moved.listings).underlyings[2].basket = None;
    assert!(!cell.contains(&moved));
}

/// CELL-2, FAM-9: a stablecoin that leaves par is a token, with other scenarios, and a token that comes near par is none.
#[test]
fn a_stablecoin_that_has_lost_its_par_is_not_in_the_cell() {
    let width = Width { peg: 0.05, ..NARROW };
    let priced = |dollar: f64| {
        let mut document = generate::empty_market();
        document.assets.extend([generate::asset("USDC", dollar, None), generate::asset("MEME", dollar, None)]);
        Market::new(&document).expect("valid")
    };
    let contains =
        |anchor: f64, now: f64| cell(&priced(anchor), &ScenarioSet::default(), &[], width).contains(&priced(now));
    assert!(contains(0.81, 0.80) && contains(0.79, 0.76) && contains(1.21, 1.24));
    assert!(!contains(0.81, 0.79) && !contains(0.79, 0.81) && !contains(1.19, 1.21));
}

/// CELL-5: a skew acts over all moneyness values in the cell. A hedged call loses most where strikes above the forward
/// lose volatility, and it loses more of it the lower the forward is.
#[test]
fn a_skew_is_widened_over_the_cell() {
    let market = venue(8);
    let lots = lots(&market);
    let mut rules = PARAMS.rules.clone();
    // Removes most other scenarios that could bind.
    (rules.scan.vol_down, rules.vol.twist, rules.depeg.weight) = (0.0, 0.0, 0.01);
    (rules.vol.skew, rules.vol.skew_cap, rules.vol.beyond) = (8.0, 0.9, 1.0);
    let held = |name: &str, count: i128| {
        let instrument = market.instrument(name).expect("in range");
        let quantity = Quantity::from_raw(count * lots[instrument.0].raw());
        Position { instrument, quantity, entry: market.mark(instrument) }
    };
    let account = Account {
        name: "hedged".to_owned(),
        positions: vec![held("ETH-200-4", 100_000), held("ETH-Linear", -57_000)],
        balances: vec![Balance { asset: AssetId(0), amount: generate::quantity(100_000.0), location: None }],
        ..Account::default()
    };
    let none = ScenarioSet::default();
    let width = Width { index: 0.03, basis: 0.0, vol: 0.0, mark: 0.0, peg: 0.0, seconds: 0 };
    let cell = Cell::new(&market, &rules, &none, &lots, TICK, width, Isa::detect()).expect("in range");
    let surplus = certified(&cell, &account).expect("it can be held");
    for side in [-1.0, -0.5, 0.0, 0.5, 1.0] {
        let still = vec![0.0; 64];
        let point = Point {
            index: vec![side],
            basis: still.clone(),
            vol: still.clone(),
            mark: still.clone(),
            peg: still,
            time: 0.0,
        };
        let moved = at(&market, &width, &point);
        assert!(cell.contains(&moved));
        let judge = universal::prepare(&moved, &rules, &none, Isa::detect()).expect("in range");
        let assessment = margin::assess(&account, &judge).expect("in range");
        let excess = assessment.excess.expect("known").to_f64();
        assert!(surplus.maintenance <= excess, "{side}: {} above {excess}", surplus.maintenance);
        if side < 0.0 {
            assert_eq!(assessment.core.scenario, "high strikes down, low strikes up");
        }
    }
}
