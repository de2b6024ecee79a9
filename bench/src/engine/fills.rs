//! Fills in memory: the time that the engine itself needs, without a journal.
//!
//! Both accounts of every fill pass all layers. A batch ends with the engine's own `Watch`, as in the sequencer.

use std::hint::black_box;

use dice::Dice;
use engine::{AccountId, Command, Engine, Envelope};

use super::venue::{self, Venue};
use super::{Figure, Size, percentiles};
use crate::measure::{cpu_nanoseconds, quartiles, wall_nanoseconds};

const POSITIONS: usize = 20;

/// Engine time of a fill at each batch size, and of the alternatives.
pub fn measure(size: Size) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (accounts, words) in [(size.few, "in cache"), (size.many, "in memory")] {
        let (mut venue, _) = venue::populated(accounts, POSITIONS, venue::healthy);
        // All accounts are judged once; then every account that can be certified is.
        let watch = venue.watch();
        venue::take(venue.engine_mut(), &watch);
        let holders = venue::holders(venue.state());
        let mut run = Run { venue, holders, dice: Dice::new(11) };
        let assessed = run.assessed(size);
        let decided = run.decided(size);
        let label = |what: &str| format!("{what}, {accounts} accounts ({words})");
        let of = |what: &str, rounds: &[f64]| Figure::rounds(label(what), rounds, "ns/fill");
        for batch in [1, 64, 1024] {
            let (rounds, latencies, accepted) = run.handled(size, batch);
            let mut figure = of(&format!("decide, apply, watch; batch {batch}"), &rounds);
            figure.ratio = Some((quartiles(&assessed).0 / quartiles(&rounds).0, "assess both accounts, both sides"));
            figure.latency = Some(percentiles(latencies));
            figure.note = format!("{:.1} % accepted", 100.0 * accepted);
            figure.wanted = Some(("< 1000 ns", quartiles(&rounds).0 < 1000.0));
            figures.push(figure);
        }
        figures.push(of("decide alone", &decided));
        figures.push(of("alternative: assess both accounts, both sides", &assessed));
    }
    figures
}

struct Run {
    venue: Venue,
    holders: Vec<Vec<AccountId>>,
    dice: Dice,
}

impl Run {
    fn fills(&mut self, count: usize) -> Vec<Envelope> {
        venue::next_fills(&mut self.venue, &self.holders, &mut self.dice, count)
    }

    /// CPU time of a fill with its share of the watch, in each round; wall time of every batch; the share of fills
    /// accepted.
    fn handled(&mut self, size: Size, batch: usize) -> (Vec<f64>, Vec<f64>, f64) {
        let (mut rounds, mut latencies, mut accepted, mut asked) = (Vec::new(), Vec::new(), 0, 0);
        for _ in 0..size.rounds {
            let fills = self.fills(size.fills.max(batch));
            let watch = self.venue.watch();
            let engine = self.venue.engine_mut();
            let start = cpu_nanoseconds();
            for batch in fills.chunks(batch) {
                let began = wall_nanoseconds();
                for fill in batch {
                    accepted += usize::from(engine.handle(fill).is_ok());
                }
                let time = engine.state().clock;
                venue::take(engine, &Envelope { time, ..watch.clone() });
                latencies.push(wall_nanoseconds() - began);
            }
            rounds.push((cpu_nanoseconds() - start) / fills.len() as f64);
            asked += fills.len();
        }
        (rounds, latencies, accepted as f64 / asked as f64)
    }

    /// CPU time of decisions alone, all on the same state.
    fn decided(&mut self, size: Size) -> Vec<f64> {
        self.each(size, |engine, fill| {
            let _ = black_box(engine.decide(fill));
        })
    }

    /// CPU time of the obvious alternative to judging: the whole assessment of both accounts at the mark and at the slow
    /// average.
    fn assessed(&mut self, size: Size) -> Vec<f64> {
        self.each(size, |engine, fill| {
            let Command::Fill { buyer, seller, .. } = &fill.command else { return };
            for party in [buyer, seller] {
                let account = engine.state().account(party.account).expect("it trades");
                let _ = black_box(engine.desk().assess(engine.state(), account));
                let _ = black_box(engine.desk().assess_slow(engine.state(), account));
            }
        })
    }

    fn each(&mut self, size: Size, work: impl Fn(&Engine, &Envelope)) -> Vec<f64> {
        let mut rounds = Vec::new();
        for _ in 0..size.rounds {
            let fills = self.fills(size.fills);
            let start = cpu_nanoseconds();
            fills.iter().for_each(|fill| work(self.venue.engine(), fill));
            rounds.push((cpu_nanoseconds() - start) / fills.len() as f64);
        }
        rounds
    }
}
