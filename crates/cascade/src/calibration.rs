//! The numbers of the market and of the traders, each with its source.
//!
//! They are fixed before engines are compared, and are the same for all. An assumption is marked as one.

use serde::Serialize;

/// Coins of the simulated venue.
pub const COINS: usize = 2;

/// The number of coins, to count with.
const COIN_COUNT: u32 = 2;

/// One number for each coin.
pub type PerCoin = [f64; COINS];

/// One perpetual market, spot included.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coin {
    /// The coin's symbol, such as `BTC`.
    pub name: &'static str,
    /// USD a coin at the beginning.
    pub price: f64,
    /// Coins that one lot stands for.
    pub lot: f64,
    /// Open interest at the beginning, in USD: the sum of all longs.
    pub open_interest: f64,
    /// USD that move the price by one part in a hundred in a quiet market.
    pub depth: f64,
    /// Distance from the mark to the best price, as a part of it.
    pub half_spread: f64,
    /// Maintenance margin, as a part of the notional.
    pub maintenance: f64,
    /// Highest leverage at the beginning: notional over margin.
    pub leverage_max: f64,
    /// Annual volatility, from hourly returns.
    pub volatility: f64,
    /// Median leverage of longs.
    pub long_leverage: f64,
    /// Standard deviation of the logarithm of leverage.
    pub leverage_spread: f64,
    /// Median leverage of shorts.
    pub short_leverage: f64,
}

/// All inputs of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Calibration {
    /// The market of each coin.
    pub coins: [Coin; COINS],
    /// Correlation of the coins' returns.
    pub correlation: f64,
    /// The length of a step, in seconds.
    pub step: u32,
    /// The permanent part of the price impact on the quiet book.
    pub permanent: f64,
    /// Seconds in which half of the temporary impact is gone.
    pub resilience: f64,
    /// The distance from the path's price at which patient buyers and sellers add the quiet depth once more.
    pub patience: f64,
    /// Makers stay while the move of a minute is below this many standard deviations.
    pub calm: f64,
    /// Above that, depth falls with this power of the move.
    pub withdrawal: f64,
    /// The least depth, as a part of the quiet depth.
    pub depth_min: f64,
    /// Seconds in which makers forget half of the logarithm of a move.
    pub memory: f64,
    /// The number of naked longs of one coin.
    pub longs: u32,
    /// The number of naked shorts of one coin.
    pub shorts: u32,
    /// The number of shorts of one coin that hold the coin.
    pub carriers: u32,
    /// The number of accounts long one coin and short the other, for each direction.
    pub pairs: u32,
    /// Part of the short open interest whose holders own the coin.
    pub carried: f64,
    /// Part of the open interest, on either side, held against the other coin.
    pub paired: f64,
    /// Standard deviation of the logarithm of position size.
    pub size_spread: f64,
    /// The most days since positions were opened; their profits follow from it.
    pub age: f64,
    /// Taker fee, as a part of the notional; it goes to the venue, the same for all engines.
    pub fee: f64,
    /// The support of the venue as a part of all open interest: funds and backstop together.
    pub support: f64,
    /// Haircut on coins, where they are collateral.
    pub haircut: f64,
}

/// The source of a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// The name of the number or numbers.
    pub what: &'static str,
    /// The value or values.
    pub value: String,
    /// The statistic that gives it.
    pub statistic: &'static str,
    /// The file, or the rule identifier of a published figure; "assumption" where there is neither.
    pub source: &'static str,
}

impl Default for Calibration {
    /// Bitcoin and ether on 10 October 2025, before the fall; see [`Calibration::evidence`].
    fn default() -> Self {
        Self {
            coins: [
                Coin {
                    name: "BTC",
                    price: 116_970.0,
                    lot: 0.001,
                    open_interest: 2.0e9,
                    depth: 14.7e6,
                    half_spread: 4.3e-6,
                    maintenance: 0.0125,
                    leverage_max: 40.0,
                    volatility: 0.295,
                    long_leverage: 4.7,
                    leverage_spread: 0.70,
                    short_leverage: 2.8,
                },
                Coin {
                    name: "ETH",
                    price: 4_014.0,
                    lot: 0.01,
                    open_interest: 2.48e9,
                    depth: 46.3e6,
                    half_spread: 11.2e-6,
                    maintenance: 0.02,
                    leverage_max: 25.0,
                    volatility: 0.523,
                    long_leverage: 4.7,
                    leverage_spread: 0.40,
                    short_leverage: 2.8,
                },
            ],
            correlation: 0.80,
            step: 2,
            permanent: 0.03,
            resilience: 150.0,
            patience: 0.02,
            calm: 4.0,
            withdrawal: 2.06,
            depth_min: 0.02,
            memory: 5160.0,
            longs: 1250,
            shorts: 500,
            carriers: 100,
            pairs: 150,
            carried: 0.25,
            paired: 0.10,
            size_spread: 1.46,
            age: 30.0,
            fee: 0.000_45,
            support: 0.01,
            haircut: 0.10,
        }
    }
}

impl Calibration {
    /// The same market with about this many traders, at least one of each kind. They hold the same open interest, so that
    /// each holds more where they are fewer.
    #[must_use]
    pub fn with_traders(self, traders: u32) -> Self {
        let all = COIN_COUNT * (self.longs + self.shorts + self.carriers + self.pairs);
        let part = |count: u32| {
            let scaled = u64::from(count) * u64::from(traders) / u64::from(all.max(1));
            u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
        };
        let (longs, shorts, carriers, pairs) =
            (part(self.longs), part(self.shorts), part(self.carriers), part(self.pairs));
        Self { longs, shorts, carriers, pairs, ..self }
    }

    /// Every number with its source.
    pub fn evidence(&self) -> Vec<Evidence> {
        const DEPTH: &str = "depth/hyperliquid_depth_50bps_6h_2024-01_2025-12.csv.gz";
        const INTEREST: &str = "liquidations/open_interest_usd_2025-12_2026-03.parquet";
        const DAILY: &str = "liquidations/hyperliquid_daily_liquidation_volume_2025-12_2026-01.csv";
        const SINGLE: &str = "liquidations/hyperliquid_liquidations_2023-02_2023-05.csv";
        const HOURLY: &str = "prices/binance_usdm_perp_hourly_hlcv.parquet";
        const WINDOW: &str = "prices/crash_windows_intraday.parquet";
        let coins = |value: fn(&Coin) -> f64| {
            self.coins.iter().map(|coin| value(coin).to_string()).collect::<Vec<_>>().join(" and ")
        };
        let row = |what, value, statistic, source| Evidence { what, value, statistic, source };
        vec![
            row("open interest, USD", coins(|coin| coin.open_interest), "median of hourly values", INTEREST),
            row(
                "USD that move the price by 1 %",
                coins(|coin| coin.depth),
                "twice the median depth within 50 basis points, 10 September to 10 October 2025",
                DEPTH,
            ),
            row("half spread", coins(|coin| coin.half_spread), "half the median spread of the same rows", DEPTH),
            row(
                "least depth, part of the quiet one",
                self.depth_min.to_string(),
                "depth reported 98 % lower at worst on 10 October 2025",
                "S-01",
            ),
            row(
                "power of withdrawal",
                self.withdrawal.to_string(),
                "least depth at the pace of bitcoin, 13.1 % in 12 minutes: 26.8 standard deviations a minute",
                "S-01",
            ),
            row(
                "moves that makers do not mind, standard deviations of a minute",
                self.calm.to_string(),
                "above the largest of an hour of normal minutes (2.6 to 3)",
                "assumption",
            ),
            row(
                "seconds in which makers forget half",
                self.memory.to_string(),
                "bitcoin: 28 % of the depth of 18:00 is back at 00:00, 2.65 hours after the low",
                DEPTH,
            ),
            row(
                "seconds of half recovery",
                self.resilience.to_string(),
                "bitcoin's low in the bar of 21:15, the wick gone at the end of it: 3 half-lives in 9 minutes",
                WINDOW,
            ),
            row(
                "part of the impact that stays",
                self.permanent.to_string(),
                "half of bitcoin's loss of 3 % two hours later, over what was sold on the quiet book",
                WINDOW,
            ),
            row(
                "distance at which patience adds the quiet depth",
                self.patience.to_string(),
                "isolated margin over the recorded closes meets the recorded lows, in the median of seeds 1 to 16",
                WINDOW,
            ),
            row("median leverage of longs", coins(|coin| coin.long_leverage), LONGS, DAILY),
            row("its spread, in logarithms", coins(|coin| coin.leverage_spread), LONGS, DAILY),
            row(
                "median leverage of shorts",
                coins(|coin| coin.short_leverage),
                "shorts liquidated a day over open interest: 1.15 % when bitcoin rises 6 % in a day",
                DAILY,
            ),
            row(
                "highest leverage; maintenance is half of its inverse",
                coins(|coin| coin.leverage_max),
                "the venue's after March 2025",
                "S-30",
            ),
            row(
                "spread of sizes, in logarithms",
                self.size_spread.to_string(),
                "standard deviation of the logarithm of liquidated notionals",
                SINGLE,
            ),
            row("volatility", coins(|coin| coin.volatility), "hourly closes, 10 September to 10 October 2025", HOURLY),
            row("correlation", self.correlation.to_string(), "of the same returns", HOURLY),
            row(
                "shorts that own the coin",
                self.carried.to_string(),
                "chosen; none and half in the page",
                "assumption",
            ),
            row("held against the other coin", self.paired.to_string(), "chosen", "assumption"),
            row("funds and backstop over open interest", self.support.to_string(), "chosen", "assumption"),
            row("taker fee", self.fee.to_string(), "chosen", "assumption"),
        ]
    }
}

/// The way in which the leverage of longs is derived from liquidations.
const LONGS: &str = "longs liquidated a day over open interest: bitcoin 1.1 % in days that fall 3 %, 3.0 % at 6 %, \
    ether 1.8 % at 8 %; and 33.5 % of open interest gone on 10 October 2025 (S-01): a lognormal through both";
