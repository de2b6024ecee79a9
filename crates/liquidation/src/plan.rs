//! What to do with an account that no longer holds its maintenance margin, step by step, so that anyone can read it
//! before it runs.
//!
//! ```text
//! cancel      open orders                                               always first; often enough
//! hedge       a perpetual or future, where that costs least      ┐
//! repay       debts, from what is owned, on spot                 ├───   few steps, chosen and sized together; the last is
//! reduce      positions toward zero                              ┘      no larger than the target needs (I-38)
//! auction     a share of everything, to bidders                         when a trade costs more health than it gives
//! backstop    what nobody bids for, within its budget                   contingent
//! deleverage  what the backstop does not take                           contingent
//! ```
//!
//! **Target.** Equity of `beta` times the maintenance margin, where `beta` is above 1, so that the next tick does not
//! ask again.
//!
//! **Frontier.** Closing a part of a position improves health if and only if its cost per notional is below equity per
//! notional (`φ < E/N`: Warmuz, Chaudhary and Pinna, "Toxic liquidation spirals"). With margins that are no fixed part
//! of the notional the same condition is: cost per USD of maintenance margin relieved is below equity per maintenance
//! margin. That is to say, health rises; so it is health that a trade is tested by, at every size, and a plan never
//! sells through the frontier.
//!
//! **Reasons.** A trade that raises health relieves maintenance margin and takes away equity only by its cost. So no
//! step raises maintenance, and a leg that hedges another is left alone until closing it helps. An instrument is traded
//! once at most, so no step takes back what another traded. How the few steps are found: `plan/search.rs`.

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

use crate::{Book, Gauge, Rules, Standing, auction};
use line::healthier;
use search::{EVALUATIONS, OF_A_REASON, Outcome, Search, State};
use trade::Trade;

/// What would be done if prices stood still.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How the account stands with its orders.
    pub before: Standing,
    /// In the order in which they run.
    pub steps: Vec<Planned>,
    /// How it stands after its orders are cancelled and its trades are done, auctions and what follows them left out.
    pub after: Standing,
    /// Whether that is enough: nothing had to be traded, or equity is `beta` times the maintenance margin.
    pub reached: bool,
    /// Why trades do not reach the target, when they do not.
    pub stopped: Option<Stop>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The action of this step.
    pub step: Step,
    /// What it is expected to cost in USD: what a trade or a discount gives away, or the deficit that somebody else
    /// takes on.
    pub cost: f64,
    /// How the account stands then.
    pub after: Standing,
    /// Why this step and why now.
    pub why: Why,
}

/// What can be done with an account.
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
        /// What the trade is to achieve.
        purpose: Purpose,
    },
    /// Exchanges what is owned for what is owed.
    Repay {
        /// The spot instrument it is exchanged on.
        instrument: InstrumentId,
        /// Lots of it, negative when sold.
        lots: i64,
        /// The asset that is given for it.
        sell: AssetId,
        /// Units of it at the mark.
        amount: Quantity,
        /// The asset that is repaid.
        buy: AssetId,
        /// The worst price it may fill at, in the quote (I-42).
        worst: Price,
    },
    /// Sells a share of everything the account has in a Dutch auction.
    Auction {
        /// Of every position and balance.
        share: Ratio,
    },
    /// The backstop takes over a share of everything that is left.
    Backstop {
        /// Of every position and balance.
        share: Ratio,
    },
    /// Winners on the other side give back what nobody took.
    Deleverage,
}

/// What a trade is for.
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
    /// Orders hold margin, and filled they could add risk.
    OrdersFirst,
    /// With the steps before it, it reaches the target at the least expected cost of so few steps.
    Reaches,
    /// It gives most per expected cost, as much as is right beside the other steps.
    Relieves {
        /// Excess over the target that it gives, its cost taken off, in USD.
        relief: f64,
    },
    /// It gives most per expected cost, and the room of its book ends it.
    EndOfRoom {
        /// Excess over the target that it gives, its cost taken off, in USD.
        relief: f64,
    },
    /// No trade improves health: a bidder takes risk and hedge together.
    TradingHurts,
    /// If nobody bids.
    NobodyBids,
    /// If the backstop has no budget left for it.
    BackstopEnds,
}

/// Why trades do not reach the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The account owes more than it has: every cost would be somebody else's.
    Insolvent,
    /// Books have no more room in this interval, and trades would still help: the next interval goes on.
    Room,
    /// Nothing that could help is traded now.
    NoMarket,
    /// Every trade that is left costs more health than it gives.
    Frontier,
    /// Every trade that is left, or as much of it as its market bears in an interval, gives next to nothing.
    Dust,
    /// Trades that reach the target were found, but in no order does each of them improve health (I-37): what is left helps
    /// only together, and is auctioned together.
    Unordered,
    /// The search assessed the account as often as it may before it found trades that reach the target step by step. There
    /// may be some.
    CutOff,
}

/// The least harm that brings `account` to `rules.beta` times its maintenance margin. `books` are by instrument; an
/// instrument without one is not traded.
///
/// An account that holds its maintenance margin gets nothing done, and one that does so once its orders are cancelled
/// nothing more (I-35). What the gauge refuses is refused.
pub fn plan(
    account: &Account,
    market: &Market,
    gauge: &dyn Gauge,
    books: &[Book],
    rules: &Rules,
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
    let aim = (rules.beta.to_f64(), EVALUATIONS);
    plan.trade(&Search::new((&ordered, standing), (market, gauge, books), aim))?;
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
    /// What every trade, discount and deficit of the plan is expected to cost before it escalates, in USD.
    pub fn cost(&self) -> f64 {
        let traded = self.steps.iter().filter(|planned| !planned.step.escalates());
        traded.fold(0.0, |sum, planned| sum + planned.cost)
    }

    fn add(&mut self, step: Step, cost: f64, after: Standing, why: Why) {
        self.steps.push(Planned { step, cost, after, why });
    }

    /// Adds the trades that reach the target, or as much of it as trades can, and says why they stop.
    fn trade(&mut self, search: &Search<'_>) -> Result<(), Refusal> {
        if search.standing.equity <= 0.0 {
            self.stopped = Some(Stop::Insolvent);
            return Ok(());
        }
        let Outcome { steps, ends } = search.steps()?;
        let mut before = search.start();
        for (trade, after) in steps {
            debug_assert!(healthier(&after.standing, &before.standing), "I-37: each trade improves health");
            self.steps.push(search.planned(&trade, (&before, &after))?);
            before = after;
        }
        self.after = before.standing;
        let reached = search.reached(&before.standing);
        self.stopped = if reached { None } else { Some(search.stop(&before, ends)?) };
        Ok(())
    }

    /// Adds what is done where trading does not help: an auction and, if it fails, the backstop and winners.
    ///
    /// Everything the account has is sold in one share, so margins shrink with it; larger positions only need more than
    /// their share, and what is bought with is held in USD, which needs none.
    fn escalate(&mut self, from: Standing, rules: &Rules) -> Result<(), units::Overflow> {
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

/// Decimals of a share that is taken over.
const SHARE_DECIMALS: u32 = 6;

/// The share of the portfolio that restores the target when it is sold at the first discount, 1 when none does.
fn auctioned(from: &Standing, rules: &Rules) -> f64 {
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
    /// Whether it takes the account out of the market's hands.
    pub fn escalates(&self) -> bool {
        matches!(self, Self::Auction { .. } | Self::Backstop { .. } | Self::Deleverage)
    }
}

impl Search<'_> {
    /// Why trades end before the target.
    fn stop(&self, end: &State, ends: Option<Stop>) -> Result<Stop, Refusal> {
        let with_room = |room: fn(&Book) -> i64| -> Vec<Book> {
            self.books.iter().map(|book| Book { room: room(book), ..*book }).collect()
        };
        let (account, aim) = ((self.account, self.standing), (self.beta, OF_A_REASON));
        let search = |books| Search::new(account, (self.market, self.gauge, books), aim);
        let (rested, unpaced) = (with_room(|book| book.room.max(book.whole_room)), with_room(|_| Book::UNLIMITED));
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
        let open = unpaced.trades.iter().any(|trade| self.books[trade.instrument.0].cost(1.0).is_finite());
        Ok(if open { Stop::Frontier } else { Stop::NoMarket })
    }

    /// A trade as a step of a plan.
    fn planned(&self, trade: &Trade, (from, to): (&State, &State)) -> Result<Planned, Refusal> {
        let (already, traded) = (from.lots(trade), to.lots(trade));
        let lots = traded - already;
        assert!(lots > 0, "a step trades something: {lots} lots");
        assert!(traded <= trade.most, "I-38: {traded} lots are traded where there is room for {}", trade.most);
        let (listing, book) = (self.market.listing(trade.instrument), &self.books[trade.instrument.0]);
        let refused = |overflow| Refusal::OutOfRange { account: self.account.name.clone(), overflow };
        let value = self.value(trade, traded);
        let worst = trade::worst(listing, self.market, (book, trade.side, value)).map_err(refused)?;
        let (instrument, signed) = (trade.instrument, if trade.side == Side::Buy { lots } else { -lots });
        let step = if let Some((sell, buy)) = trade.repays {
            let amount = trade::given(listing, book, (trade.side, lots)).map_err(refused)?;
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
