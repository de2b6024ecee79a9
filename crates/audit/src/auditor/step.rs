//! What a step of a liquidation did, as its events say, and how all stood before it.

use engine::state::Offer;
use engine::{AccountId, Cause, Event};
use units::{Money, Ratio};

use super::Standing;
use super::sight::Left;
use crate::books::Books;

/// USD: what fixed point leaves of amounts that were converted once or twice.
pub(super) const DUST: f64 = 1e-6;

/// Lots that went to another account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub instrument: usize,
    pub to: usize,
    /// Signed as the liquidated account traded them.
    pub lots: i64,
    /// Price of the lots, in units of 10⁻¹⁸ of the quote.
    pub price: i128,
}

/// What a step says it did.
#[derive(Clone, Debug, Default)]
pub(super) struct Deeds {
    pub opened: bool,
    pub closed: bool,
    pub auctioned: bool,
    pub offer: Option<Offer>,
    /// The account in liquidation whose offer it met; none when it crossed nobody.
    pub crossed: Option<usize>,
    pub given: Vec<Given>,
    /// What was paid for taking over: whether by the liquidated account, which asset, how much.
    pub payments: Vec<(bool, usize, i128)>,
    /// Amounts that funds paid.
    pub covers: u32,
}

impl Deeds {
    /// What the events of a step say of the account it was for.
    pub fn of(id: AccountId, events: &[Event]) -> Self {
        let mut deeds = Self::default();
        for event in events {
            deeds.opened |= matches!(event, Event::CaseOpened { .. });
            deeds.closed |= matches!(event, Event::CaseClosed { .. });
            deeds.auctioned |= matches!(event, Event::Auctioned { .. });
            deeds.covers += u32::from(matches!(event, Event::Moved { cause: Cause::Cover, .. }));
            if let Event::Offered { account, offer } = event
                && *account == id
            {
                deeds.offer = *offer;
            }
            if let Event::Transferred { instrument, to, lots, price, .. } = event {
                let (instrument, to, price) = (instrument.0, to.place(), price.raw());
                deeds.given.push(Given { instrument, to, lots: *lots, price });
            }
            if let Event::Moved { from, asset, amount, cause: Cause::Takeover, .. } = event {
                deeds.payments.push((from.is_of(id), asset.0, amount.raw()));
            }
        }
        // A crossing ends with what is left of both offers. An offer that only lapses comes with what its account was
        // given.
        if let ([given], [.., Event::Offered { account: other, .. }, Event::Offered { account: own, .. }]) =
            (&deeds.given[..], events)
            && *own == id
            && given.to == other.place()
        {
            deeds.crossed = Some(given.to);
        }
        deeds
    }

    /// Whether somebody was paid for taking over, or paid for it.
    pub fn is_paid(&self) -> bool {
        !self.payments.is_empty()
    }

    /// Whether anything was done beside opening and closing the case.
    pub fn acts(&self) -> bool {
        self.auctioned || self.offer.is_some() || self.covers > 0 || !self.given.is_empty()
    }
}

/// A step that was accepted and is not booked yet: what it did, and how all stood before it.
#[derive(Debug)]
pub(super) struct Step {
    pub account: usize,
    /// The time of the step, in microseconds.
    pub now: i64,
    pub deeds: Deeds,
    pub before: Standing,
    /// What others would have to pay, in USD.
    pub lacking: f64,
    /// What it is worth without what has no valid price, in USD.
    pub worth: f64,
    /// What is left out of the account in this.
    pub left: Left,
    /// How the other side of a crossing stood, and what was left out of it.
    pub met: Option<(Left, Standing)>,
    /// The books as they were.
    pub books: Books,
    /// The bidder, and what share it asked for at what price in USD.
    pub bid: Option<(usize, Ratio, Money)>,
}
