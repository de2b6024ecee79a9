//! Liquidations, kept a second time: which are open, what is offered for them, since when they are auctioned, and when
//! none may go on.
//!
//! What is offered is the engine's choice and is read from its events. When it may be, what is left of it and when it
//! ends follows from commands.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Finding, ensure};
use engine::state::{Offer, State};
use engine::{AccountId, Command, Envelope, Event};

/// The liquidation of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Above that of every earlier one.
    pub epoch: u64,
    /// What may be traded for it.
    pub offer: Option<Offer>,
    /// Since when its portfolio is in auction, in microseconds.
    pub auction: Option<i64>,
}

/// Every liquidation, and what limits them.
#[derive(Clone, Debug, Default)]
pub struct Cases {
    /// Open liquidations, by the number of their account.
    pub open: BTreeMap<usize, Open>,
    /// Accounts that take over portfolios.
    pub backstops: BTreeSet<usize>,
    /// Nobody is liquidated before, in microseconds.
    pub calm: i64,
    /// USD that liquidations have traded of each underlying and that has not drained, and since when, in microseconds.
    pub flows: BTreeMap<usize, (f64, i64)>,
    last_epoch: u64,
    ticked: Option<i64>,
}

impl Cases {
    /// None, of an engine that begins at `clock`, in microseconds.
    pub fn new(clock: i64) -> Self {
        Self { calm: clock, ..Self::default() }
    }

    /// Books a command that the engine accepted in `state`, as it was before it.
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

    /// What was offered for accounts other than the one that is traded, and is offered no longer: whether rightly, the auditor asks.
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

    /// Cases that a watch opens, each with a new number (I-46).
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

    /// A fill is a part of what is offered in this market: its instrument, its side, no more, and no
    /// worse (I-38, I-42).
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

    /// What a step says of cases. It opens one with a new number (I-46), offers for its own account, and leaves of the
    /// offer of another what was not crossed with it.
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

    /// What is offered for an account now, in a step of `account` in which `met` lots of its earlier offer were crossed.
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

    /// Compares with the state; finds the first difference.
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

    /// Takes so many USD out of what liquidations may trade of an underlying, which is `capacity` at once and in an
    /// interval; gives what has not drained with them.
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

/// Whether so many lots, signed as the account trades them, are a part of an offer of this version.
fn within(offer: Offer, lots: i64, version: u64) -> bool {
    offer.version == version && offer.lots.signum() == lots.signum() && lots.unsigned_abs() <= offer.lots.unsigned_abs()
}
