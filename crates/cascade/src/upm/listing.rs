//! The venue's listings, the rules for reading its prices, and its policy.

use engine::state::{AssetTerms, InstrumentTerms, LARGEST_AMOUNT, Policy, UnderlyingTerms};
use engine::{AccountId, Command};
use marks::{FeedRules, Source};
use model::{AssetId, InstrumentId, InstrumentKind, Payoff, USD, UnderlyingId};
use units::{Money, Price, Quantity, Ratio, Round, Timestamp};

use crate::calibration::{COINS, Calibration, Coin};

/// A second, in microseconds.
pub const SECOND: i64 = 1_000_000;
/// The sources of each price. There is one market, so all report the same.
pub const SOURCES: [u32; 3] = [1, 2, 3];
/// The other side of every trade on the market.
pub const MAKER: AccountId = AccountId(0);
/// The account that takes over portfolios.
pub const BACKSTOP: AccountId = AccountId(1);
/// The number of the first trader.
const FIRST_TRADER: u32 = 2;
/// A price becomes invalid after a minute without reports.
const HEARTBEAT: i64 = 60 * SECOND;
/// The smallest step of a price, USD a coin.
const TICK: Price = Price::from_raw(Price::ONE.raw() / 1000);

/// The account of a trader, by place in the population.
pub fn trader(place: usize) -> AccountId {
    AccountId(FIRST_TRADER + u32::try_from(place).expect("thousands of traders"))
}

/// The place in the population of an account's trader.
pub fn place_of(account: AccountId) -> Option<usize> {
    account.0.checked_sub(FIRST_TRADER).map(|place| usize::try_from(place).expect("a u32 fits"))
}

/// The underlying of a coin.
pub fn underlying(coin: usize) -> UnderlyingId {
    UnderlyingId(coin)
}

/// The coin itself, as an asset.
pub fn asset(coin: usize) -> AssetId {
    AssetId(1 + coin)
}

/// The perpetual of a coin.
pub fn perpetual(coin: usize) -> InstrumentId {
    InstrumentId(coin)
}

/// The coin of an instrument: perpetuals are listed first, then spot markets in the same order.
pub fn coin_of(instrument: InstrumentId) -> usize {
    instrument.0 % COINS
}

/// The time when a run begins.
pub fn start() -> Timestamp {
    "2025-10-10T20:45:00Z".parse().expect("a moment")
}

/// The engine's own parameters as published, except for limits that concern how the population comes in: deposits count
/// at once, and neither the funds nor the size of other accounts bound open interest.
pub fn policy() -> Policy {
    let wide = Money::from_raw(1_000_000_000_000_000 * Money::ONE.raw());
    Policy { collateral_ramp: 1, fund_floor: wide, share_floor: wide, ..Policy::default() }
}

/// The commands that list the coins, their perpetuals and their spot markets.
pub fn commands(calibration: &Calibration) -> Vec<Command> {
    let fee = ratio(calibration.fee);
    let coins = || calibration.coins.iter().enumerate();
    let underlyings = coins().map(|(_, coin)| {
        Command::ListUnderlying(Box::new(UnderlyingTerms {
            name: coin.name.to_owned(),
            reference: price(coin.price),
            feed: rules(),
            adv_usd: None,
            depth: Vec::new(),
            open_interest_usd: Money::from_raw(1_000_000_000_000_000 * Money::ONE.raw()),
        }))
    });
    let assets = coins().map(|(place, coin)| {
        Command::ListAsset(Box::new(AssetTerms {
            name: coin.name.to_owned(),
            reference: price(coin.price),
            follows: Some(underlying(place)),
            feed: None,
            adv_usd: None,
            depth: Vec::new(),
            cap: LARGEST_AMOUNT,
        }))
    });
    let kinds = [("PERP", InstrumentKind::Perpetual), ("SPOT", InstrumentKind::Spot)];
    let instruments = kinds.into_iter().flat_map(|(name, kind)| {
        coins().map(move |(place, coin)| {
            let name = format!("{}-{name}", coin.name);
            Command::ListInstrument(Box::new(InstrumentTerms {
                name,
                kind: kind.clone(),
                underlying: underlying(place),
                payoff: Payoff::Linear,
                quote: USD,
                settle: USD,
                contract_size: lot(coin),
                lot: Quantity::ONE,
                tick: TICK,
                max_order: 1_000_000_000,
                max_open: 1_000_000_000,
                band: Ratio::from_raw(Ratio::ONE.raw() / 5),
                fee_rate: Some(fee),
                feed: None,
            }))
        })
    });
    underlyings.chain(assets).chain(instruments).collect()
}

/// The rules of an index: three sources that agree within 5 %. The collar is wide, as for outside sources: a crash that
/// all sources report is a price.
fn rules() -> FeedRules {
    let percent = |whole: i128| Ratio::from_raw(whole * (Ratio::ONE.raw() / 100));
    FeedRules {
        sources: SOURCES.map(|source| Source { source, max_age_micros: HEARTBEAT, bounds: None }).to_vec(),
        quorum: 3,
        band: percent(5),
        dispersion: percent(2),
        scale: Price::from_raw(Price::ONE.raw() / 100),
        max_confidence: percent(2),
        max_future_micros: SECOND,
        collar: percent(50),
        handover: percent(10),
        fast_micros: 60 * SECOND,
        slow_micros: 600 * SECOND,
        signed: false,
    }
}

/// The coins of one lot, to six decimals.
pub fn lot(coin: &Coin) -> Quantity {
    let exact = Quantity::from_f64(coin.lot + 0.5e-6, Round::Down).and_then(|lot| lot.to_decimals(6, Round::Down));
    exact.expect("a lot is a decimal of few places")
}

/// A price of `usd` a coin, rounded down to a tick.
pub fn price(usd: f64) -> Price {
    on_tick(usd + 0.5e-9, Round::Down)
}

/// A price of `usd` a coin, rounded to a tick.
pub fn on_tick(usd: f64, round: Round) -> Price {
    let raw = Price::from_f64(usd, round).expect("finite, and far below the range").raw();
    let below = raw - raw.rem_euclid(TICK.raw());
    Price::from_raw(if round == Round::Up && below != raw { below + TICK.raw() } else { below })
}

/// A share, to 10⁻⁹.
fn ratio(share: f64) -> Ratio {
    let exact = Ratio::from_f64(share + 0.5e-9, Round::Down).and_then(|ratio| ratio.to_decimals(9, Round::Down));
    exact.expect("a share is small")
}
