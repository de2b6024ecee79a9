//! Checks the steps after the market has not helped: the price of a takeover, the order in which a loss is paid, and the
//! profit that winners give back.

use std::collections::{BTreeMap, BTreeSet};

use engine::AccountId;
use engine::state::{Mode, Policy, Pot, State};
use model::{AssetId, InstrumentId, Payoff, UnderlyingId};
use units::{Quantity, Timestamp};

use super::sight::instrument_priced;
use super::size::{listing_mark, lot_usd};
use super::step::{DUST, Given, Step};
use super::{Auditor, view};
use crate::arithmetic::over;
use crate::books::{Books, worth};
use crate::{Finding, ensure, margin};

impl Auditor {
    /// The USD that a backstop may lose by taking an account over: at most the budget of the rules, and a share of the
    /// depth of each of its markets. The loss is split between the markets in proportion to notional.
    fn budget(&self, state: &State, step: &Step) -> f64 {
        let rules = &state.policy.liquidation;
        let mut markets: BTreeMap<usize, f64> = BTreeMap::new();
        for (instrument, lots) in &step.books.accounts[step.account].lots {
            let terms = &state.contracts[*instrument].terms;
            let price = match terms.payoff {
                Payoff::Inverse if !terms.is_option() => state.market.price(terms.quote),
                Payoff::Inverse | Payoff::Linear => state.market.index(terms.underlying),
            }
            .usd();
            let notional = whole(lots.lots) * terms.unit().to_f64() * price.to_f64();
            *markets.entry(terms.underlying.0).or_default() += notional.abs();
        }
        let whole: f64 = markets.values().sum();
        let bears = markets.iter().filter(|(_, notional)| **notional > 0.0).map(|(underlying, notional)| {
            self.depth(state, *underlying) * rules.backstop_depth.to_f64() * whole / notional
        });
        bears.fold(rules.backstop_budget.to_f64(), f64::min)
    }

    /// A share went to a bidder or a backstop at its worth less the discount that the clock of the auction allows; the
    /// account that took it holds initial margin with it.
    pub(super) fn taken_over(&mut self, state: &State, step: &Step) -> Result<(), Finding> {
        self.count("take-overs");
        let account = step.account;
        let takers: BTreeSet<usize> = step.deeds.given.iter().map(|given| given.to).collect();
        let taker = step.bid.map(|(bidder, ..)| bidder).or_else(|| takers.first().copied());
        let Some(taker) = taker else {
            return Err(Finding::new("I-45", format!("account {account} was paid for, and nothing was taken over")));
        };
        let known = self.cases.backstops.contains(&taker) && takers.iter().all(|one| *one == taker);
        ensure(known, "I-64", || format!("accounts {takers:?} took over from account {account}"))?;
        let (equity_before, paid) = (step.before.equity, payment(state, step));
        let slack = step.before.tolerance + DUST;
        let rules = &state.policy.liquidation;
        if let Some((_, share, price)) = step.bid {
            let auction = self.cases.open.get(&account).and_then(|open| open.auction);
            let Some(began) = auction else {
                return Err(Finding::new("I-43", format!("account {account} was bid for and is not in auction")));
            };
            let Some(discount) = discount(step.now.saturating_sub(began), &state.policy) else {
                return Err(Finding::new("I-42", format!("account {account} was bid for after its auction")));
            };
            let lacks = rules.beta.to_f64() * step.before.maintenance - equity_before;
            let needed = lacks / (lacks + equity_before * (1.0 - discount));
            let share = share.to_f64();
            ensure(share <= needed.min(1.0) + 1e-6, "I-38", || {
                format!("a share of {share} of account {account} was sold, {needed} is enough")
            })?;
            let most = discount * equity_before * share;
            ensure(-price.to_f64() <= most + slack && paid <= most + slack, "I-42", || {
                format!("account {account} paid {paid} for a share of {share}, the clock allows {most}")
            })?;
        } else {
            let lacking = step.lacking;
            let budget = self.budget(state, step);
            ensure(lacking <= budget + slack, "I-47", || {
                format!("a backstop took on {lacking} USD, {budget} is its budget")
            })?;
            // The share of the worth that is paid equals the share of the portfolio that is taken, between nothing and
            // the whole.
            let whole = if lacking > 0.0 { -lacking } else { step.worth.min(equity_before) };
            let ratio = paid / whole;
            if whole.abs() > 1.0 {
                ensure((-1e-6..=1.0 + 1e-6).contains(&ratio), "I-40", || {
                    format!("account {account} was worth {equity_before} and paid {paid}")
                })?;
                share_of(step, ratio)?;
            }
        }
        let Some(after) = self.standing(state, taker) else { return Ok(()) };
        let priced = self.risk_trusted(state, taker);
        ensure(priced && after.equity >= after.initial - after.tolerance, "I-23", || {
            format!("account {taker} took over from account {account} and stands at {after:?}")
        })
    }

    /// A loss was paid in order: by the funds of its markets, by a share of the shared fund, and then by the winners
    /// (I-47 to I-50).
    pub(super) fn rescued(&mut self, state: &State, step: &Step) -> Result<(), Finding> {
        self.count("rescues");
        let (account, before) = (step.account, &step.books);
        let slack = step.before.tolerance + DUST;
        let lacking = step.lacking;
        let held = &before.accounts[account].lots;
        // The markets of the positions that the account had when its case was opened, and the amount that the shared fund
        // has paid for it before.
        let case = state.liquidations.cases.get(&AccountId(u32::try_from(account).expect("ids are u32")));
        let known = case.map(|case| case.markets.iter().map(|market| market.0)).into_iter().flatten();
        let here = held.keys().map(|instrument| state.contracts[*instrument].terms.underlying.0);
        let underlyings: BTreeSet<usize> = known.chain(here).collect();
        let worth_of = |books: &Books, fund: Pot| -> f64 {
            books.of_fund(fund).map(|(asset, amount)| usd_of(state, asset, amount).max(0.0)).sum()
        };
        let drawn = |fund: Pot| worth_of(before, fund) - worth_of(&self.books, fund);
        let markets: Vec<Pot> =
            (0..state.market.underlyings.len()).map(|place| Pot::MarketFund(UnderlyingId(place))).collect();
        let covered: f64 = markets.iter().chain([&Pot::SharedFund]).map(|fund| drawn(*fund)).sum();
        ensure(covered <= lacking + slack, "I-47", || {
            format!("account {account} lacks {lacking} and {covered} was covered")
        })?;
        for fund in &markets {
            let Pot::MarketFund(underlying) = fund else { continue };
            let stranger = drawn(*fund) > DUST && !underlyings.contains(&underlying.0);
            ensure(!stranger, "I-47", || format!("{fund:?} paid for account {account}, which has nothing of it"))?;
        }
        let left: f64 =
            underlyings.iter().map(|place| worth_of(&self.books, Pot::MarketFund(UnderlyingId(*place)))).sum();
        let from_shared = drawn(Pot::SharedFund);
        let paid = case.map_or(0.0, |case| case.shared.to_f64());
        let part = state.policy.liquidation.shared_share.to_f64().clamp(0.0, 1.0);
        let there = worth_of(before, Pot::SharedFund);
        let share = (part * (there + paid) - paid).clamp(0.0, there.max(0.0));
        ensure(from_shared <= DUST || left <= slack, "I-47", || {
            format!("the shared fund paid {from_shared} for account {account}, funds of its markets hold {left}")
        })?;
        ensure(from_shared <= share + DUST, "I-47", || {
            format!("the shared fund paid {from_shared} for account {account}, its share is {share}")
        })?;
        let given_back: f64 = step.deeds.given.iter().map(|given| given_back(state, given)).sum();
        let ticks = tick_usd(state, step);
        let exhausted = left <= slack && from_shared >= share - slack;
        ensure(given_back <= ticks + slack || exhausted, "I-47", || {
            format!(
                "winners gave {given_back} back for account {account}, funds hold {left}, {from_shared} of {share} paid"
            )
        })?;
        let instruments: BTreeSet<usize> = step.deeds.given.iter().map(|given| given.instrument).collect();
        let lots: f64 = instruments.iter().map(|instrument| lot_usd(state, *instrument)).sum();
        let missing = (lacking - covered).max(0.0);
        ensure(given_back <= missing + lots + ticks + slack, "I-50", || {
            format!("winners gave {given_back} back for account {account}, which lacked {missing}")
        })?;
        formula(state, step, missing)?;
        self.winners(state, step)
    }

    /// A winner that gives profit back held the opposite position, closes no more than that position, had an unsettled
    /// profit, and loses no more than that profit (I-48, I-49).
    fn winners(&self, state: &State, step: &Step) -> Result<(), Finding> {
        let mut profits: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        // Legs of one underlying are closed together: the profit of one may pay for another.
        let mut bundles: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
        for given in &step.deeds.given {
            let terms = &state.contracts[given.instrument].terms;
            let held = step.books.accounts[given.to].lots.get(&given.instrument).copied().unwrap_or_default();
            // The winner trades against the sign of the liquidated account.
            let closes =
                held.lots.signum() == given.lots.signum() && given.lots.unsigned_abs() <= held.lots.unsigned_abs();
            ensure(closes, "I-49", || {
                format!(
                    "account {} holds {} lots of {} and {} were closed",
                    given.to, held.lots, terms.name, given.lots
                )
            })?;
            let sum = profits.entry(given.to).or_default();
            let price = state.market.price(terms.cash()).usd().to_f64();
            let ticks = 2.0 * terms.tick.to_f64() * terms.unit().to_f64() * whole(given.lots).abs() * price;
            sum.1 += ticks;
            if terms.is_option() {
                continue;
            }
            let mark = listing_mark(state, given.instrument);
            let profit = usd_of(state, terms.settle.0, worth(terms, held.lots, mark) - held.cost);
            ensure(profit > -DUST, "I-48", || {
                format!("account {} has a profit of {profit} in {} and was deleveraged", given.to, terms.name)
            })?;
            let bundle = bundles.entry((given.to, terms.underlying.0)).or_default();
            (bundle.0, bundle.1) = (bundle.0 + given_back(state, given), bundle.1 + profit + ticks);
            sum.0 += profit;
        }
        for ((winner, underlying), (back, profit)) in bundles {
            ensure(back <= profit + DUST, "I-49", || {
                format!("account {winner} gave {back} back of a profit of {profit} in underlying {underlying}")
            })?;
        }
        for (winner, (profit, ticks)) in profits {
            let was = view(state, &step.books, winner, false).map(|view| margin::equity(&view, &state.market));
            let (Some(was), Some(is)) = (was, self.equity(state, winner)) else { continue };
            let slack = ticks + DUST + 1e-9 * was.abs();
            ensure(is >= was - profit - slack, "I-48", || {
                format!("account {winner} was worth {was}, had a profit of {profit} and is worth {is}")
            })?;
        }
        Ok(())
    }

    /// The equity of an account now, in USD.
    fn equity(&self, state: &State, account: usize) -> Option<f64> {
        view(state, &self.books, account, false).map(|view| margin::equity(&view, &state.market))
    }
}

/// The loss of the other side of a trade against the mark, in USD; 0 for options and inverse contracts.
fn given_back(state: &State, given: &Given) -> f64 {
    let terms = &state.contracts[given.instrument].terms;
    if terms.is_option() || terms.payoff == Payoff::Inverse {
        return 0.0;
    }
    let away = Quantity::from_raw(given.price - listing_mark(state, given.instrument)).to_f64();
    -away * terms.unit().to_f64() * whole(given.lots) * state.market.price(terms.settle).usd().to_f64()
}

fn usd_of(state: &State, asset: usize, amount: i128) -> f64 {
    Quantity::from_raw(amount).to_f64() * state.market.price(AssetId(asset)).usd().to_f64()
}

fn whole(lots: i64) -> f64 {
    Quantity::from_raw(i128::from(lots) * Quantity::ONE.raw()).to_f64()
}

/// The discount of an auction at `elapsed` microseconds: two straight lines; none once the auction is over.
fn discount(elapsed: i64, policy: &Policy) -> Option<f64> {
    let rules = &policy.liquidation;
    let (first, second) = (rules.first_discount.to_f64(), rules.fast_discount.to_f64());
    let part = |micros: i64, of: i64| {
        let zero = Timestamp::from_micros(0);
        Timestamp::from_micros(micros).seconds_since(zero) / Timestamp::from_micros(of).seconds_since(zero)
    };
    if elapsed < rules.fast {
        return Some(first + (second - first) * part(elapsed.max(0), rules.fast));
    }
    (elapsed < rules.fast + rules.slow).then(|| second + (1.0 - second) * part(elapsed - rules.fast, rules.slow))
}

/// Lots that are given without a market are given at the mark, within a tick; only winners may have to take linear
/// contracts at another price (I-42).
pub(super) fn prices(state: &State, step: &Step) -> Result<(), Finding> {
    for given in &step.deeds.given {
        let terms = &state.contracts[given.instrument].terms;
        let signed = state.market.underlyings[terms.underlying.0].scale.is_some();
        let name = &terms.name;
        let away = (given.price - listing_mark(state, given.instrument)).abs();
        let linear = terms.payoff == Payoff::Linear && !terms.is_option();
        let rescued = !step.deeds.is_paid() && step.bid.is_none() && step.deeds.crossed.is_none();
        // An option whose value is less than a tick is given for nothing.
        let sound = given.price > 0 || signed || (given.price == 0 && terms.is_option());
        ensure(sound, "I-42", || format!("{name} was given at {}", given.price))?;
        ensure(away < terms.tick.raw() || (rescued && linear), "I-42", || {
            format!("account {}: {} lots of {name} were given {away} from the mark", step.account, given.lots)
        })?;
    }
    Ok(())
}

/// What an account paid to the account that took its portfolio over, in USD; negative when the account received money.
fn payment(state: &State, step: &Step) -> f64 {
    let usd = |(own, asset, amount): &(bool, usize, i128)| usd_of(state, *asset, if *own { *amount } else { -*amount });
    step.deeds.payments.iter().map(usd).sum()
}

/// A backstop is paid for no more than it took, and takes no more than it pays for; a difference of less than a lot is
/// allowed.
fn share_of(step: &Step, ratio: f64) -> Result<(), Finding> {
    for given in &step.deeds.given {
        let held = step.books.accounts[step.account].lots.get(&given.instrument).map_or(0, |held| held.lots);
        let (held, lots) = (whole(held), whole(given.lots));
        let taken = -lots / held;
        let fair =
            if step.before.equity > 0.0 { taken >= ratio - 1.0 / held.abs() - 1e-6 } else { taken <= ratio + 1e-6 };
        ensure(fair && (0.0..=1.0).contains(&taken), "I-40", || {
            let Given { instrument, .. } = given;
            format!("account {} paid {ratio} of its worth, and {taken} of instrument {instrument} went", step.account)
        })?;
    }
    Ok(())
}

/// Every lot of an instrument is given at one price: that at which closing all its lots makes good the remaining loss
/// (I-42).
fn formula(state: &State, step: &Step, missing: f64) -> Result<(), Finding> {
    let mut done: BTreeMap<usize, (i128, i64)> = BTreeMap::new();
    for given in &step.deeds.given {
        let (price, lots) = done.entry(given.instrument).or_insert((given.price, 0));
        let name = &state.contracts[given.instrument].terms.name;
        ensure(*price == given.price, "I-42", || {
            format!("{name} was given at two prices: {price} and {}", given.price)
        })?;
        *lots += given.lots;
    }
    // Linear contracts in open markets share the loss in proportion to their notional at the index.
    let held = &step.books.accounts[step.account].lots;
    let shares = |instrument: usize| {
        let contract = &state.contracts[instrument];
        let open = matches!(contract.mode, Mode::Open | Mode::ReduceOnly)
            && contract.terms.expiry().is_none_or(|expiry| step.now < expiry.micros());
        let priced = instrument_priced(state, instrument, Timestamp::from_micros(step.now));
        open && priced && contract.terms.payoff == Payoff::Linear && !contract.terms.is_option()
    };
    let worth = |instrument: usize| {
        let terms = &state.contracts[instrument].terms;
        let lots = held.get(&instrument).map_or(0, |held| held.lots);
        (terms.unit().to_f64() * whole(lots)).abs() * state.market.index(terms.underlying).usd().to_f64().abs()
    };
    let all: f64 = held.keys().copied().filter(|instrument| shares(*instrument)).map(worth).sum();
    for (instrument, (price, lots)) in done {
        let terms = &state.contracts[instrument].terms;
        if !shares(instrument) {
            continue;
        }
        let units = terms.unit().to_f64() * whole(held.get(&instrument).map_or(0, |held| held.lots));
        let coin = state.market.price(terms.settle).usd().to_f64();
        let mark = listing_mark(state, instrument);
        let unit = state.market.price(terms.quote).usd().raw();
        let scale = state.market.underlyings[terms.underlying.0].scale;
        // Where prices may be negative, the size of a mark is its absolute value, and at least the scale.
        let size = scale.map_or(mark, |scale| mark.abs().max(over(scale.usd().raw(), unit, true)));
        let most = units.abs() * Quantity::from_raw((size - terms.tick.raw()).max(0)).to_f64();
        // Where all notional is zero, the first instrument has to make good the whole loss.
        let first = held.keys().copied().find(|place| shares(*place)) == Some(instrument);
        let part = if all > 0.0 { worth(instrument) / all } else { f64::from(first) };
        let loss = (missing * part / coin).min(most);
        let away = Quantity::from_raw(price - mark).to_f64();
        // The mark is rounded to a tick, and the price is rounded again.
        let tick = 2.0 * terms.tick.to_f64() * 1.001 + (step.before.tolerance + DUST) / units.abs();
        ensure((away - loss / units).abs() <= tick, "I-42", || {
            format!(
                "account {}: {lots} lots of {} were given {away} from the mark, the loss is {} a unit",
                step.account,
                terms.name,
                loss / units
            )
        })?;
    }
    Ok(())
}

/// The value of the tick roundings of all lots that were given, in USD.
fn tick_usd(state: &State, step: &Step) -> f64 {
    let of = |given: &Given| {
        let terms = &state.contracts[given.instrument].terms;
        let tick =
            terms.tick.to_f64() / state.market.mark(InstrumentId(given.instrument)).in_quote().to_f64().abs().max(1e-9);
        match terms.payoff {
            Payoff::Inverse if !terms.is_option() => tick * whole(given.lots).abs() * lot_usd(state, given.instrument),
            Payoff::Inverse | Payoff::Linear => {
                let price = state.market.price(terms.cash()).usd().to_f64();
                2.0 * terms.tick.to_f64() * terms.unit().to_f64() * whole(given.lots).abs() * price
            }
        }
    };
    step.deeds.given.iter().map(of).sum()
}
