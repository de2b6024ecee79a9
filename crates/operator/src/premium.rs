//! The rate of funding: the average premium of a perpetual over its index since funding was last paid.

use std::collections::BTreeMap;

use engine::FeedId;
use engine::state::{Mode, State};
use marks::Validity;
use model::{InstrumentId, InstrumentKind};
use units::{Ratio, Round, Timestamp};

/// The time to which a cap on funding and a premium refer, in microseconds.
const EIGHT_HOURS: i128 = 28_800_000_000;

/// The premiums that ticks have shown since funding was last paid, for each perpetual with a price of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Premiums(BTreeMap<InstrumentId, Samples>);

/// Premiums as parts of the index, in units of 10⁻¹⁸: their sum and their number.
#[derive(Clone, Copy, Debug, Default)]
struct Samples {
    sum: i128,
    count: i128,
}

impl Premiums {
    /// Takes a sample of every perpetual whose price a tick has formed.
    pub fn sample(&mut self, state: &State) {
        for (place, contract) in state.contracts.iter().enumerate() {
            if contract.terms.kind != InstrumentKind::Perpetual || contract.mode == Mode::Settled {
                continue;
            }
            let id = InstrumentId(place);
            let quote = state.quote(FeedId::Premium(id)).filter(|quote| quote.validity() != Validity::Invalid);
            if let Some(quote) = quote {
                let samples = self.0.entry(id).or_default();
                samples.sum += quote.price.raw() - Ratio::ONE.raw();
                samples.count += 1;
            }
        }
    }

    /// Drops the samples of a perpetual whose funding was paid.
    pub fn clear(&mut self, instrument: InstrumentId) {
        self.0.remove(&instrument);
    }

    /// The rate that longs pay to shorts for the time since funding was last paid: the mean premium, which is for eight
    /// hours, times that time, within the cap of the policy; 0 without a sample.
    pub fn rate(&self, state: &State, instrument: InstrumentId, now: Timestamp) -> Ratio {
        let (Some(samples), Some(contract)) = (self.0.get(&instrument), state.contract(instrument)) else {
            return Ratio::ZERO;
        };
        let elapsed = now.micros().saturating_sub(contract.funded.micros());
        let elapsed = i128::from(elapsed.clamp(0, state.policy.longest_accrual.max(0)));
        let periods = Ratio::from_raw(Ratio::ONE.raw() * elapsed / EIGHT_HOURS);
        let mean = Ratio::from_raw(samples.sum.div_euclid(samples.count));
        within(mean, state.policy.funding_cap, periods)
    }
}

/// `mean` times `periods`, at most the cap times `periods` either way. A product out of range is beyond every cap. The engine
/// refuses any rate while the cap itself is out of range, so that 0 pays nothing then.
fn within(mean: Ratio, cap: Ratio, periods: Ratio) -> Ratio {
    let most = cap.scaled(periods, Round::Down);
    let Ok((most, least)) = most.and_then(|most| Ok((most, most.negated()?))) else { return Ratio::ZERO };
    let beyond = if mean.is_negative() { least } else { most };
    mean.scaled(periods, Round::Down).map_or(beyond, |rate| rate.clamp(least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_premium_beyond_the_cap_pays_the_cap() {
        let of = |text: &str| text.parse::<Ratio>().unwrap();
        let cap = of("0.01");
        assert_eq!(within(of("0.0004"), cap, of("0.5")), of("0.0002"));
        assert_eq!(within(of("-0.5"), cap, of("2")), of("-0.02"));
        let far = Ratio::from_raw(i128::MAX);
        assert_eq!(within(far, cap, of("3")), of("0.03"), "out of range");
        assert_eq!(within(far.negated().unwrap(), cap, of("3")), of("-0.03"));
    }
}
