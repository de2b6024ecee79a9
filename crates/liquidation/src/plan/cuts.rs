//! Finds the maximum of a concave function of many sizes, from its values and slopes at a few points.
//!
//! The proximal bundle method (Kiwiel, "Proximity control in bundle methods for convex nondifferentiable minimization",
//! Mathematical Programming 46, 1990). The value and the slopes of a concave function at one point bound it from above
//! everywhere: such a bound is a *cut*. [`Cuts::highest`] finds the point at which the lowest cut, less the square of
//! the distance from the best point so far, is highest. If the function is lower there than the cuts promise, the point
//! adds its own cut.
//!
//! That point is found in the dual problem: weights of the cuts that add up to 1. The weighted sum of the slopes is the
//! direction; weight moves from the cut that binds least to the cut that binds most until all cuts with a weight bind alike.

/// The number of cuts kept: when it is reached, the cut that bound least makes room for a new one.
const CUTS: usize = 40;
/// The most times that weight moves from one cut to another.
const SHIFTS: usize = 400;
/// Halvings that find how much weight moves.
const HALVINGS: usize = 30;
/// Cuts whose values differ by less than this bind alike.
const ALIKE: f64 = 1e-4;

/// An upper bound of a concave function: its height and slopes at one point.
#[derive(Clone, Debug)]
struct Cut {
    height: f64,
    at: Vec<f64>,
    slopes: Vec<f64>,
    /// How strongly the cut bound in the last search for the highest point, from 0 to 1.
    weight: f64,
}

/// The cuts of one function, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    cuts: Vec<Cut>,
}

/// The allowed points: from 0 to `most` in every size, and the farther from `centre` the larger `reach` is.
#[derive(Clone, Copy)]
pub(super) struct Range<'a> {
    pub centre: &'a [f64],
    pub most: &'a [f64],
    pub reach: f64,
}

impl Cuts {
    /// Adds the cut at a point: the function's height there, and its slope in every size.
    pub fn add(&mut self, height: f64, at: Vec<f64>, slopes: Vec<f64>) {
        if self.cuts.len() >= CUTS {
            let weights = self.cuts.iter().enumerate();
            let idle =
                weights.min_by(|one, other| one.1.weight.total_cmp(&other.1.weight)).map_or(0, |(place, _)| place);
            self.cuts.remove(idle);
        }
        self.cuts.push(Cut { height, at, slopes, weight: 0.0 });
    }

    /// The sizes of the highest point, and a height that the function does not exceed there. None without cuts.
    pub fn highest(&mut self, range: Range<'_>) -> Option<(Vec<f64>, f64)> {
        let heights: Vec<f64> =
            self.cuts.iter().map(|cut| cut.height + dot(&cut.slopes, &apart(range.centre, &cut.at))).collect();
        let mut slope = self.weighted()?;
        let mut step = range.step(&slope);
        for _ in 0..SHIFTS {
            let values = self.values(&heights, &step);
            let (low, high) = self.extremes(&values)?;
            if values[high] - values[low] < ALIKE {
                break;
            }
            let toward = apart(&self.cuts[low].slopes, &self.cuts[high].slopes);
            let part = self.cuts[high].weight;
            let shifted = |part: f64| -> Vec<f64> { slope.iter().zip(&toward).map(|(s, t)| s + part * t).collect() };
            // The height of the cut that gives weight above the cut that takes it.
            let above = |part: f64| heights[high] - heights[low] - dot(&toward, &range.step(&shifted(part)));
            let part = if above(part) >= 0.0 { part } else { zero_of(above, part) };
            debug_assert!((0.0..=self.cuts[high].weight).contains(&part), "no more weight moves than there is: {part}");
            slope = shifted(part);
            self.cuts[high].weight -= part;
            self.cuts[low].weight += part;
            step = range.step(&slope);
        }
        let top = self.values(&heights, &step).into_iter().fold(f64::INFINITY, f64::min);
        Some((range.centre.iter().zip(&step).map(|(at, step)| at + step).collect(), top))
    }

    /// The weighted sum of the slopes of all cuts, after scaling the weights to add up to 1. None without cuts.
    fn weighted(&mut self) -> Option<Vec<f64>> {
        let sum: f64 = self.cuts.iter().map(|cut| cut.weight).sum();
        let last = self.cuts.len().checked_sub(1)?;
        for (place, cut) in self.cuts.iter_mut().enumerate() {
            // The cut with the most weight may have been removed: then the newest cut gets all the weight.
            cut.weight = if sum > 0.5 { cut.weight / sum } else { f64::from(u8::from(place == last)) };
        }
        let sizes = self.cuts[last].slopes.len();
        let slope = |size: usize| self.cuts.iter().fold(0.0, |slope, cut| slope + cut.weight * cut.slopes[size]);
        Some((0..sizes).map(slope).collect())
    }

    /// The value of every cut one step away from the centre, given the values at the centre.
    fn values(&self, heights: &[f64], step: &[f64]) -> Vec<f64> {
        self.cuts.iter().zip(heights).map(|(cut, height)| height + dot(&cut.slopes, step)).collect()
    }

    /// The lowest of all cuts, and the highest of the cuts that have weight.
    fn extremes(&self, values: &[f64]) -> Option<(usize, usize)> {
        let by_value = |one: &usize, other: &usize| values[*one].total_cmp(&values[*other]);
        let low = (0..values.len()).min_by(by_value)?;
        let high = (0..values.len()).filter(|place| self.cuts[*place].weight > 0.0).max_by(by_value)?;
        Some((low, high))
    }
}

impl Range<'_> {
    /// The step from the centre along a slope, limited to the range.
    fn step(&self, slope: &[f64]) -> Vec<f64> {
        let within = |((slope, at), most): ((&f64, &f64), &f64)| (slope * self.reach).clamp(-at, (most - at).max(-at));
        slope.iter().zip(self.centre).zip(self.most).map(within).collect()
    }
}

/// The zero of a function that falls from above zero at 0 to below zero at `end`.
fn zero_of(function: impl Fn(f64) -> f64, end: f64) -> f64 {
    let (mut low, mut high) = (0.0, end);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if function(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).fold(0.0, |sum, (one, other)| sum + one * other)
}

/// The difference of `one` and `other`, in every size.
fn apart(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one - other).collect()
}

#[cfg(test)]
mod tests {
    use super::{Cuts, Range};

    /// Climbs the lower envelope of some planes, each given by a height at zero and its slopes; returns the highest point.
    fn climbed(planes: &[(f64, [f64; 2])], most: [f64; 2]) -> (Vec<f64>, f64) {
        let height = |sizes: &[f64]| {
            let value = |(height, slopes): &(f64, [f64; 2])| height + slopes[0] * sizes[0] + slopes[1] * sizes[1];
            planes.iter().map(|plane| (value(plane), plane.1)).min_by(|one, other| one.0.total_cmp(&other.0)).unwrap()
        };
        let (mut cuts, mut centre, mut reach) = (Cuts::default(), vec![0.0, 0.0], 1.0);
        let (mut best, slopes) = height(&centre);
        cuts.add(best, centre.clone(), slopes.to_vec());
        for _ in 0..60 {
            let (place, top) = cuts.highest(Range { centre: &centre, most: &most, reach }).unwrap();
            let (found, slopes) = height(&place);
            assert!(found <= top + 1e-9, "{found} above its bound {top}");
            cuts.add(found, place.clone(), slopes.to_vec());
            if found > best {
                (best, centre, reach) = (found, place, 2.0 * reach);
            } else {
                reach *= 0.7;
            }
        }
        (centre, best)
    }

    /// Each size alone lowers the lower of two planes; both together raise it without limit.
    #[test]
    fn two_sizes_together_climb_where_each_alone_falls() {
        let (sizes, best) = climbed(&[(0.0, [3.0, -1.0]), (0.0, [-1.0, 3.0])], [5.0, 5.0]);
        assert!((best - 10.0).abs() < 1e-2, "{sizes:?} {best}");
    }

    /// The maximum of a roof: 1 − |x − 2| − |y − 1|, at (2, 1).
    #[test]
    fn the_summit_of_a_roof_is_found() {
        let planes: Vec<(f64, [f64; 2])> = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
            .into_iter()
            .map(|(along, across)| (1.0 + 2.0 * along + across, [-along, -across]))
            .collect();
        let (sizes, best) = climbed(&planes, [10.0, 10.0]);
        assert!((best - 1.0).abs() < 1e-2, "{sizes:?} {best}");
    }

    /// A point stays within its range.
    #[test]
    fn a_size_ends_at_its_most() {
        let (sizes, best) = climbed(&[(0.0, [1.0, 2.0])], [0.5, 0.25]);
        assert!((best - 1.0).abs() < 1e-12 && (sizes[0] - 0.5).abs() < 1e-12, "{sizes:?} {best}");
    }
}
