//! A step of a liquidation: the deeds that its events tell, and the standings before it.

use engine::state::Offer;
use engine::{AccountId, Cause, Event};
use units::{Money, Ratio};

use super::Standing;
use super::sight::Left;
use crate::books::Books;

/// The rounding error in USD of amounts that were converted to fixed point once or twice.
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

/// The deeds of a step, as its events tell them.
#[derive(Clone, Debug, Default)]
pub(super) struct Deeds {
    pub opened: bool,
    pub closed: bool,
    pub auctioned: bool,
    pub offer: Option<Offer>,
    /// The other account in liquidation, with which the step crossed its offer; none when no offer was crossed.
    pub crossed: Option<usize>,
    pub given: Vec<Given>,
    /// Payments for taking over: whether the liquidated account paid, the asset, and the amount.
    pub payments: Vec<(bool, usize, i128)>,
    /// The number of amounts that funds paid.
    pub covers: u32,
}

impl Deeds {
    /// Reads the deeds of a step for account `id` from its events.
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
        // A crossing ends with two events: the rest of both offers. An offer that only lapses is reported together with
        // the lots that its account was given.
        if let ([given], [.., Event::Offered { account: other, .. }, Event::Offered { account: own, .. }]) =
            (&deeds.given[..], events)
            && *own == id
            && given.to == other.place()
        {
            deeds.crossed = Some(given.to);
        }
        deeds
    }

    /// Whether anybody paid for the takeover, in either direction.
    pub fn is_paid(&self) -> bool {
        !self.payments.is_empty()
    }

    /// Whether the step did anything besides opening or closing the case.
    pub fn acts(&self) -> bool {
        self.auctioned || self.offer.is_some() || self.covers > 0 || !self.given.is_empty()
    }
}

/// A step that was accepted and is not booked yet: its deeds, and the standings before it.
#[derive(Debug)]
pub(super) struct Step {
    pub account: usize,
    /// The time of the step, in microseconds.
    pub now: i64,
    pub deeds: Deeds,
    pub before: Standing,
    /// The loss that others would have to pay, in USD.
    pub lacking: f64,
    /// The worth of the account without the assets that have no valid price, in USD.
    pub worth: f64,
    /// The parts that are left out of the account when it is judged.
    pub left: Left,
    /// The other side of a crossing: the parts that are left out of it, and its standing.
    pub met: Option<(Left, Standing)>,
    /// The books before the step.
    pub books: Books,
    /// The bidder, the share that it asked for, and its price in USD.
    pub bid: Option<(usize, Ratio, Money)>,
}
