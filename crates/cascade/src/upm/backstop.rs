//! Who takes over portfolios: a bidder that takes what pays, and after a while what it is there for.

use engine::{AccountId, Command, Principal};
use liquidation::auction::{discount, sale};
use liquidation::pace::{self, Flow};
use model::USD;
use units::{Money, Quantity, Ratio, Round, Timestamp, count};

use super::exchange::Exchange;
use super::listing::{BACKSTOP, MAKER, perpetual};
use crate::books::{World, less, money, whole};
use crate::calibration::COINS;

/// It bids for no more than brings what it holds to this many times its equity, as in the stand-in.
const LEVERAGE: f64 = 5.0;
/// Below this part of maintenance it bids as its duty, as in the stand-in.
const DUTY: f64 = 0.5;
/// Shares of what may be sold that it tries to bear, the largest first.
const SHARES: [i128; 4] = [1, 2, 4, 8];

/// The backstop, and what of the market's room liquidations and it have used together.
#[derive(Clone, Debug)]
pub struct Backstop {
    flows: [Flow; COINS],
}

impl Default for Backstop {
    fn default() -> Self {
        Self { flows: [Flow::new(Timestamp::from_micros(0)); COINS] }
    }
}

impl Backstop {
    /// USD of a coin that were traded by force now.
    pub fn spend(&mut self, exchange: &Exchange, coin: usize, usd: f64) {
        let rules = &exchange.state().policy.liquidation;
        let depth = exchange.slowed_depth(coin);
        self.flows[coin] = pace::spend(&self.flows[coin], money(usd, Round::Up), depth, exchange.now(), rules);
    }

    /// Sells what it has taken over, with what room liquidations have left.
    pub fn unwind(&mut self, exchange: &mut Exchange, world: &mut World) {
        for coin in 0..COINS {
            let held = exchange.state().accounts[BACKSTOP.place()].position(perpetual(coin)).lots;
            if held == 0 {
                continue;
            }
            let price = world.market.price(coin);
            let rules = &exchange.state().policy.liquidation;
            let room = pace::room(&self.flows[coin], exchange.slowed_depth(coin), exchange.now(), rules).to_f64();
            let most = whole(count(held).abs().min(room / price));
            let lots = -i64::from(most) * held.signum();
            let Some(sold) = super::sale(world, perpetual(coin), lots) else { continue };
            let filled = exchange.fill(perpetual(coin), (BACKSTOP, MAKER), lots, sold.price, sold.fee);
            if filled.is_ok() {
                self.spend(exchange, coin, sold.usd);
                sold.happens(world);
            }
        }
    }
}

/// The backstop comes in with its capital, and is registered.
pub fn open(exchange: &mut Exchange, capital: Money) {
    let account = exchange.open("backstop".to_owned());
    debug_assert_eq!(account, BACKSTOP, "the second account");
    let amount = Quantity::from_raw(capital.raw());
    if amount > Quantity::ZERO {
        exchange.deposit(account, USD, amount);
    }
    exchange.must(Principal::Governance, Command::SetBackstop { account, on: true });
}

/// Bids at the clock's price for what is auctioned, where the premium pays for selling it, or where the fast phase
/// is over and selling costs no more than its budget beyond that.
pub fn bid(exchange: &mut Exchange, world: &mut World, queue: &[AccountId]) {
    for auctioned in queue {
        let case = exchange.state().liquidations.cases.get(auctioned);
        let Some(began) = case.and_then(|case| case.auction) else { continue };
        bid_for(exchange, world, *auctioned, exchange.now().micros() - began.micros());
    }
}

/// A bid of what is auctioned since so many microseconds, if there is one to make.
fn bid_for(exchange: &mut Exchange, world: &mut World, auctioned: AccountId, elapsed: i64) {
    let state = exchange.state();
    let whose = &state.accounts[auctioned.place()];
    let Ok(judged) = exchange.engine().desk().judge(state, whose) else { return };
    let rules = &state.policy.liquidation;
    let Ok(target) = judged.maintenance_margin.scaled(rules.beta, Round::Up) else { return };
    let excess = less(judged.equity, target);
    if judged.equity <= Money::ZERO || discount(elapsed, rules).is_none() {
        return;
    }
    let half = money(DUTY * judged.maintenance_margin.to_f64(), Round::Down);
    let duty = judged.equity < half || elapsed >= rules.fast;
    let (budget, owner) = (rules.backstop_budget.to_f64(), state.accounts[BACKSTOP.place()].owner);
    let whole_sale = sale(Ratio::ONE, excess, judged.equity, Money::ZERO, elapsed, rules);
    let Some(most) = whole_sale.map(|sale| sale.share) else { return };
    for parts in SHARES {
        let wanted = Ratio::from_raw(most.raw() / parts);
        let rules = &exchange.state().policy.liquidation;
        let Some(sale) = sale(wanted, excess, judged.equity, Money::ZERO, elapsed, rules) else { return };
        let (cost, gain) = (closing(exchange, world, auctioned, sale.share), sale.premium.to_f64());
        if gain < cost && !(duty && cost - gain <= budget) {
            return;
        }
        if !bears(exchange, world, auctioned, sale.share) {
            continue;
        }
        let price = less(Money::ZERO, sale.premium);
        let command = Command::AuctionBid { account: BACKSTOP, auctioned, share: sale.share, price };
        if let Ok(events) = exchange.ask(Principal::Owner(owner), command) {
            super::record::step(exchange.state(), world, auctioned, &events);
            return;
        }
    }
}

/// What selling a share of a portfolio is expected to cost, USD.
fn closing(exchange: &Exchange, world: &World, auctioned: AccountId, share: Ratio) -> f64 {
    let whose = &exchange.state().accounts[auctioned.place()];
    (0..COINS)
        .map(|coin| {
            let lots = count(whose.position(perpetual(coin)).lots) * share.to_f64();
            // A long is closed by selling.
            let notional = -lots * world.market.price(coin);
            notional.abs() * (world.market.slippage(coin, notional) + world.calibration.fee)
        })
        .sum()
}

/// Whether the backstop holds no more than it wants to with a share of a portfolio, or less than before.
fn bears(exchange: &Exchange, world: &World, auctioned: AccountId, share: Ratio) -> bool {
    let prices = world.market.prices();
    let accounts = &exchange.state().accounts;
    let lots = |account: AccountId, coin: usize| count(accounts[account.place()].position(perpetual(coin)).lots);
    let held = |share: f64| -> f64 {
        (0..COINS).map(|coin| (lots(BACKSTOP, coin) + share * lots(auctioned, coin)).abs() * prices[coin]).sum()
    };
    let Ok(judged) = exchange.engine().desk().judge(exchange.state(), &accounts[BACKSTOP.place()]) else {
        return false;
    };
    let (before, after) = (held(0.0), held(share.to_f64()));
    after <= LEVERAGE * judged.equity.to_f64() || after < before
}
