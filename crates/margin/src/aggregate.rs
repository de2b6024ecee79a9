//! The ways to aggregate many losses into one, written once.

/// The index of the smallest profit, the first on a tie; `None` for an empty list. A NaN counts as worse than any
/// number, so that it is refused and never passed over.
pub fn worst(pnls: &[f64]) -> Option<usize> {
    // The smallest of eight columns side by side, which the compiler compares together; then the first that equals it.
    let (mut smallest, mut has_nan) = ([f64::INFINITY; 8], false);
    let (rows, rest) = pnls.as_chunks::<8>();
    for row in rows.iter().map(<[f64; 8]>::as_slice).chain([rest]) {
        for (held, pnl) in smallest.iter_mut().zip(row) {
            *held = if *pnl < *held { *pnl } else { *held };
            has_nan |= pnl.is_nan();
        }
    }
    let smallest = smallest.into_iter().fold(f64::INFINITY, f64::min);
    pnls.iter().position(|pnl| if has_nan { pnl.is_nan() } else { *pnl == smallest })
}

/// Adds to each sum the profit in the same scenario.
pub fn add(sums: &mut [f64], pnls: &[f64]) {
    for (sum, pnl) in sums.iter_mut().zip(pnls) {
        *sum += pnl;
    }
}

/// The larger of two losses; NaN when either is NaN.
pub fn largest(held: f64, loss: f64) -> f64 {
    if held.is_nan() || loss <= held { held } else { loss }
}

/// The expected shortfall at `level` (such as 0.975) of equally likely profits, as a loss, and the outcomes of its
/// tail, worst first, each with its index and weight.
///
/// It is the mean of the worst `(1 − level)·n` outcomes, the last one counted in part when that number is not whole
/// (Acerbi and Tasche, "On the coherence of expected shortfall", 2002, definition 2.6): coherent for any `n`.
pub fn expected_shortfall(pnls: &[f64], level: f64) -> (f64, Vec<(usize, f64)>) {
    let mut order: Vec<usize> = (0..pnls.len()).collect();
    order.sort_by(|a, b| pnls[*a].total_cmp(&pnls[*b]).then(a.cmp(b)));
    let mut left = (1.0 - level) * count(pnls.len());
    let whole = left;
    let mut tail = Vec::new();
    let mut loss = 0.0;
    for index in order {
        if left <= 0.0 {
            break;
        }
        let weight = left.min(1.0) / whole;
        loss -= weight * pnls[index];
        tail.push((index, weight));
        left -= 1.0;
    }
    let weights = || tail.iter().fold(0.0, |sum, (_, weight)| sum + weight);
    debug_assert!(tail.is_empty() || (weights() - 1.0_f64).abs() < 1e-9, "a mean has weights that sum to 1");
    (loss, tail)
}

/// `√(Σ ℓ²)`: the aggregate of independent losses.
pub fn root_sum_square(losses: impl IntoIterator<Item = f64>) -> f64 {
    losses.into_iter().fold(0.0, |sum, loss| sum + loss * loss).sqrt()
}

/// The naked short contracts at one strike: short calls and puts that no long contract at the same strike covers.
///
/// When call and put are both short, both count. When the signs differ, only the excess of the short side over the long
/// side counts, so that a synthetic forward is not naked. (Derive PMRM.)
pub fn naked_shorts(call: f64, put: f64) -> f64 {
    let naked = match (call < 0.0, put < 0.0) {
        (true, true) => -call - put,
        (false, false) => 0.0,
        (true, false) => (-call - put).max(0.0),
        (false, true) => (-put - call).max(0.0),
    };
    debug_assert!(naked >= 0.0, "{naked} contracts are naked of {call} and {put}");
    naked
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a number of scenarios is far below 2^53")]
fn count(length: usize) -> f64 {
    length as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_the_worst() {
        assert_eq!(worst(&[1.0, -2.0, -2.0]), Some(1));
        assert_eq!(worst(&[]), None);
        assert_eq!(worst(&[1.0, f64::NAN, -2.0, f64::NAN]), Some(1));
        assert_eq!(worst(&[f64::INFINITY, f64::INFINITY]), Some(0));
        for places in 1..20 {
            for place in 0..places {
                let mut pnls = vec![3.0; places];
                pnls[place] = -1.0;
                pnls[places - 1] = -1.0;
                assert_eq!(worst(&pnls), Some(place), "{pnls:?}");
            }
        }
    }

    #[test]
    fn expected_shortfall_takes_part_of_the_last_outcome() {
        // 2.5 of 10 outcomes: (10 + 9 + 8/2) / 2.5.
        let pnls: Vec<f64> = (1..=10).map(|loss| -f64::from(loss)).collect();
        let (loss, tail) = expected_shortfall(&pnls, 0.75);
        assert!((loss - 9.2).abs() < 1e-12);
        assert_eq!(tail.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [9, 8, 7]);
        assert!((tail.iter().map(|(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_synthetic_forward_is_not_naked() {
        assert_eq!(naked_shorts(-1.0, 1.0), 0.0);
        assert_eq!(naked_shorts(-3.0, 1.0), 2.0);
        assert_eq!(naked_shorts(-3.0, -1.0), 4.0);
        assert_eq!(naked_shorts(2.0, -3.0), 1.0);
        assert_eq!(naked_shorts(2.0, 1.0), 0.0);
    }
}
