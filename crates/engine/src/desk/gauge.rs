//! Margins of accounts and costs of trading for liquidation plans, by the market and the method that judge the accounts.

use std::rc::Rc;
use std::sync::Mutex;

use liquidation::{Gauge, LiquidationRules, Near, OrderBook, Plan, Standing};
use margin::method::universal::{self, Scratch};
use margin::{Holdings, Refusal};
use model::{Account, InstrumentId, UnderlyingId};
use units::{Money, Timestamp};

use super::Desk;
use super::side::Side;
use crate::FeedId;
use crate::depth;
use crate::feeds;
use crate::state::{AccountState, Contract, InstrumentTerms, Mode, State};

/// The market as it is marked.
struct AtMark<'a> {
    desk: &'a Desk,
    side: &'a Side,
    scratch: Mutex<Scratch>,
}

impl Gauge for AtMark<'_> {
    /// During a ramp of parameters the higher of both requirements counts.
    fn stands(&self, account: &Account) -> Result<Standing, Refusal> {
        // A plan asks for it hundreds of times, and no money moves by it.
        let equity = self.side.equity(account);
        let mut scratch = self.scratch.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let rules = &self.desk.rules.rules;
        let margins = self.side.prepared.margins(&self.side.market, rules, account, &mut scratch)?;
        let (mut initial, mut maintenance) = (margins.initial.to_f64(), margins.maintenance.to_f64());
        if let (Some(prepared), Some(rules)) = (&self.side.previous, &self.desk.previous) {
            let before = prepared.margins(&self.side.market, &rules.rules, account, &mut scratch)?;
            (initial, maintenance) =
                (initial.max(before.initial.to_f64()), maintenance.max(before.maintenance.to_f64()));
        }
        debug_assert!(initial >= maintenance && maintenance >= 0.0, "REQ-3: {initial} and {maintenance}");
        Ok(Standing { equity, initial, maintenance })
    }

    fn near<'b>(&'b self, account: &'b Account) -> Option<Rc<dyn Near + 'b>> {
        let Self { side, desk, .. } = self;
        let around = side.prepared.near(&side.market, &desk.rules.rules, account).ok()?;
        let previous = side.previous.as_ref().zip(desk.previous.as_ref());
        let previous = previous.map(|(prepared, rules)| prepared.near(&side.market, &rules.rules, account));
        Some(Rc::new(Around { account: around, previous: previous.transpose().ok()? }))
    }
}

/// The market as it is marked, around one account.
struct Around<'a> {
    account: universal::Near<'a>,
    /// By the parameters before those in force, during a ramp.
    previous: Option<universal::Near<'a>>,
}

impl Near for Around<'_> {
    fn stands(&self, held: &Holdings) -> Option<Standing> {
        let universal::Nearly { equity, mut initial, mut maintenance } = self.account.judge(held)?;
        if let Some(previous) = &self.previous {
            let before = previous.judge(held)?;
            (initial, maintenance) = (initial.max(before.initial), maintenance.max(before.maintenance));
        }
        Some(Standing { equity, initial, maintenance })
    }
}

impl Desk {
    /// The plan for an account that no longer holds enough, if prices stood still.
    pub fn plan(&self, state: &State, now: Timestamp, account: &AccountState) -> Result<Plan, Refusal> {
        let side = self.fast(state).as_ref().map_err(Clone::clone)?;
        let view = account.view(&state.contracts, &state.locations);
        let view = view.map_err(|overflow| Refusal::OutOfRange { account: account.name.clone(), overflow })?;
        let gauge = AtMark { desk: self, side, scratch: Mutex::default() };
        let budget = depth::backstop_budget(state, account).unwrap_or(Money::ZERO);
        let rules = LiquidationRules { backstop_budget: budget, ..state.policy.liquidation.clone() };
        liquidation::plan(&view, &side.market, &gauge, &self.books(state, now), &rules)
    }

    /// The expected cost of trading each instrument, and the amount of it that liquidations may still trade.
    pub fn books(&self, state: &State, now: Timestamp) -> Vec<OrderBook> {
        let underlyings = (0..state.market.underlyings.len()).map(UnderlyingId);
        let markets: Vec<Trading> = underlyings
            .map(|underlying| Trading {
                depth: depth::observed(state, FeedId::Index(underlying)).to_f64(),
                room: depth::room(state, now, underlying),
                whole_room: depth::whole_room(state, now, underlying),
            })
            .collect();
        // An instrument without a valid price is not traded by force.
        let doubtful = !self.trusts_all(state, now);
        let is_blind = |id: InstrumentId| {
            let mut feeds = Vec::new();
            feeds::of_instrument(state, id, &mut feeds);
            feeds.into_iter().any(|feed| self.valid(state, now, feed).is_err())
        };
        let of = |(place, contract): (usize, &Contract)| {
            let id = InstrumentId(place);
            let book = book(state, now, id, contract, &markets[contract.terms.underlying.0]);
            OrderBook { open: book.open && !(doubtful && is_blind(id)), ..book }
        };
        state.contracts.iter().enumerate().map(of).collect()
    }
}

/// The amounts of one underlying that can be traded, in USD.
struct Trading {
    depth: f64,
    room: Money,
    whole_room: Money,
}

fn book(state: &State, now: Timestamp, id: InstrumentId, contract: &Contract, market: &Trading) -> OrderBook {
    let (rules, terms) = (&state.policy.liquidation, &contract.terms);
    let live = contract.mode.trades() && terms.expiry().is_none_or(|expiry| now < expiry);
    let option = terms.is_option();
    OrderBook {
        lot: terms.lot,
        open: live && state.market.mark(id).in_quote().to_f64() != 0.0,
        reduces_only: contract.mode == Mode::ReduceOnly,
        half_spread: if option { rules.option_half_spread } else { rules.half_spread }.to_f64(),
        depth_usd: if option { market.depth * rules.option_depth.to_f64() } else { market.depth },
        fee: terms.fee_rate.map_or(0.0, units::Ratio::to_f64),
        room: lots_within(state, terms, market.room),
        whole_room: lots_within(state, terms, market.whole_room),
    }
}

/// The most lots that room for this many USD bears, counted as fills are.
fn lots_within(state: &State, terms: &InstrumentTerms, room: Money) -> i64 {
    // The value of a lot is rounded up, so that the result is at worst one lot too small.
    let lot = state.lots_usd(terms, 1).unwrap_or(Money::ZERO);
    if lot <= Money::ZERO { 0 } else { i64::try_from(room.max(Money::ZERO).raw() / lot.raw()).unwrap_or(i64::MAX) }
}
