//! Liquidations, kept a second time: the open cases, their offers, the beginnings of their auctions, and the pause after
//! an outage.
//!
//! An offer is the engine's choice and is read from its events. When an offer is allowed, how much of it is left and when
//! it ends follows from commands.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Finding, ensure};
use engine::state::{Offer, State};
use engine::{AccountId, Command, Envelope, Event};

/// The liquidation of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// The number of the case, above that of every earlier case.
    pub epoch: u64,
    /// The lots that may be traded for it.
    pub offer: Option<Offer>,
    /// The time when the auction of its portfolio began, in microseconds; none when there is no auction.
    pub auction: Option<i64>,
}

/// All open liquidations, and their limits.
#[derive(Clone, Debug, Default)]
pub struct Cases {
    /// Open liquidations, by the number of their account.
    pub open: BTreeMap<usize, Open>,
    /// Accounts that take over portfolios.
    pub backstops: BTreeSet<usize>,
    /// No account is liquidated before this time, in microseconds.
    pub calm: i64,
    /// The USD that liquidations have traded of each underlying and that have not drained, and the time of that sum in
    /// microseconds.
    pub flows: BTreeMap<usize, (f64, i64)>,
    last_epoch: u64,
    ticked: Option<i64>,
}

impl Cases {
    /// No cases, for an engine that begins at `clock`, in microseconds.
    pub fn new(clock: i64) -> Self {
        Self { calm: clock, ..Self::default() }
    }

    /// Books a command that the engine accepted. `state` is the state before the command.
    pub fn follow(&mut self, state: &State, envelope: &Envelope, events: &[Event]) -> Result<(), Finding> {
        let now = envelope.time.micros();
        let command = &envelope.command;
        if *command == Command::Tick {
            let rules = &state.policy.liquidation;
            if self.ticked.is_some_and(|ticked| now.saturating_sub(ticked) > rules.outage) {
                self.calm = now.saturating_add(rules.cure);
            }
            self.ticked = Some(now);
        } else if let Command::SetBackstop { account, on } = command {
            if *on {
                self.backstops.insert(account.place());
            } else {
                self.backstops.remove(&account.place());
            }
        } else if let Command::LiquidationFill { account, instrument, price, lots, .. } = command {
            self.filled(state.version, *account, (*instrument, *lots, *price))?;
            self.withdrawn(events, Some(*account));
        } else if let Command::Liquidate { account } = command {
            self.stepped(state.version, (account.place(), now), events)?;
        } else if *command == Command::Watch {
            self.begun(events)?;
        } else {
            self.withdrawn(events, None);
        }
        Ok(())
    }

    /// Books the offers that were withdrawn for other accounts than the traded one. The auditor checks whether they
    /// should have been.
    fn withdrawn(&mut self, events: &[Event], traded: Option<AccountId>) {
        for event in events {
            if let Event::Offered { account, offer: None } = event
                && Some(*account) != traded
                && let Some(open) = self.open.get_mut(&account.place())
            {
                open.offer = None;
            }
        }
    }

    /// Books the cases that a watch opens, each with a new number (I-46).
    fn begun(&mut self, events: &[Event]) -> Result<(), Finding> {
        for event in events {
            let Event::CaseOpened { account, epoch, .. } = event else { continue };
            self.opens(account.place(), *epoch)?;
        }
        Ok(())
    }

    fn opens(&mut self, account: usize, epoch: u64) -> Result<(), Finding> {
        let last = self.last_epoch;
        ensure(!self.open.contains_key(&account), "I-43", || format!("a second case of account {account} was opened"))?;
        ensure(epoch > last, "I-46", || format!("case {epoch} of account {account}, after {last}"))?;
        self.last_epoch = epoch;
        self.open.insert(account, Open { epoch, offer: None, auction: None });
        Ok(())
    }

    /// Whether liquidations may go on at `now`, in microseconds: no outage is under way, and none has just ended (I-44).
    pub fn is_calm(&self, state: &State, now: i64) -> bool {
        let silent = self.ticked.is_some_and(|ticked| now.saturating_sub(ticked) > state.policy.liquidation.outage);
        !silent && now >= self.calm
    }

    /// Checks that a fill is a part of an offer in this market: the same instrument and side, no more lots, and no worse
    /// price (I-38, I-42).
    fn filled(
        &mut self,
        version: u64,
        account: AccountId,
        (instrument, lots, price): (model::InstrumentId, i64, units::Price),
    ) -> Result<(), Finding> {
        let open = self.open.get_mut(&account.place());
        let open = open.ok_or_else(|| Finding::new("I-35", format!("account {account} has no case and was traded")))?;
        let unoffered = || Finding::new("I-38", format!("account {account} was traded, and nothing was offered"));
        let offer = open.offer.ok_or_else(unoffered)?;
        ensure(offer.version == version, "I-12", || {
            format!("account {account}: an offer of version {} was filled in version {version}", offer.version)
        })?;
        let within = offer.instrument == instrument
            && offer.lots.signum() == lots.signum()
            && lots.unsigned_abs() <= offer.lots.unsigned_abs();
        ensure(within, "I-38", || format!("account {account}: {lots} lots of {instrument:?} filled, {offer:?}"))?;
        let no_worse = if lots > 0 { price <= offer.worst } else { price >= offer.worst };
        ensure(no_worse, "I-42", || format!("account {account} was traded at {price}, the worst is {}", offer.worst))?;
        open.offer = Some(Offer { lots: offer.lots - lots, ..offer }).filter(|left| left.lots != 0);
        Ok(())
    }

    /// Books what a step reports about cases. A step opens its case with a new number (I-46), makes an offer for its own
    /// account, and leaves of another account's offer the lots that were not crossed with it.
    fn stepped(&mut self, version: u64, (account, now): (usize, i64), events: &[Event]) -> Result<(), Finding> {
        let mut crossed: BTreeMap<usize, i64> = BTreeMap::new();
        for event in events {
            if let Event::CaseOpened { account: whose, epoch, .. } = event {
                ensure(whose.place() == account, "I-43", || {
                    format!("a case of account {whose} was opened by one of account {account}")
                })?;
                self.opens(account, *epoch)?;
            } else if let Event::Transferred { to, lots, .. } = event {
                *crossed.entry(to.place()).or_default() += lots;
            } else if let Event::Offered { account: whose, offer } = event {
                let met = crossed.get(&whose.place()).copied().unwrap_or(0);
                self.offered(version, (account, *whose), *offer, met)?;
            } else if let Event::Auctioned { account: whose } = event {
                let missing = || Finding::new("I-43", format!("account {whose} has no case and is auctioned"));
                let open = self.open.get_mut(&whose.place()).filter(|_| whose.place() == account);
                let open = open.ok_or_else(missing)?;
                (open.offer, open.auction) = (None, Some(now));
            } else if let Event::CaseClosed { account: whose } = event {
                let closed = self.open.remove(&whose.place());
                ensure(whose.place() == account && closed.is_some(), "I-43", || {
                    format!("no case of account {whose} is there to be closed by account {account}")
                })?;
            }
        }
        Ok(())
    }

    /// Books the new offer of an account, in a step of `account` that crossed `met` lots of its earlier offer.
    fn offered(
        &mut self,
        version: u64,
        (account, whose): (usize, AccountId),
        offer: Option<Offer>,
        met: i64,
    ) -> Result<(), Finding> {
        let missing = || Finding::new("I-43", format!("account {whose} has no case and an offer"));
        let open = self.open.get_mut(&whose.place()).ok_or_else(missing)?;
        if whose.place() == account {
            let current = offer.is_none_or(|offer| offer.version == version && offer.lots != 0);
            ensure(current, "I-12", || format!("account {whose}: {offer:?} in version {version}"))?;
        } else {
            // The other side of a crossing trades against the sign of this one.
            let left = open.offer.map(|was| Offer { lots: was.lots + met, ..was });
            let left = left.filter(|left| left.lots != 0);
            let sound = met != 0 && open.offer.is_some_and(|was| within(was, -met, version));
            ensure(offer.is_none() || (sound && left == offer), "I-38", || {
                format!("account {whose} crossed {met} lots of {:?}, left {offer:?}", open.offer)
            })?;
        }
        open.offer = offer;
        Ok(())
    }

    /// Compares the cases with the state; returns the first difference.
    pub fn compare(&self, state: &State) -> Result<(), Finding> {
        let theirs = &state.liquidations;
        let same = |(whose, case): (&AccountId, &engine::state::Case)| {
            let auction = case.auction.map(units::Timestamp::micros);
            self.open.get(&whose.place()) == Some(&Open { epoch: case.epoch, offer: case.offer, auction })
        };
        if let Some((whose, case)) = theirs.cases.iter().find(|(whose, case)| !same((whose, case))) {
            let ours = self.open.get(&whose.place());
            return Err(Finding::new("I-43", format!("account {whose}: {case:?}, the books {ours:?}")));
        }
        let missing = self.open.len() - theirs.cases.len();
        ensure(missing == 0, "I-43", || format!("{missing} cases of the books are not there"))?;
        ensure(theirs.last_epoch == self.last_epoch, "I-46", || format!("the last epoch is {}", theirs.last_epoch))?;
        let calm = theirs.calm.micros();
        ensure(calm == self.calm, "I-44", || format!("calm until {}, the books say {} µs", theirs.calm, self.calm))?;
        let backstops = theirs.backstops.iter().map(|backstop| backstop.place());
        ensure(backstops.eq(self.backstops.iter().copied()), "I-64", || format!("backstops {:?}", theirs.backstops))
    }

    /// Adds `usd` to the trades of liquidations in an underlying, which may reach `capacity` at once and again in each
    /// interval; returns the sum that has not drained.
    pub fn spend(
        &mut self,
        underlying: usize,
        usd: f64,
        capacity: f64,
        (now, intervals): (i64, impl Fn(i64) -> f64),
    ) -> f64 {
        let (level, since) = self.flows.get(&underlying).copied().unwrap_or((0.0, now));
        let left = (level - capacity * intervals(now.saturating_sub(since).max(0))).max(0.0);
        self.flows.insert(underlying, (left + usd, now.max(since)));
        left + usd
    }
}

/// Whether `lots`, signed as the account trades them, are a part of an offer of this version.
fn within(offer: Offer, lots: i64, version: u64) -> bool {
    offer.version == version && offer.lots.signum() == lots.signum() && lots.unsigned_abs() <= offer.lots.unsigned_abs()
}
