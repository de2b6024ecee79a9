//! The linear programme: the book with the largest loss on a day within a budget of maintenance margin.
//!
//! ```text
//! maximise     −Σ profit(leg, day) · x(leg)
//! subject to   core ≥ −Σ profit(leg, scenario) · x(leg)          for every scenario
//!              group ≥ ±Σ charge(leg) · x(leg)                   for every set of legs that a charge nets
//!              core + Σ charge(leg) · |x(leg)| + Σ group ≤ budget
//!              |x(leg)| ≤ bound
//! ```
//!
//! `x` is split into a long and a short part. The solver is microlp: a simplex in Rust alone, kept since it was forked
//! from minilp, with bounds on variables, the same result in every run, and a basis that never leaves the vertices, so
//! that books have few legs. An interior-point solver such as clarabel gives books with a little of everything.

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

/// Legs that a charge nets.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Whether a negative sum pays as much as a positive one; otherwise it pays nothing.
    pub both_ways: bool,
    /// For each set of legs the charge of a leg of one coin, by the place of the leg. Only the set with the largest sum pays.
    pub sets: Vec<Vec<(usize, f64)>>,
}

/// The charge of a leg on its own, for one coin, in the unit of the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Alone {
    /// Of a long leg.
    pub long: f64,
    /// Of a short leg.
    pub short: f64,
}

/// A market as the programme sees it. All amounts are in one unit, for a leg of one coin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Programme {
    /// For every scenario the profit of each leg.
    pub scenarios: Vec<Vec<f64>>,
    /// The charges that nothing nets, of each leg.
    pub alone: Vec<Alone>,
    /// The charges that are netted.
    pub groups: Vec<Group>,
    /// The largest size of a leg, in coins.
    pub bound: f64,
    /// The maintenance margin that a book may have.
    pub budget: f64,
}

/// The solver gave up on a programme, for the reason that it gives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the programme was not solved: {0}")]
pub struct Unsolved(pub String);

/// A leg as two variables.
#[derive(Clone, Copy)]
struct Split {
    long: Variable,
    short: Variable,
}

impl Programme {
    /// The sizes of the book that loses most where the legs earn `profits`; none where no book within the budget loses.
    pub fn worst_book(&self, profits: &[f64]) -> Result<Option<Vec<f64>>, Unsolved> {
        assert_eq!(profits.len(), self.alone.len(), "every leg has a profit and a charge");
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let legs: Vec<Split> = profits
            .iter()
            .map(|profit| Split {
                long: problem.add_var(-profit, (0.0, self.bound)),
                short: problem.add_var(*profit, (0.0, self.bound)),
            })
            .collect();
        let core = problem.add_var(0.0, (0.0, f64::INFINITY));
        for scenario in &self.scenarios {
            let terms = scenario.iter().enumerate().filter(|(_, profit)| **profit != 0.0);
            let sum = terms.flat_map(|(leg, profit)| [(legs[leg].long, *profit), (legs[leg].short, -profit)]);
            problem.add_constraint(sum.chain([(core, 1.0)]), ComparisonOp::Ge, 0.0);
        }
        let mut margin = vec![(core, 1.0)];
        for group in &self.groups {
            let charge = problem.add_var(0.0, (0.0, f64::INFINITY));
            margin.push((charge, 1.0));
            let signs: &[f64] = if group.both_ways { &[1.0, -1.0] } else { &[1.0] };
            for (sign, set) in signs.iter().flat_map(|sign| group.sets.iter().map(move |set| (sign, set))) {
                let sum = set
                    .iter()
                    .flat_map(|(leg, part)| [(legs[*leg].long, -sign * part), (legs[*leg].short, sign * part)]);
                problem.add_constraint(sum.chain([(charge, 1.0)]), ComparisonOp::Ge, 0.0);
            }
        }
        for (leg, alone) in legs.iter().zip(&self.alone) {
            margin.extend([(leg.long, alone.long), (leg.short, alone.short)]);
        }
        margin.retain(|(_, part)| *part != 0.0);
        problem.add_constraint(margin, ComparisonOp::Le, self.budget);
        let solution = problem.solve().map_err(|why| Unsolved(why.to_string()))?;
        if solution.objective() <= 0.0 {
            return Ok(None);
        }
        let sizes = legs.iter().map(|leg| solution[leg.long] - solution[leg.short]);
        Ok(Some(sizes.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        let near = found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-9);
        assert!(near && found.len() == expected.len(), "{found:?}, expected {expected:?}");
    }

    /// One leg earns and loses 2 in the scenarios and loses 3 on the day: a budget of 10 buys 5 coins.
    #[test]
    fn one_leg_is_bought_until_the_budget_is_spent() {
        let scenarios = vec![vec![-2.0], vec![2.0]];
        let programme =
            Programme { scenarios, alone: vec![Alone::default()], groups: Vec::new(), bound: 100.0, budget: 10.0 };
        close(&programme.worst_book(&[-3.0]).unwrap().unwrap(), &[5.0]);
        close(&programme.worst_book(&[3.0]).unwrap().unwrap(), &[-5.0]);
    }

    /// Two legs that the scenario holds for the same and the day drives apart: the core is 0 at any size, and only the
    /// charge of 1 and 1 a coin and the bound limit the pair.
    #[test]
    fn a_pair_that_no_scenario_parts_is_bounded_by_its_charges() {
        let programme = Programme {
            scenarios: vec![vec![-1.0, -1.0], vec![1.0, 1.0]],
            alone: vec![Alone { long: 1.0, short: 1.0 }; 2],
            groups: Vec::new(),
            bound: 100.0,
            budget: 20.0,
        };
        close(&programme.worst_book(&[-3.0, 0.0]).unwrap().unwrap(), &[10.0, -10.0]);
        let bounded = Programme { bound: 4.0, ..programme };
        close(&bounded.worst_book(&[-3.0, 3.0]).unwrap().unwrap(), &[4.0, -4.0]);
    }

    /// A charge that is netted costs the pair nothing where its parts are opposite, and a one-sided one spares longs.
    #[test]
    fn groups_net_their_legs() {
        let group = |both_ways, terms: &[(usize, f64)]| Group { both_ways, sets: vec![terms.to_vec()] };
        let programme = |group| Programme {
            scenarios: Vec::new(),
            alone: vec![Alone { long: 1.0, short: 1.0 }; 2],
            groups: vec![group],
            bound: 100.0,
            budget: 12.0,
        };
        let netted = programme(group(true, &[(0, 2.0), (1, 2.0)])).worst_book(&[-1.0, 1.0]).unwrap().unwrap();
        close(&netted, &[6.0, -6.0]);
        // A long leg pays 1 and its part in the group of 2: 12 buy 4 coins. A short leg pays 1 alone.
        let paid = programme(group(false, &[(0, 2.0)]));
        close(&paid.worst_book(&[-1.0, 0.0]).unwrap().unwrap(), &[4.0, 0.0]);
        close(&paid.worst_book(&[1.0, 0.0]).unwrap().unwrap(), &[-12.0, 0.0]);
    }

    #[test]
    fn a_day_on_which_nothing_loses_has_no_book() {
        let programme = Programme { alone: vec![Alone::default()], bound: 1.0, budget: 1.0, ..Programme::default() };
        assert_eq!(programme.worst_book(&[0.0]), Ok(None));
    }
}
