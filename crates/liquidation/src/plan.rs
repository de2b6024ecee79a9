//! A plan to restore an account that no longer holds its maintenance margin, step by step, readable before it runs.
//!
//! ```text
//! cancel      open orders                                               always first; often enough
//! hedge       a perpetual or future, where that costs least      ┐
//! repay       debts, from owned assets, on spot                  ├───   few steps, chosen and sized together; the last is
//! reduce      positions toward zero                              ┘      no larger than the target needs (I-38)
//! auction     a share of everything, to bidders                         when a trade costs more health than it gives
//! backstop    the part without bids, within its budget                  contingent
//! deleverage  the part that the backstop does not take                  contingent
//! ```
//!
//! **Target.** Equity of `beta` times the maintenance margin, where `beta` is above 1, so that the next tick does not
//! start another liquidation.
//!
//! **Frontier.** Closing a part of a position improves health if and only if its cost per notional is below equity per
//! notional (`φ < E/N`: Warmuz, Chaudhary and Pinna, "Toxic liquidation spirals"). Where margins are not a fixed part
//! of the notional, the same condition reads: cost per USD of maintenance margin relieved is below equity per
//! maintenance margin. In other words, health (equity per maintenance margin) rises. So every trade is tested by
//! health, at every size, and a plan never sells through the frontier.
//!
//! **Reasons.** A trade that raises health relieves maintenance margin and takes away equity only by its cost. So no
//! step raises maintenance margin, and a leg that hedges another is left alone until closing it helps. An instrument is
//! traded at most once, so no step takes back another step's trade. `plan/search.rs` explains how the few steps are found.

mod alone;
mod candidates;
mod cuts;
mod grow;
mod joint;
mod line;
mod order;
mod search;
mod settle;
mod trade;

use margin::Refusal;
use model::{Account, AssetId, InstrumentId, Market, Side};
use units::{Money, Price, Quantity, Ratio, Round};

use crate::{Gauge, LiquidationRules, OrderBook, Standing, auction};
use line::healthier;
use search::{EVALUATIONS, OF_A_REASON, Outcome, Search, State};
use trade::Trade;

/// The steps of a liquidation, as they would be done if prices stood still.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How the account stands with its open orders.
    pub before: Standing,
    /// The steps, in the order in which they run.
    pub steps: Vec<Planned>,
    /// How the account stands after its orders are cancelled and its trades are done, without auction, backstop and
    /// deleveraging.
    pub after: Standing,
    /// Whether `after` is enough: nothing had to be traded, or equity is `beta` times the maintenance margin.
    pub reached: bool,
    /// Why trades do not reach the target, when they do not.
    pub stopped: Option<Stop>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The action of this step.
    pub step: Step,
    /// Expected cost in USD: the cost of a trade, the discount of an auction, or the deficit that the backstop or the
    /// winners take on.
    pub cost: f64,
    /// How the account stands after this step.
    pub after: Standing,
    /// Why this step is planned at this point.
    pub why: Why,
}

/// An action of a liquidation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Cancels every open order.
    Cancel {
        /// Number of open orders.
        orders: usize,
    },
    /// Trades a derivative.
    Trade {
        /// The derivative to trade.
        instrument: InstrumentId,
        /// Lots, negative when sold.
        lots: i64,
        /// The worst price it may fill at, in the quote (I-42).
        worst: Price,
        /// The purpose of the trade.
        purpose: Purpose,
    },
    /// Exchanges an asset that the account owns for one that it owes.
    Repay {
        /// The spot instrument that is traded.
        instrument: InstrumentId,
        /// Lots of that instrument, negative when sold.
        lots: i64,
        /// The asset that the account gives.
        sell: AssetId,
        /// Units of `sell` that it gives, at the mark.
        amount: Quantity,
        /// The asset that is repaid.
        buy: AssetId,
        /// The worst price it may fill at, in the quote (I-42).
        worst: Price,
    },
    /// Sells a share of everything the account has in a Dutch auction.
    Auction {
        /// The share of every position and balance.
        share: Ratio,
    },
    /// The backstop takes over a share of everything that the account still has.
    Backstop {
        /// The share of every position and balance.
        share: Ratio,
    },
    /// Winners on the other side close the rest of the account and give back profit.
    Deleverage,
}

/// The purpose of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It offsets the risk of other positions, and may open one.
    Hedge,
    /// It brings a position nearer to zero.
    Reduce,
}

/// Why a step is planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// Orders hold margin, and could add risk if they fill.
    OrdersFirst,
    /// With the steps before it, this step reaches the target at the least expected cost of any plan with this few steps.
    Reaches,
    /// This trade gives most per expected cost; its size is right beside the other steps.
    Relieves {
        /// The increase of the excess over the target, net of the trade's cost, in USD.
        relief: f64,
    },
    /// This trade gives most per expected cost, and the room of its book limits its size.
    EndOfRoom {
        /// The increase of the excess over the target, net of the trade's cost, in USD.
        relief: f64,
    },
    /// No trade improves health, so bidders take positions and their hedges together.
    TradingHurts,
    /// This step runs if nobody bids.
    NobodyBids,
    /// This step runs if the backstop has no budget left.
    BackstopEnds,
}

/// Why trades do not reach the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The account owes more than it has: somebody else would pay every cost.
    Insolvent,
    /// The books have no more room in this interval, and trades would still help: the next interval goes on.
    Room,
    /// No instrument that could help is traded now.
    NoMarket,
    /// Every remaining trade costs more health than it gives.
    Frontier,
    /// Every remaining trade, limited to the size that its market bears in an interval, gives next to nothing.
    Dust,
    /// Trades that reach the target were found, but in no order does each of them improve health (I-37): the remaining
    /// positions help only when closed together, so they are auctioned together.
    Unordered,
    /// The search used up its number of assessments before it found trades that reach the target step by step. Such
    /// trades may exist.
    CutOff,
}

/// The least harm that brings `account` to `rules.beta` times its maintenance margin. `books` are indexed by
/// instrument; an instrument without a book is not traded.
///
/// The plan is empty for an account that holds its maintenance margin. An account that holds it once its orders are
/// cancelled gets no further step (I-35). When the gauge refuses, so does this function.
pub fn plan(
    account: &Account,
    market: &Market,
    gauge: &dyn Gauge,
    books: &[OrderBook],
    rules: &LiquidationRules,
) -> Result<Plan, Refusal> {
    let ordered = trade::in_order(account);
    let before = gauge.stands(&Account { orders: account.orders.clone(), ..ordered.clone() })?;
    let mut plan = Plan { before, steps: Vec::new(), after: before, reached: true, stopped: None };
    if before.equity >= before.maintenance {
        return Ok(plan);
    }
    let standing = if account.orders.is_empty() { before } else { gauge.stands(&ordered)? };
    if !account.orders.is_empty() {
        plan.add(Step::Cancel { orders: account.orders.len() }, 0.0, standing, Why::OrdersFirst);
    }
    plan.after = standing;
    if holds(&standing) {
        return Ok(plan);
    }
    let beta = rules.beta.to_f64();
    let search = |near| Search::new((&ordered, standing), market, (gauge, near), books, beta, EVALUATIONS);
    let near = gauge.near(&ordered);
    let is_whole = near.is_none();
    if !plan.trade(&search(near))? {
        // The last bits decided; a whole assessment tells.
        assert!(!is_whole, "a whole assessment agrees with itself");
        plan.trade(&search(None))?;
    }
    plan.reached = plan.stopped.is_none();
    let over = plan.stopped.is_some_and(|stop| stop != Stop::Room);
    if over && !holds(&plan.after) {
        plan.escalate(plan.after, rules)
            .map_err(|overflow| Refusal::OutOfRange { account: account.name.clone(), overflow })?;
    }
    Ok(plan)
}

fn holds(standing: &Standing) -> bool {
    standing.equity >= standing.maintenance
}

impl Plan {
    /// Expected cost of the plan's steps before it escalates (auction, backstop, deleveraging), in USD.
    pub fn cost(&self) -> f64 {
        let traded = self.steps.iter().filter(|planned| !planned.step.escalates());
        traded.fold(0.0, |sum, planned| sum + planned.cost)
    }

    fn add(&mut self, step: Step, cost: f64, after: Standing, why: Why) {
        self.steps.push(Planned { step, cost, after, why });
    }

    /// Adds the trades that reach the target, or that come as near to it as trades can, and records why they stop. False,
    /// and nothing is added, where whole assessments do not bear out what was found.
    fn trade(&mut self, search: &Search<'_>) -> Result<bool, Refusal> {
        if search.standing.equity <= 0.0 {
            self.stopped = Some(Stop::Insolvent);
            return Ok(true);
        }
        let Outcome { steps, ends } = search.steps()?;
        let verified = if search.near.is_some() { search.verified(steps)? } else { Some(steps) };
        let Some(steps) = verified else { return Ok(false) };
        let mut before = search.start();
        for (trade, after) in steps {
            debug_assert!(healthier(&after.standing, &before.standing), "I-37: each trade improves health");
            self.steps.push(search.planned(&trade, &before, &after)?);
            before = after;
        }
        self.after = before.standing;
        let reached = search.reached(&before.standing);
        self.stopped = if reached { None } else { Some(search.stop(&before, ends)?) };
        Ok(true)
    }

    /// Adds the steps for an account that trading does not help: an auction and, if that fails, the backstop and deleveraging.
    ///
    /// An auction sells the same share of everything the account has, so margins shrink in proportion. Charges on large
    /// positions shrink faster than that, and the proceeds are held in USD, which needs no margin.
    fn escalate(&mut self, from: Standing, rules: &LiquidationRules) -> Result<(), units::Overflow> {
        let deficit = (-from.equity).max(0.0);
        let (share, discount) = (auctioned(&from, rules), rules.first_discount.to_f64());
        assert!((0.0..=1.0).contains(&share), "an auction sells a share: {share}");
        let rest = scaled(&from, 1.0 - share);
        let sold =
            if deficit > 0.0 { rest } else { Standing { equity: from.equity * (1.0 - share * discount), ..rest } };
        let ratio = |share: f64, round: Round| Ratio::from_f64(share, round)?.to_decimals(SHARE_DECIMALS, round);
        let cost = if deficit > 0.0 { deficit } else { share * discount * from.equity };
        self.add(Step::Auction { share: ratio(share, Round::Up)? }, cost, sold, Why::TradingHurts);
        let budget = rules.backstop_budget.max(Money::ZERO).to_f64();
        let taken = if deficit > budget { budget / deficit } else { 1.0 };
        assert!((0.0..=1.0).contains(&taken), "a backstop takes a share: {taken}");
        let rest = scaled(&from, 1.0 - taken);
        let share = ratio(taken, Round::Down)?;
        self.add(Step::Backstop { share }, taken * deficit, rest, Why::NobodyBids);
        let nothing = scaled(&from, 0.0);
        self.add(Step::Deleverage, (1.0 - taken) * deficit, nothing, Why::BackstopEnds);
        Ok(())
    }
}

/// Decimals of the share that an auction sells or the backstop takes.
const SHARE_DECIMALS: u32 = 6;

/// The share of the portfolio that restores the target when sold at the first discount; 1 when no share does.
fn auctioned(from: &Standing, rules: &LiquidationRules) -> f64 {
    let money = |usd: f64| Money::from_f64(usd, Round::Down);
    let (Ok(excess), Ok(value)) = (money(from.equity - rules.beta.to_f64() * from.maintenance), money(from.equity))
    else {
        return 1.0;
    };
    auction::share(excess, value, Money::ZERO, rules.first_discount).to_f64()
}

fn scaled(standing: &Standing, share: f64) -> Standing {
    Standing {
        equity: share * standing.equity,
        initial: share * standing.initial,
        maintenance: share * standing.maintenance,
    }
}

impl Step {
    /// Whether the step goes beyond trading in the market: auction, backstop or deleveraging.
    pub fn escalates(&self) -> bool {
        matches!(self, Self::Auction { .. } | Self::Backstop { .. } | Self::Deleverage)
    }
}

impl Search<'_> {
    /// Why trades end before they reach the target.
    fn stop(&self, end: &State, ends: Option<Stop>) -> Result<Stop, Refusal> {
        let with_room = |room: fn(&OrderBook) -> i64| -> Vec<OrderBook> {
            self.books.iter().map(|book| OrderBook { room: room(book), ..*book }).collect()
        };
        let Search { account, standing, market, gauge, beta, .. } = *self;
        let search =
            |books| Search::new((account, standing), market, (gauge, self.near.clone()), books, beta, OF_A_REASON);
        let (rested, unpaced) = (with_room(|book| book.room.max(book.whole_room)), with_room(|_| OrderBook::UNLIMITED));
        if search(&rested).has_use_for_room(end, self)? {
            return Ok(Stop::Room);
        }
        if let Some(stop) = ends {
            return Ok(stop);
        }
        let unpaced = search(&unpaced);
        if unpaced.has_use_for_trades(end)? {
            return Ok(Stop::Dust);
        }
        let trades = unpaced.all(&unpaced.start());
        let open = trades.iter().any(|trade| self.books[trade.instrument.0].cost(1.0).is_finite());
        Ok(if open { Stop::Frontier } else { Stop::NoMarket })
    }

    /// A trade as a step of a plan.
    fn planned(&self, trade: &Trade, from: &State, to: &State) -> Result<Planned, Refusal> {
        let (already, traded) = (from.lots(trade), to.lots(trade));
        let lots = traded - already;
        assert!(lots > 0, "a step trades something: {lots} lots");
        assert!(traded <= trade.most, "I-38: {traded} lots are traded where there is room for {}", trade.most);
        let (listing, book) = (self.market.listing(trade.instrument), &self.books[trade.instrument.0]);
        let refused = |overflow| Refusal::OutOfRange { account: self.account.name.clone(), overflow };
        let value = self.value(trade, traded);
        let worst = trade::worst(listing, self.market, book, trade.side, value).map_err(refused)?;
        let (instrument, signed) = (trade.instrument, if trade.side == Side::Buy { lots } else { -lots });
        let step = if let Some((sell, buy)) = trade.repays {
            let amount = trade::given(listing, self.market, book, trade.side, lots).map_err(refused)?;
            Step::Repay { instrument, lots: signed, sell, amount, buy, worst }
        } else {
            let purpose = if traded > trade.held { Purpose::Hedge } else { Purpose::Reduce };
            Step::Trade { instrument, lots: signed, worst, purpose }
        };
        let relief = self.missing(&from.standing) - self.missing(&to.standing);
        let why = if self.reached(&to.standing) {
            Why::Reaches
        } else if traded == book.room {
            Why::EndOfRoom { relief }
        } else {
            Why::Relieves { relief }
        };
        Ok(Planned { step, cost: self.cost(trade, traded) - self.cost(trade, already), after: to.standing, why })
    }
}
