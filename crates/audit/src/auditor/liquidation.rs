//! Checks one step of a liquidation: which account, when, how many lots, at which price, and whether the step helped.

use engine::state::State;
use engine::{AccountId, Command, Envelope, Event};
use model::{InstrumentKind, Payoff, UnderlyingId};
use units::{Quantity, Ratio, Round, Timestamp};

use super::sight::{Left, Seen, instrument_priced};
use super::size::{listing_mark, lot_usd, moving};
use super::step::{DUST, Deeds, Step};
use super::{Auditor, Standing, rescue};
use crate::{Finding, ensure};

/// One offer in this many is checked for whether fewer lots would do.
const LEAST_EVERY: u64 = 2;

impl Auditor {
    /// Whether a step of a liquidation may be taken now and for this account (I-35, I-43, I-44).
    pub(super) fn steps(
        &mut self,
        state: &State,
        envelope: &Envelope,
        events: &[Event],
    ) -> Result<Option<Step>, Finding> {
        // A fill of an offer is checked as a trade, not here.
        let filled = matches!(envelope.command, Command::LiquidationFill { .. });
        let Some(id) = envelope.command.liquidated().filter(|_| !filled) else { return Ok(None) };
        let bid = if let Command::AuctionBid { account, share, price, .. } = &envelope.command {
            Some((account.place(), *share, *price))
        } else {
            None
        };
        let (account, now) = (id.place(), envelope.time.micros());
        self.calm(envelope, id)?;
        self.count("liquidations");
        let deeds = Deeds::of(id, events);
        let Some(seen) = self.seen(state, account, envelope.time) else { return Ok(None) };
        let before = seen.better;
        let below = seen.may_be_below();
        let offered = deeds.offer.map(|offer| offer.instrument.0);
        let traded = deeds.given.iter().map(|given| given.instrument).chain(offered);
        for instrument in traded {
            ensure(instrument_priced(state, instrument, envelope.time), "I-11", || {
                format!("account {id}: instrument {instrument} was traded or offered without a valid price")
            })?;
        }
        ensure(below || !(deeds.acts() || deeds.opened || bid.is_some()), "I-35", || {
            format!("account {id} stands at {before:?}, and {deeds:?} was done")
        })?;
        if bid.is_none() {
            self.ends(state, account, &seen, &deeds)?;
        }
        let met = match deeds.crossed {
            Some(other) => {
                let met = self.seen(state, other, envelope.time);
                let below = met.is_none_or(|met| met.may_be_below());
                ensure(below, "I-35", || format!("account {other} stands at {met:?} and was crossed"))?;
                met.map(|met| (met.left, met.better))
            }
            None => None,
        };
        if bid.is_none() && deeds.offer.is_some() {
            self.offers(state, account, &deeds, seen.flawed)?;
        }
        let (lacking, worth, left) = (seen.lacking, seen.firm.equity, seen.left);
        Ok(Some(Step { account, now, deeds, before, lacking, worth, left, met, books: self.books.clone(), bid }))
    }

    /// No account is liquidated in the time to cure after an outage (I-44).
    pub(super) fn calm(&self, envelope: &Envelope, id: AccountId) -> Result<(), Finding> {
        let until = Timestamp::from_micros(self.cases.calm);
        ensure(envelope.time >= until, "I-44", || {
            format!("account {id} was liquidated at {}, it may be cured until {until}", envelope.time)
        })
    }

    /// A case ends at the first step that finds the account clear of the warning, and not before (I-43).
    fn ends(&mut self, state: &State, account: usize, seen: &Seen, deeds: &Deeds) -> Result<(), Finding> {
        let before = &seen.firm;
        let begun = self.cases.open.contains_key(&account);
        let ledger = &self.books.accounts[account];
        let owes = ledger.balances.values().any(|held| held.amount < 0);
        let harmless = ledger.lots.is_empty() && !owes;
        let rules = self.method(&state.method.text);
        let warn = rules.map_or(1.0, |place| self.methods[place].1.rules.margin.warn.to_f64());
        // Whoever holds the initial margin is healthy, warned or not (REQ-5).
        let enough = if begun { before.initial.min(before.maintenance * warn) } else { before.maintenance };
        // While a position or a debt has no price, the case cannot be called over.
        let clear = harmless || (!seen.blind && before.equity - enough > before.tolerance);
        let unclear = !harmless && (seen.blind || enough - before.equity > before.tolerance);
        ensure(!clear || deeds.closed, "I-43", || {
            format!("account {account} stands at {before:?} and keeps its case")
        })?;
        ensure(!unclear || !deeds.closed, "I-43", || {
            format!("account {account} stands at {before:?}, its case is closed")
        })
    }

    /// An offer is for the fewest lots that are enough, at a price that the depth explains (I-38, I-42).
    fn offers(&mut self, state: &State, account: usize, deeds: &Deeds, flawed: bool) -> Result<(), Finding> {
        let Some(offer) = deeds.offer else { return Ok(()) };
        let instrument = offer.instrument.0;
        let crossed = deeds.given.iter().filter(|given| given.instrument == instrument);
        let lots = crossed.fold(offer.lots, |sum, given| sum + given.lots);
        let trade = self.trade_of(state, instrument, lots);
        let listing = &state.market.instruments[instrument];
        let (mark, worst) = (state.market.mark(listing.id).in_quote().to_f64(), offer.worst.to_f64());
        let size = if listing.is_option() { mark } else { moving(state, instrument) };
        let away = 2.0 * size * (trade.half_spread + 0.01 * trade.usd / trade.depth);
        let tick = state.contracts[instrument].terms.tick.to_f64();
        let concession = if lots > 0 { worst - mark } else { mark - worst };
        self.count("offers");
        ensure(concession <= away + tick * 1.001, "I-42", || {
            format!(
                "account {account}: {lots} lots at {worst} or better, the mark is {mark} and the book {away} from it"
            )
        })?;
        self.asked_least += 1;
        let spot = state.contracts[instrument].terms.kind == InstrumentKind::Spot;
        if self.asked_least.is_multiple_of(LEAST_EVERY) && state.method.previous.is_none() && !spot && !flawed {
            self.least(state, account, (instrument, lots))?;
        }
        Ok(())
    }

    /// Fewer lots would not have been enough, within a margin of two lots and one in a hundred (I-38).
    fn least(&mut self, state: &State, account: usize, (instrument, lots): (usize, i64)) -> Result<(), Finding> {
        self.count("least lots");
        let all = lots.abs();
        // The search halves first, because too many lots may fail as well: a long that is sold twice over is a short.
        let Some(mut enough) = [all, all / 2, all / 4, all / 8]
            .into_iter()
            .find(|part| *part > 0 && self.enough(state, account, (instrument, lots.signum() * part)))
        else {
            return Ok(());
        };
        let mut short = 0;
        while enough - short > 1 {
            let middle = short + (enough - short) / 2;
            if self.enough(state, account, (instrument, lots.signum() * middle)) {
                enough = middle;
            } else {
                short = middle;
            }
        }
        ensure(all <= enough + 2 + enough / 100, "I-38", || {
            let name = &state.contracts[instrument].terms.name;
            format!("account {account}: {lots} lots of {name} are offered, {enough} are enough")
        })
    }

    /// Whether an account would reach its target by a trade at the mark with its expected cost.
    fn enough(&mut self, state: &State, account: usize, (instrument, lots): (usize, i64)) -> bool {
        let trade = self.trade_of(state, instrument, lots);
        let terms = &state.contracts[instrument].terms;
        let cost = trade.usd * (trade.half_spread + trade.fee + 0.005 * trade.usd / trade.depth);
        let price = state.market.price(terms.cash()).usd().to_f64();
        let Ok(cost) = Quantity::from_f64(cost / price, Round::Up) else { return false };
        let mark = listing_mark(state, instrument);
        let supposed = self.books.supposing(account, instrument, (mark, lots), cost.raw());
        let real = std::mem::replace(&mut self.books, supposed);
        let after = self.standing(state, account);
        self.books = real;
        let beta = state.policy.liquidation.beta.to_f64();
        after.is_some_and(|after| after.equity - beta * after.maintenance > 2.0 * after.tolerance)
    }

    /// The trades of liquidations keep to a share of the depth: a bucket that drains once an interval.
    pub(super) fn paced(
        &mut self,
        state: &State,
        now: Timestamp,
        (instrument, lots): (usize, i64),
    ) -> Result<(), Finding> {
        let rules = &state.policy.liquidation;
        let terms = &state.contracts[instrument].terms;
        let place = terms.underlying.0;
        let units = Quantity::from_raw(terms.unit().raw() * i128::from(lots.abs())).to_f64();
        let usd = if terms.payoff == Payoff::Inverse && !terms.is_option() {
            units * state.market.price(terms.quote).usd().to_f64()
        } else {
            units * state.market.index(UnderlyingId(place)).usd().to_f64().abs()
        };
        let capacity = self.depth(state, place) * rules.participation.to_f64();
        let interval = seconds(rules.interval);
        let spent = self.cases.spend(place, usd, capacity, (now.micros(), |micros| seconds(micros) / interval));
        self.count("flows");
        ensure(spent <= capacity * (1.0 + 1e-9) + DUST, "I-39", || {
            format!("liquidations have traded {spent} USD of underlying {place}, its depth bears {capacity}")
        })
    }

    fn trade_of(&self, state: &State, instrument: usize, lots: i64) -> Trade {
        let (rules, terms) = (&state.policy.liquidation, &state.contracts[instrument].terms);
        let option = terms.is_option();
        let depth = self.depth(state, terms.underlying.0);
        Trade {
            usd: lot_usd(state, instrument) * Quantity::from_raw(i128::from(lots.abs()) * Quantity::ONE.raw()).to_f64(),
            half_spread: if option { rules.option_half_spread } else { rules.half_spread }.to_f64(),
            fee: terms.fee_rate.map_or(0.0, Ratio::to_f64),
            depth: if option { depth * rules.option_depth.to_f64() } else { depth },
        }
    }

    /// Checks a step after it was booked: its account is no worse off (I-37), and the account that took over holds the
    /// margin that its new portfolio needs (I-23).
    pub(super) fn stepped(&mut self, state: &State, step: &Step) -> Result<(), Finding> {
        if let Some((left, before)) = step.met
            && let Some(other) = step.deeds.crossed
        {
            self.no_worse(state, other, step.now, left, before)?;
        }
        if step.deeds.given.is_empty() && step.deeds.covers == 0 && step.bid.is_none() {
            return Ok(());
        }
        rescue::prices(state, step)?;
        let taken = step.deeds.is_paid() || step.bid.is_some();
        if taken {
            self.taken_over(state, step)?;
        } else if step.deeds.crossed.is_none() {
            self.rescued(state, step)?;
            // The last resort may close a hedge before the position that it hedges, but it never costs the account
            // equity.
            let after = self.viewed(state, step.account, step.left, Timestamp::from_micros(step.now));
            let Some(after) = after else { return Ok(()) };
            let slack = step.before.tolerance + after.tolerance + DUST;
            return ensure(after.equity >= step.before.equity - slack, "I-37", || {
                format!("account {} stood at {:?}, and at {after:?} after its rescue", step.account, step.before)
            });
        }
        self.no_worse(state, step.account, step.now, step.left, step.before)
    }

    fn no_worse(
        &mut self,
        state: &State,
        account: usize,
        now: i64,
        left: Left,
        before: Standing,
    ) -> Result<(), Finding> {
        let Some(after) = self.viewed(state, account, left, Timestamp::from_micros(now)) else { return Ok(()) };
        let (was, is) = (before.equity - before.maintenance, after.equity - after.maintenance);
        self.count("steps");
        ensure(is >= was - before.tolerance - after.tolerance - DUST, "I-37", || {
            format!("account {account}: excess {was} before the step, {is} after: {before:?}, {after:?}")
        })
    }
}

/// Size and costs of a trade, by the rules for offers.
#[derive(Clone, Copy, Debug)]
struct Trade {
    usd: f64,
    half_spread: f64,
    fee: f64,
    depth: f64,
}

fn seconds(micros: i64) -> f64 {
    Timestamp::from_micros(micros).seconds_since(Timestamp::from_micros(0))
}
