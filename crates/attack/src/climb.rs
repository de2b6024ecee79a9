//! Hill climbing from the programme's book, against the product itself: what is not linear is found here.

use dice::Dice;

use crate::field::Field;
use crate::legs::account;
use crate::product::{Defence, Refusal};

/// Books that are tried.
const TRIES: u32 = 400;

/// A book below this part of the programme's budget is not looked at: its charges are rounding.
const LEAST: f64 = 0.01;

/// A book with the ratio that the climb judges it by.
#[derive(Clone, Debug, PartialEq)]
pub struct Climbed {
    /// The size of each leg, in coins.
    pub sizes: Vec<f64>,
    /// Loss on the day over the maintenance margin of the product.
    pub ratio: f64,
}

/// The ratio of a book on a day on which the legs earn `profits` USD a coin: its loss over the product's maintenance
/// margin. None where the book is too small or earns.
pub fn ratio(defence: &Defence, field: &Field, profits: &[f64], sizes: &[f64]) -> Result<Option<f64>, Refusal> {
    let loss = -sizes.iter().zip(profits).fold(0.0, |sum, (size, profit)| sum + size * profit);
    if loss <= 0.0 {
        return Ok(None);
    }
    let margin = defence.maintenance(&account(defence.market(), &field.legs, sizes)?)?;
    Ok((margin >= LEAST * field.programme.budget * field.index).then(|| loss / margin))
}

/// Changes one leg at a time and keeps what loses more for its margin.
pub fn climb(
    defence: &Defence,
    field: &Field,
    profits: &[f64],
    from: Vec<f64>,
    dice: &mut Dice,
) -> Result<Option<Climbed>, Refusal> {
    let Some(ratio_now) = ratio(defence, field, profits, &from)? else { return Ok(None) };
    let mut best = Climbed { sizes: from, ratio: ratio_now };
    let bound = field.programme.bound;
    for _ in 0..TRIES {
        let held: Vec<usize> = (0..best.sizes.len()).filter(|leg| best.sizes[*leg] != 0.0).collect();
        // Two tries of three change a leg that is held; the others bring in any leg.
        let leg = if dice.chance(667) && !held.is_empty() { dice.pick(&held) } else { dice.place(best.sizes.len()) };
        let now = best.sizes[leg];
        let next = match dice.below(6) {
            0 => 0.0,
            1 => 0.5 * now,
            2 => 1.5 * now,
            3 => -now,
            _ => now + 0.1 * bound * dice.normal(),
        };
        let mut sizes = best.sizes.clone();
        sizes[leg] = next.clamp(-bound, bound);
        if let Some(found) = ratio(defence, field, profits, &sizes)?.filter(|found| *found > best.ratio) {
            best = Climbed { sizes, ratio: found };
        }
    }
    Ok(Some(best))
}
