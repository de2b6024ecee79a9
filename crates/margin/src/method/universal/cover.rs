//! The naked short options of an account: those that no long option covers (CHG-3).
//!
//! A long call covers one short call at its strike or above, and a long put one short put at its strike or below: what
//! the short option can owe, the long one pays. At one strike a long call also covers a short put and a long put a short
//! call, because what remains is a synthetic forward, which is no option. All of this holds within a *chain*: options of
//! one underlying, expiry and venue whose strikes are written in one asset. Naked are the short options that the best
//! assignment of long options leaves over.
//!
//! By the theorems of Hall and König the best assignment leaves over as many as this: in any set of short options, count
//! them less the long options that could cover any of them; the largest such count is it. A long call that covers a call covers every call above it, so the set with the
//! largest count is that of all calls up to one strike and all puts from one strike on, less those that a long option of the other right
//! covers at their own strike. [`Chain`] finds it in one pass over the strikes.

/// The strikes of a chain that were passed, in rising order. Each number is the largest excess of short options over the
/// long ones that could cover them, of the sets that end in this way, in coins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chain {
    /// The calls of every strike.
    calls: f64,
    /// The calls up to some strike, and nothing since.
    neither: f64,
    /// The calls of every strike, and the puts from some strike on.
    both: f64,
    /// The calls up to some strike, and the puts from some strike on.
    puts: f64,
}

impl Chain {
    /// Adds the next strike, with its net calls and puts in coins, negative when short.
    pub fn strike(&mut self, calls: f64, puts: f64) {
        let of_calls = if calls < 0.0 { (-calls - puts.max(0.0)).max(0.0) } else { -calls };
        let of_puts = if puts < 0.0 { (-puts - calls.max(0.0)).max(0.0) } else { -puts };
        self.puts = self.puts.max(self.neither).max(self.both).max(self.calls) + of_puts;
        self.both = self.both.max(self.calls) - calls - puts;
        self.neither = self.neither.max(self.calls);
        self.calls += of_calls;
    }

    /// Short options that are not covered, in coins.
    pub fn naked(&self) -> f64 {
        let naked = self.calls.max(self.neither).max(self.both).max(self.puts);
        debug_assert!(naked >= 0.0 || naked.is_nan(), "CHG-3: {naked} options are naked");
        naked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Net calls and puts of each strike.
    fn naked(strikes: &[(i32, i32)]) -> f64 {
        let mut chain = Chain::default();
        for (calls, puts) in strikes {
            chain.strike(f64::from(*calls), f64::from(*puts));
        }
        chain.naked()
    }

    #[test]
    fn what_pays_all_that_is_owed_covers() {
        // At one strike: nothing, a straddle, synthetic forwards.
        assert_eq!(naked(&[]), 0.0);
        assert_eq!(naked(&[(-1, -1)]), 2.0);
        assert_eq!(naked(&[(-3, 1)]), 2.0);
        assert_eq!(naked(&[(2, -3)]), 1.0);
        // Debit spreads and credit spreads.
        assert_eq!(naked(&[(1, 0), (-1, 0)]), 0.0);
        assert_eq!(naked(&[(-1, 0), (1, 0)]), 1.0);
        assert_eq!(naked(&[(0, -1), (0, 1)]), 0.0);
        assert_eq!(naked(&[(0, 1), (0, -1)]), 1.0);
        // A fly of calls, a strangle, a box.
        assert_eq!(naked(&[(1, 0), (-2, 0), (1, 0)]), 1.0);
        assert_eq!(naked(&[(0, -1), (-1, 0)]), 2.0);
        assert_eq!(naked(&[(1, -1), (-1, 1)]), 0.0);
        // The call covers the call above it rather than the put at its strike, which a put above covers.
        assert_eq!(naked(&[(1, -1), (-1, 0), (0, 1)]), 0.0);
    }

    /// The number of short options that the best assignment leaves over, by Kuhn's algorithm: each short option looks for a
    /// long one, and may take that of another short option which then finds a new one.
    fn left_by_the_best_assignment(strikes: &[(i32, i32)]) -> f64 {
        let options = |sign: i32| -> Vec<(usize, bool)> {
            let each = strikes.iter().enumerate().flat_map(|(at, (calls, puts))| {
                let of = |net: i32, call| vec![(at, call); usize::try_from(net * sign).unwrap_or(0)];
                [of(*calls, true), of(*puts, false)].concat()
            });
            each.collect()
        };
        let (long, short) = (options(1), options(-1));
        let covers = |long: (usize, bool), short: (usize, bool)| match (long.1, short.1) {
            (true, true) => long.0 <= short.0,
            (false, false) => long.0 >= short.0,
            _ => long.0 == short.0,
        };
        fn find(one: usize, edges: &[Vec<usize>], tried: &mut [bool], taken: &mut [Option<usize>]) -> bool {
            edges[one].iter().any(|other| {
                if std::mem::replace(&mut tried[*other], true) {
                    return false;
                }
                let free = taken[*other].is_none_or(|holder| find(holder, edges, tried, taken));
                if free {
                    taken[*other] = Some(one);
                }
                free
            })
        }
        let edges: Vec<Vec<usize>> =
            short.iter().map(|short| (0..long.len()).filter(|place| covers(long[*place], *short)).collect()).collect();
        let mut taken = vec![None; long.len()];
        let covered = (0..short.len()).filter(|one| find(*one, &edges, &mut vec![false; long.len()], &mut taken));
        f64::from(u32::try_from(short.len() - covered.count()).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn the_worst_set_is_what_the_best_assignment_leaves(
            strikes in prop::collection::vec((-3..=3_i32, -3..=3_i32), 0..7),
        ) {
            prop_assert_eq!(naked(&strikes), left_by_the_best_assignment(&strikes));
        }

        /// CELL-11: one more contract adds no more than it would be charged alone.
        #[test]
        fn a_trade_in_one_contract_adds_no_more_than_itself(
            strikes in prop::collection::vec((-3..=3_i32, -3..=3_i32), 1..7),
            at in 0..7_usize,
            call: bool,
            lots in -3..=3_i32,
        ) {
            let before = naked(&strikes);
            let mut strikes = strikes;
            let place = at % strikes.len();
            if call { strikes[place].0 += lots } else { strikes[place].1 += lots }
            prop_assert!(naked(&strikes) <= before + f64::from((-lots).max(0)));
        }
    }
}
