//! The backstop: it bids for portfolios where that pays, and after a while because it is its duty.

use engine::{AccountId, Command, Principal};
use liquidation::auction::{discount, sale};
use liquidation::pace::{self, Flow};
use model::USD;
use units::{Money, Quantity, Ratio, Round, Timestamp, count};

use super::exchange::Exchange;
use super::listing::{BACKSTOP, MAKER, perpetual};
use crate::books::{World, less, money, whole};
use crate::calibration::COINS;

/// It bids for a share only if its notional then is at most this many times its equity.
const LEVERAGE: f64 = 5.0;
/// Below this part of maintenance bidding is its duty.
const DUTY: f64 = 0.5;
/// The divisors of the largest share that may be sold, tried in this order.
const SHARES: [i128; 4] = [1, 2, 4, 8];

/// The backstop, and the flow of forced trades that it and liquidations have made together.
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
    /// Records `usd` of a coin that were traded by force now.
    pub fn spend(&mut self, exchange: &Exchange, coin: usize, usd: f64) {
        let rules = &exchange.state().policy.liquidation;
        let depth = exchange.slowed_depth(coin);
        self.flows[coin] = pace::spend(&self.flows[coin], money(usd, Round::Up), depth, exchange.now(), rules);
    }

    /// Sells the positions that it has taken over, within the room that liquidations have left.
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

/// Opens the account of the backstop, deposits its capital and registers it.
pub fn open(exchange: &mut Exchange, capital: Money) {
    let account = exchange.open("backstop".to_owned());
    debug_assert_eq!(account, BACKSTOP, "the second account");
    let amount = Quantity::from_raw(capital.raw());
    if amount > Quantity::ZERO {
        exchange.deposit(account, USD, amount);
    }
    exchange.must(Principal::Governance, Command::SetBackstop { account, on: true });
}

/// Bids at the clock's price for portfolios in auction. It bids where the premium pays for the sale of the positions, or
/// where bidding is its duty and the sale costs no more than its budget beyond the premium.
pub fn bid(exchange: &mut Exchange, world: &mut World, queue: &[AccountId]) {
    for auctioned in queue {
        let case = exchange.state().liquidations.cases.get(auctioned);
        let Some(began) = case.and_then(|case| case.auction) else { continue };
        bid_for(exchange, world, *auctioned, exchange.now().micros() - began.micros());
    }
}

/// Bids for a portfolio that has been in auction for `elapsed` microseconds, if a bid is worth making.
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

/// The expected cost of selling a share of a portfolio, in USD.
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

/// Whether the backstop, with a share of a portfolio, is within its leverage limit or holds less than before.
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
