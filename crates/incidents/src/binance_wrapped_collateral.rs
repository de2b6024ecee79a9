//! S-02, the collateral index of 10 October 2025: a venue priced wrapped coins by its own thin order books.

use engine::state::Policy;
use engine::{AccountId, FeedId, Status};
use marks::{Cause, FeedRules};
use model::{AssetId, InstrumentId, InstrumentKind, UnderlyingId};

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{DAY, Listing, MINUTE, SECOND, Venue, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-02",
    title: "Binance, wrapped collateral",
    date: "10 October 2025, 21:36 to 22:16 UTC",
    what: "The index of wBETH was made of the venue's own two thin books (20 % dollar pair, 80 % native pair); \
           transfers were slow, so nobody could repair it: wBETH stood at $430 while ETH was above $3,800, BNSOL at \
           $34.9, USDe near $0.65, and whoever had pledged them was liquidated",
    loss: "$283 M paid back at first, $400 M and more of relief later",
    sources: &["CoinDesk, 12 October 2025", "aicoin.com (weights)", "bitcoinethereumnews.com", "krishnannair.com"],
};

/// The price of ETH in USD, and the ETH for which a wBETH can be redeemed.
const ETH: f64 = 3800.0;
const REDEEMED: f64 = 1.08;
const LOW: f64 = 430.0;
/// Price of the dollar pair at the worst moment; with the native pair at `BOOK` the index is [`LOW`].
const DOLLAR_PAIR: f64 = 430.0;
/// The coins that each account holds; it is also long ETH for some USD a coin.
const COINS: f64 = 100.0;
/// The venue's coefficient on wBETH as collateral, and its maintenance margin of the long.
const COEFFICIENT: f64 = 0.92;
const MAINTENANCE: f64 = 0.01;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let native_pair = (LOW - 0.2 * DOLLAR_PAIR) / 0.8;
    let index = 0.2 * DOLLAR_PAIR + 0.8 * native_pair;
    let worth = ETH * REDEEMED;
    // Longs of half, one, two and three times the collateral were open; ETH had fallen by a tenth since they were opened.
    let lost = 0.1;
    let mut wrong = 0.0;
    let mut of = 0.0;
    for leverage in [0.5, 1.0, 2.0, 3.0] {
        let owed = leverage * worth * lost;
        let equity = |price: f64| COEFFICIENT * price - owed;
        let margin = MAINTENANCE * leverage * worth;
        of += 1.0;
        if equity(index) < margin && equity(worth) > margin {
            wrong += 1.0;
        }
    }
    let paid_each = worth - index;
    let ours = depegged()?;
    let all = collared()?;
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "the index of its own books falls to {} while a coin can be redeemed for {}: {wrong} of {of} \
                 accounts that are sound by redemption are liquidated, each coin {} too cheap; $283 M is what {:.0} \
                 k coins lose so",
                dollars(index),
                dollars(worth),
                dollars(paid_each),
                283e6 / paid_each / 1000.0
            ),
            figures: vec![figure("sound accounts liquidated", wrong, "accounts"), figure("index", index, "USD")],
        },
        with: Told {
            words: format!(
                "five sources, of which the own books are two, others two and redemption one; three must agree. The \
                 own books fall to {}: the coin stays at {}, {} of {} accounts that are sound by redemption are \
                 liquidated, {} that are not are found. When all five fall at once the collar holds the price in the \
                 same tick ({}, {} liquidated)",
                dollars(index),
                dollars(ours.lowest),
                ours.wrong,
                ours.accounts,
                ours.right,
                all.cause.map_or_else(|| "silent".to_owned(), |cause| format!("{cause:?}").to_lowercase()),
                all.liquidated
            ),
            figures: vec![
                figure("sound accounts liquidated", ours.wrong, "accounts"),
                figure("unsound accounts liquidated", ours.right, "accounts"),
                figure("lowest price of the coin", ours.lowest, "USD"),
                figure("liquidated while every source fell", all.liquidated, "accounts"),
            ],
        },
        near: Near {
            what: "fall of wBETH against ETH",
            published: 0.88,
            modelled: 1.0 - index / ETH,
            unit: "share",
            chosen: "",
        },
        assertion: "no account whose equity at redemption value is above maintenance is liquidated",
        unit: "accounts",
        bound_without: Bound { found: wrong, limit: 0.0 },
        bound_with: Bound { found: ours.wrong, limit: 0.0 },
        checks: vec![
            check("who is unsound at redemption value is found all the same", ours.right > 0.0),
            check("the price follows ETH itself: it fell with it", ours.lowest < 4300.0 * REDEEMED * 0.9),
            check("the collar answers in the tick in which every source falls", all.cause == Some(Cause::Collared)),
            check("nobody is liquidated on a collared price", all.liquidated == 0.0),
            check("a collared price moves by the collar and no more", all.moved <= 0.1 + 1e-9),
        ],
    }
    .judged())
}

struct Depegged {
    accounts: f64,
    wrong: f64,
    right: f64,
    lowest: f64,
}

struct Stage {
    venue: Venue,
    eth: FeedId,
    wrapped: FeedId,
    coin: AssetId,
    accounts: Vec<AccountId>,
}

/// ETH at 4,300, and eight accounts that hold wBETH and are long ETH. The last is so large that the fall of ETH alone is
/// too much for it.
fn stage() -> Result<Stage, Broken> {
    let mut venue = Venue::new(Policy::default(), "2025-10-01T12:00:00Z")?;
    let eth = venue.underlying("ETH", 4300.0, rules(5, 3), 1e9)?;
    let feed = FeedRules { handover: crate::venue::ratio(0.05), ..rules(5, 3) };
    let coin = venue.coin("wBETH", Some(eth), (4300.0 * REDEEMED, REDEEMED), Some(feed), 1e6)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual: InstrumentId =
        venue.instrument(&Listing { name: "ETH-PERP", underlying: eth, kind, lot: 0.1, tick: 0.05, band: 0.1 })?;
    venue.pass(MINUTE)?;
    venue.pass(8 * DAY)?;
    let maker = venue.account("maker", 1, 1e9)?;
    let mut accounts = Vec::new();
    for number in 0..8_u32 {
        let account = venue.account(&format!("holder {number}"), 10 + number, 0.0)?;
        venue.deposit(account, coin, COINS).map_err(|reject| Broken(reject.to_string()))?;
        // Sizes from a half to the most that initial margin allows.
        let most = i64::from(500 * (1 + number));
        venue.fill_most(perpetual, 4300.0, most, (account, maker));
        accounts.push(account);
    }
    Ok(Stage { venue, eth: FeedId::Index(eth), wrapped: FeedId::Asset(coin), coin, accounts })
}

/// The venue's own books fall, the other sources and redemption do not, and ETH moves as it did.
fn depegged() -> Result<Depegged, Broken> {
    let mut stage = stage()?;
    let venue = &mut stage.venue;
    let mut found = Depegged {
        accounts: f64::from(u32::try_from(stage.accounts.len()).unwrap_or(u32::MAX)),
        wrong: 0.0,
        right: 0.0,
        lowest: f64::INFINITY,
    };
    let mut known = vec![false; stage.accounts.len()];
    // The price of ETH in steps of two minutes, and the price in the venue's own books as a share of ETH.
    let path = [
        (4200.0, 1.08),
        (4100.0, 1.07),
        (4000.0, 1.0),
        (3900.0, 0.8),
        (3700.0, 0.5),
        (3500.0, 0.3),
        (3600.0, 0.113),
        (3800.0, 0.113),
        (3800.0, 0.2),
        (3800.0, 0.6),
        (3850.0, 0.9),
        (3850.0, 1.08),
    ];
    for (eth, book) in path {
        venue.say(stage.eth, eth);
        for source in 1..=2 {
            venue.one_says(stage.wrapped, source, book);
        }
        for _ in 0..4 {
            venue.pass(30 * SECOND)?;
            found.lowest = found.lowest.min(venue.state().market.price(stage.coin).usd().to_f64());
            for (place, account) in stage.accounts.iter().copied().enumerate() {
                if known[place] || venue.status(account) > Status::Liquidation {
                    continue;
                }
                known[place] = true;
                let judged = venue.judge(account)?;
                // Equity by redemption: the coins at their redemption value instead of their price here.
                let price = venue.state().market.price(stage.coin).usd().to_f64();
                let redeemed = venue.state().market.index(UnderlyingId(0)).usd().to_f64() * REDEEMED;
                let equity = judged.equity.to_f64() + COINS * (redeemed - price);
                if equity > judged.maintenance_margin.to_f64() {
                    found.wrong += 1.0;
                } else {
                    found.right += 1.0;
                }
            }
        }
    }
    Ok(found)
}

struct Collared {
    cause: Option<Cause>,
    liquidated: f64,
    moved: f64,
}

/// Every source of the coin falls to a ninth in one tick.
fn collared() -> Result<Collared, Broken> {
    let mut stage = stage()?;
    let venue = &mut stage.venue;
    let before = venue.state().market.price(stage.coin).usd().to_f64();
    venue.say(stage.wrapped, 0.113);
    venue.pass(10 * SECOND)?;
    let cause = venue.state().quote(stage.wrapped).map(|quote| quote.cause);
    let moved = 1.0 - venue.state().market.price(stage.coin).usd().to_f64() / before;
    // A minute, in which somebody looks at the price.
    venue.pass_steps(10 * SECOND, 6)?;
    let liquidated = stage.accounts.iter().filter(|account| venue.status(**account) <= Status::Liquidation).count();
    Ok(Collared { cause, liquidated: f64::from(u32::try_from(liquidated).unwrap_or(u32::MAX)), moved })
}
