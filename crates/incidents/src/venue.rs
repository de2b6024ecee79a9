//! A venue around the real engine: it lists, reports prices, deposits money and matches trades, as a script requests.
//!
//! Every command goes through an [`Operator`] to the engine, so the engine's refusals here are its refusals everywhere.
//! Settlement is in USD unless a script lists a coin.

use std::collections::BTreeMap;
use std::convert::Infallible;

use engine::state::{AssetTerms, Change, Holder, InstrumentTerms, Offer, Policy, Pot, State, UnderlyingTerms};
use engine::{AccountId, Command, Event, FeedId, Judged, Party, Principal, Reject, Status};
use margin::method::universal;
use marks::{FeedRules, Source};
use model::{AssetId, InstrumentId, InstrumentKind, Payoff, Side, USD, UnderlyingId};
use operator::{Batch, Duty, Failed, Memory, Operator, Ordered, Said, Schedule, Sent, Taken, Trade};
use units::{Money, Price, Quantity, Ratio, Round, Timestamp};

use crate::Broken;

/// A second, in microseconds.
pub(crate) const SECOND: i64 = 1_000_000;
/// A minute, in microseconds.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// An hour, in microseconds.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// A day, in microseconds.
pub(crate) const DAY: i64 = 24 * HOUR;

/// The terms of a perpetual or future of a script.
pub(crate) struct Listing<'a> {
    pub(crate) name: &'a str,
    pub(crate) underlying: UnderlyingId,
    pub(crate) kind: InstrumentKind,
    /// Units of the underlying in one lot.
    pub(crate) lot: f64,
    /// Smallest step of the price, in USD.
    pub(crate) tick: f64,
    /// The largest distance of a trade from the mark, as a share of the mark.
    pub(crate) band: f64,
}

/// A small venue for a script: an engine, the reports of its price sources, and the balances of its funds.
#[derive(Debug)]
pub(crate) struct Venue {
    operator: Operator<Memory>,
    /// The price that each source reports for each feed; a source without an entry is silent.
    said: BTreeMap<(FeedId, u32), Price>,
    /// The USD that each source of a feed reports within one per cent; a billion without an entry.
    depths: BTreeMap<FeedId, Money>,
    /// The balances of the funds, added up from event to event; `lowest` is the least that any fund has had.
    funds: BTreeMap<(Pot, AssetId), Quantity>,
    lowest: Quantity,
}

/// The reject of a refused command: an engine in memory never stops.
fn refused(failed: Failed<Infallible>) -> Reject {
    match failed {
        Failed::Refused(reject) => reject,
        Failed::Stopped(never) => match never {},
    }
}

/// A price of `usd`, to 10⁻⁹.
pub(crate) fn price(usd: f64) -> Price {
    let exact = Price::from_f64(usd + 0.5e-9, Round::Down).and_then(|price| price.to_decimals(9, Round::Down));
    exact.expect("prices of scripts are small")
}

/// An amount of `units`, to 10⁻⁶.
pub(crate) fn quantity(units: f64) -> Quantity {
    let exact = Quantity::from_f64(units + 0.5e-6, Round::Down).and_then(|amount| amount.to_decimals(6, Round::Down));
    exact.expect("amounts of scripts are small")
}

/// A share, to 10⁻⁶.
pub(crate) fn ratio(share: f64) -> Ratio {
    let exact = Ratio::from_f64(share + 0.5e-6, Round::Down).and_then(|ratio| ratio.to_decimals(6, Round::Down));
    exact.expect("shares of scripts are small")
}

/// An amount of `usd`, to 10⁻⁶.
pub(crate) fn money(usd: f64) -> Money {
    Money::from_raw(quantity(usd).raw())
}

/// The rules of a feed with `sources` sources: `quorum` of them must agree within 5 %, the price stays within 10 % of its
/// ten-minute average, and it is suspect where sources are 2 % apart.
pub(crate) fn rules(sources: u32, quorum: u32) -> FeedRules {
    let source = |source| Source { source, max_age_micros: MINUTE, bounds: None };
    FeedRules {
        sources: (1..=sources).map(source).collect(),
        quorum,
        band: ratio(0.05),
        dispersion: ratio(0.02),
        scale: price(0.01),
        max_confidence: ratio(0.02),
        max_future_micros: SECOND,
        collar: ratio(0.1),
        handover: ratio(0.01),
        fast_micros: MINUTE,
        slow_micros: 10 * MINUTE,
        signed: false,
    }
}

impl Venue {
    /// Creates a venue with nothing listed, under this policy, at the time the script begins.
    pub(crate) fn new(policy: Policy, start: &str) -> Result<Self, Broken> {
        // Scripts tick as seldom as they can: this is no outage, unless a script says so.
        let mut policy = policy;
        policy.liquidation.outage = policy.liquidation.outage.max(DAY);
        Self::punctual(policy, start)
    }

    /// Like [`Self::new`], but time without a tick is an outage as the policy says.
    pub(crate) fn punctual(policy: Policy, start: &str) -> Result<Self, Broken> {
        let start: Timestamp = start.parse().map_err(|_| Broken(format!("{start}: expected a moment")))?;
        let state = State::new(start, universal::PARAMS.to_owned(), policy);
        let door = Memory::new(state).map_err(|why| Broken(why.to_string()))?;
        Ok(Self {
            operator: Operator::new(door, Schedule::default()),
            said: BTreeMap::new(),
            depths: BTreeMap::new(),
            funds: BTreeMap::new(),
            lowest: Quantity::ZERO,
        })
    }

    /// The state of the engine.
    pub(crate) fn state(&self) -> &State {
        self.operator.state()
    }

    /// Sends a command now that an operator would not send.
    pub(crate) fn ask(&mut self, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
        self.send(|batch| batch.ask(principal, command)).map(|sent| sent.events)
    }

    /// Sends the one command that `write` writes.
    fn send<T>(&mut self, write: impl FnOnce(&mut Batch) -> T) -> Result<Sent<T>, Reject> {
        let done = self.operator.send(write);
        self.followed(done)
    }

    /// Does a duty of the operator now.
    pub(crate) fn duty(&mut self, duty: Duty) -> Result<Vec<Event>, Reject> {
        self.duty_later(0, duty)
    }

    /// Does a duty of the operator `micros` later, without reports or ticks in between.
    pub(crate) fn duty_later(&mut self, micros: i64, duty: Duty) -> Result<Vec<Event>, Reject> {
        self.later(micros);
        let done = self.operator.duty(duty).map(|events| Sent { told: (), events });
        self.followed(done).map(|sent| sent.events)
    }

    /// Does a duty of the operator that is never refused in this script.
    pub(crate) fn done(&mut self, duty: Duty) -> Result<Vec<Event>, Broken> {
        self.duty(duty).map_err(|reject| Broken(format!("{reject}: {duty:?}")))
    }

    /// Moves the time of the following commands forward by `micros`.
    fn later(&mut self, micros: i64) {
        self.operator.at(Timestamp::from_micros(self.state().clock.micros() + micros));
    }

    /// The result of a command; follows the balances of the funds from event to event.
    fn followed<T>(&mut self, done: Result<Sent<T>, Failed<Infallible>>) -> Result<Sent<T>, Reject> {
        let sent = done.map_err(refused)?;
        for event in &sent.events {
            let Event::Moved { from, to, asset, amount, .. } = event else { continue };
            for (holder, gives) in [(from, true), (to, false)] {
                let Holder::Pot(pot @ (Pot::MarketFund(_) | Pot::SharedFund)) = holder else { continue };
                let there = self.funds.entry((*pot, *asset)).or_default();
                *there = if gives { there.minus(*amount)? } else { there.plus(*amount)? };
                self.lowest = self.lowest.min(*there);
            }
        }
        Ok(sent)
    }

    /// Whether no fund was below zero after any event so far, and each holds the sum of its events.
    pub(crate) fn funds_held(&self) -> bool {
        let held = |fund: &(Pot, AssetId)| self.state().pots.get(fund).copied().unwrap_or_default();
        !self.lowest.is_negative() && self.funds.iter().all(|(fund, amount)| held(fund) == *amount)
    }

    /// The balance of a fund in USD.
    pub(crate) fn fund_has(&self, fund: Pot) -> f64 {
        self.state().pots.get(&(fund, USD)).copied().unwrap_or_default().to_f64()
    }

    /// Sends a command that is never refused in this script. Returns what `write` returns.
    fn must<T>(&mut self, what: &str, write: impl FnOnce(&mut Batch) -> T) -> Result<T, Broken> {
        self.send(write).map(|sent| sent.told).map_err(|reject| Broken(format!("{what}: {reject}")))
    }

    /// Lists an underlying whose index the sources report, with its limit of open interest in USD.
    pub(crate) fn underlying(
        &mut self,
        name: &str,
        index: f64,
        feed: FeedRules,
        open_interest_usd: f64,
    ) -> Result<UnderlyingId, Broken> {
        let sources: Vec<u32> = feed.sources.iter().map(|source| source.source).collect();
        let terms = UnderlyingTerms {
            name: name.to_owned(),
            reference: price(index),
            feed,
            adv_usd: None,
            depth: Vec::new(),
            open_interest_usd: money(open_interest_usd),
        };
        let id = self.must(name, |batch| batch.list_underlying(terms))?;
        for source in sources {
            self.said.insert((FeedId::Index(id), source), price(index));
        }
        Ok(id)
    }

    /// Lists a coin as collateral. `ratio` is its price in units of the underlying that it follows, or in USD.
    pub(crate) fn coin(
        &mut self,
        name: &str,
        follows: Option<UnderlyingId>,
        (reference, ratio): (f64, f64),
        feed: Option<FeedRules>,
        cap: f64,
    ) -> Result<AssetId, Broken> {
        let sources: Vec<u32> = feed.iter().flat_map(|rules| &rules.sources).map(|source| source.source).collect();
        let terms = AssetTerms {
            name: name.to_owned(),
            reference: price(reference),
            follows,
            feed,
            adv_usd: None,
            depth: Vec::new(),
            cap: quantity(cap),
        };
        let id = self.must(name, |batch| batch.list_asset(terms))?;
        for source in sources {
            self.said.insert((FeedId::Asset(id), source), price(ratio));
        }
        Ok(id)
    }

    /// Lists an instrument that pays in USD and whose price is the index.
    pub(crate) fn instrument(&mut self, listing: &Listing<'_>) -> Result<InstrumentId, Broken> {
        let terms = InstrumentTerms {
            name: listing.name.to_owned(),
            kind: listing.kind.clone(),
            underlying: listing.underlying,
            payoff: Payoff::Linear,
            quote: USD,
            settle: USD,
            contract_size: quantity(listing.lot),
            lot: Quantity::ONE,
            tick: price(listing.tick),
            max_order: 10_000_000,
            max_open: 100_000_000,
            band: ratio(listing.band),
            fee_rate: None,
            feed: None,
        };
        self.must(listing.name, |batch| batch.list_instrument(terms))
    }

    /// Opens an account of an owner and deposits `usd` to it.
    pub(crate) fn account(&mut self, name: &str, owner: u32, usd: f64) -> Result<AccountId, Broken> {
        let id = self.must(name, |batch| batch.open_account(name, owner))?;
        if usd > 0.0 {
            self.deposit(id, USD, usd).map_err(|reject| Broken(reject.to_string()))?;
        }
        Ok(id)
    }

    /// Deposits an asset to an account.
    pub(crate) fn deposit(&mut self, account: AccountId, asset: AssetId, units: f64) -> Result<Vec<Event>, Reject> {
        self.send(|batch| batch.deposit(account, asset, None, quantity(units))).map(|sent| sent.events)
    }

    /// Deposits money to a fund.
    pub(crate) fn fund(&mut self, fund: Pot, usd: f64) -> Result<(), Broken> {
        self.must(&format!("money for {fund:?}"), |batch| batch.fund(fund, USD, quantity(usd)))
    }

    /// The owner of an account withdraws an asset.
    pub(crate) fn withdraw(&mut self, account: AccountId, asset: AssetId, units: f64) -> Result<Vec<Event>, Reject> {
        self.send(|batch| batch.withdraw(account, asset, None, quantity(units))).map(|sent| sent.events)
    }

    /// Withdraws as much of an asset as the engine allows, to a millionth of the balance. Returns the amount.
    pub(crate) fn withdraw_most(&mut self, account: AccountId, asset: AssetId) -> f64 {
        let mut step = self.has(account, asset);
        let least = (step / 1e6).max(0.01);
        let mut taken = 0.0;
        while step >= least {
            if self.withdraw(account, asset, step).is_ok() {
                taken += step;
            } else {
                step /= 2.0;
            }
        }
        taken
    }

    /// The owner of an account transfers an asset to another account.
    pub(crate) fn transfer(
        &mut self,
        from: AccountId,
        to: AccountId,
        asset: AssetId,
        units: f64,
    ) -> Result<Vec<Event>, Reject> {
        self.send(|batch| batch.transfer((from, to), asset, None, quantity(units))).map(|sent| sent.events)
    }

    /// The owner of an account places an order that may also enlarge its position.
    pub(crate) fn place(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        lots: i64,
        limit: Price,
    ) -> Result<Vec<Event>, Reject> {
        let ordered = Ordered { instrument, side, lots, limit, reduce_only: false };
        self.send(|batch| batch.place(account, &ordered)).map(|sent| sent.events)
    }

    /// The owner of an account bids for a share of a portfolio in auction, at a price in USD.
    pub(crate) fn bid(
        &mut self,
        account: AccountId,
        auctioned: AccountId,
        share: Ratio,
        price: Money,
    ) -> Result<Vec<Event>, Reject> {
        self.send(|batch| batch.bid(account, auctioned, share, price)).map(|sent| sent.events)
    }

    /// Governance makes an account a backstop.
    pub(crate) fn backstop(&mut self, account: AccountId) -> Result<(), Broken> {
        self.must("a backstop", |batch| batch.set_backstop(account, true))
    }

    /// The balance of an asset in an account, in units.
    pub(crate) fn has(&self, account: AccountId, asset: AssetId) -> f64 {
        self.state().accounts[account.place()].balance(asset, None).amount.to_f64()
    }

    /// The position of an account in an instrument, in lots.
    pub(crate) fn lots(&self, account: AccountId, instrument: InstrumentId) -> i64 {
        self.state().accounts[account.place()].position(instrument).lots
    }

    /// The status of an account.
    pub(crate) fn status(&self, account: AccountId) -> Status {
        self.state().accounts[account.place()].status
    }

    /// The equity and margin of an account, at the marks.
    pub(crate) fn judge(&self, account: AccountId) -> Result<Judged, Broken> {
        let whose = &self.state().accounts[account.place()];
        self.operator.engine().desk().judge(self.state(), whose).map_err(|why| Broken(why.to_string()))
    }

    /// The mark of an instrument, in USD.
    pub(crate) fn mark(&self, instrument: InstrumentId) -> f64 {
        self.state().market.mark(instrument).in_quote().to_f64()
    }

    /// The multiple of the tick that is nearest to `usd`.
    pub(crate) fn on_tick(&self, instrument: InstrumentId, usd: f64) -> Price {
        let tick = self.state().contracts[instrument.0].terms.tick.raw();
        let near = price(usd).raw() + tick / 2;
        Price::from_raw(near - near.rem_euclid(tick))
    }

    /// Two accounts trade at the tick nearest to `usd`.
    pub(crate) fn fill(
        &mut self,
        instrument: InstrumentId,
        usd: f64,
        lots: i64,
        (buyer, seller): (AccountId, AccountId),
    ) -> Result<Vec<Event>, Reject> {
        let party = |account| Party { account, order: None, fee: Quantity::ZERO };
        let (price, buyer, seller) = (self.on_tick(instrument, usd), party(buyer), party(seller));
        let trade = Trade { instrument, price, lots, buyer, seller };
        self.send(|batch| batch.fill(&trade)).map(|sent| sent.events)
    }

    /// Trades the most lots that two accounts may trade at `usd`, found by halving refused amounts. Returns the lots.
    pub(crate) fn fill_most(
        &mut self,
        instrument: InstrumentId,
        usd: f64,
        most: i64,
        parties: (AccountId, AccountId),
    ) -> i64 {
        let (mut step, mut done) = (most, 0);
        while step > 0 {
            if done + step <= most && self.fill(instrument, usd, step, parties).is_ok() {
                done += step;
            } else {
                step /= 2;
            }
        }
        done
    }

    /// Requests the next step of the liquidation of an account.
    pub(crate) fn step(&mut self, account: AccountId) -> Result<Vec<Event>, Reject> {
        self.duty(Duty::Liquidate(account))
    }

    /// The present offer for an account in liquidation.
    pub(crate) fn offer(&self, account: AccountId) -> Option<Offer> {
        let offer = self.state().liquidations.cases.get(&account)?.offer;
        offer.filter(|offer| offer.version == self.state().version)
    }

    /// Trades `lots` for an account in liquidation at `usd`, without regard to its offer.
    pub(crate) fn take(
        &mut self,
        instrument: InstrumentId,
        usd: f64,
        lots: i64,
        parties: (AccountId, AccountId),
    ) -> Result<Vec<Event>, Reject> {
        self.take_later(0, instrument, usd, lots, parties)
    }

    /// The same, `micros` later, without a tick in between.
    pub(crate) fn take_later(
        &mut self,
        micros: i64,
        instrument: InstrumentId,
        usd: f64,
        lots: i64,
        (account, counterparty): (AccountId, AccountId),
    ) -> Result<Vec<Event>, Reject> {
        let (price, fee) = (self.on_tick(instrument, usd), Quantity::ZERO);
        let taken = Taken { account, counterparty, instrument, price, lots, fee };
        self.later(micros);
        let done = self.operator.send(|batch| batch.liquidation_fill(&taken));
        self.followed(done).map(|sent| sent.events)
    }

    /// Requests the next step and takes its offer: at most `lots` of it, at `usd`, or at the worst price of the offer if
    /// that is better for the account.
    pub(crate) fn liquidate(
        &mut self,
        instrument: InstrumentId,
        usd: f64,
        lots: i64,
        (account, counterparty): (AccountId, AccountId),
    ) -> Result<Vec<Event>, Reject> {
        self.step(account)?;
        let offer = self.offer(account);
        let usd = offer
            .map_or(usd, |offer| if lots < 0 { usd.max(offer.worst.to_f64()) } else { usd.min(offer.worst.to_f64()) });
        let lots = offer.map_or(lots, |offer| if lots < 0 { lots.max(offer.lots) } else { lots.min(offer.lots) });
        self.take(instrument, usd, lots, (account, counterparty))
    }

    /// Governance proposes a change.
    pub(crate) fn propose(&mut self, change: Change) -> Result<Vec<Event>, Reject> {
        self.send(|batch| batch.propose(change)).map(|sent| sent.events)
    }

    /// From now on every source reports `usd` for a feed.
    pub(crate) fn say(&mut self, feed: FeedId, usd: f64) {
        for ((said, _), known) in &mut self.said {
            if *said == feed {
                *known = price(usd);
            }
        }
    }

    /// From now on one source reports `usd`.
    pub(crate) fn one_says(&mut self, feed: FeedId, source: u32, usd: f64) {
        self.said.insert((feed, source), price(usd));
    }

    /// From now on one source is silent.
    pub(crate) fn silence(&mut self, feed: FeedId, source: u32) {
        self.said.remove(&(feed, source));
    }

    /// From now on every source of a feed reports a depth of `usd` within one per cent.
    pub(crate) fn deep(&mut self, feed: FeedId, usd: f64) {
        self.depths.insert(feed, money(usd));
    }

    /// Lets time pass: every source that is not silent reports, prices are formed and accounts are judged.
    pub(crate) fn pass(&mut self, micros: i64) -> Result<(), Broken> {
        self.later(micros);
        if micros > DAY {
            self.done(Duty::Resume)?;
        }
        let known = |feed: &FeedId| self.state().feeds.contains_key(feed);
        let said = self.said.iter().filter(|((feed, _), _)| known(feed));
        let said: Vec<_> = said.map(|((feed, source), price)| (*feed, *source, *price)).collect();
        for (feed, source, price) in said {
            let depth = self.depths.get(&feed).copied().unwrap_or(money(1e9));
            let said = Said { source, price, confidence: Price::ZERO, depth };
            let done = self.operator.send(|batch| batch.report(feed, &said));
            self.followed(done).map_err(|reject| Broken(format!("source {source}: {reject}")))?;
        }
        self.done(Duty::Tick)?;
        Ok(())
    }

    /// Lets time pass in steps, with a tick at the end of each.
    pub(crate) fn pass_steps(&mut self, micros: i64, steps: u32) -> Result<(), Broken> {
        (0..steps).try_for_each(|_| self.pass(micros))
    }
}
