//! Whole-number arithmetic in units of 10⁻¹⁸, as in a textbook: a product of 256 bits, divided one bit at a time.

/// One whole unit.
pub const ONE: i128 = 1_000_000_000_000_000_000;

const RANGE: &str = "the engine accepted it, and what it accepts is in range";

/// `a · b / c`, rounded towards plus infinity when `up`, else towards minus infinity. `c` is not 0.
pub fn proportion(a: i128, b: i128, c: i128, up: bool) -> i128 {
    let negative = (a < 0) ^ (b < 0) ^ (c < 0);
    let (quotient, exact) = divided(product(a.unsigned_abs(), b.unsigned_abs()), c.unsigned_abs());
    // The magnitude is rounded up when the wanted direction is away from zero.
    let magnitude = if !exact && (up != negative) { quotient.checked_add(1).expect(RANGE) } else { quotient };
    let magnitude = i128::try_from(magnitude).expect(RANGE);
    if negative { -magnitude } else { magnitude }
}

/// `a · b` of two numbers with 18 decimals.
pub fn times(a: i128, b: i128, up: bool) -> i128 {
    proportion(a, b, ONE, up)
}

/// `a / b` of two numbers with 18 decimals.
pub fn over(a: i128, b: i128, up: bool) -> i128 {
    proportion(a, ONE, b, up)
}

/// The high and the low half of a product.
fn product(a: u128, b: u128) -> (u128, u128) {
    const HALF: u128 = (1 << 64) - 1;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & HALF, b >> 64, b & HALF);
    let low = a_low * b_low;
    let first = a_high * b_low + (low >> 64);
    let second = a_low * b_high + (first & HALF);
    (a_high * b_high + (first >> 64) + (second >> 64), (second << 64) | (low & HALF))
}

/// The quotient, rounded down, and whether the division leaves no rest.
fn divided((high, low): (u128, u128), by: u128) -> (u128, bool) {
    if high == 0 {
        return (low / by, low.is_multiple_of(by));
    }
    assert!(high < by, "{RANGE}");
    let (mut rest, mut quotient) = (high, 0_u128);
    for bit in (0..128).rev() {
        let carried = rest >> 127 == 1;
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carried || rest >= by {
            rest = rest.wrapping_sub(by);
            quotient |= 1;
        }
    }
    (quotient, rest == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proportions_round_as_they_are_told() {
        assert_eq!((proportion(7, 3, 2, false), proportion(7, 3, 2, true)), (10, 11));
        assert_eq!((proportion(-7, 3, 2, false), proportion(-7, 3, 2, true)), (-11, -10));
        assert_eq!((proportion(-7, 4, 2, false), proportion(7, -4, 2, true)), (-14, -14));
        let large = 10_i128.pow(30);
        assert_eq!(proportion(large, large, large + 1, false), large - 1);
        assert_eq!(proportion(large, large, large + 1, true), large);
        assert_eq!(over(ONE, 3 * ONE, true), 333_333_333_333_333_334);
        assert_eq!(times(12 * ONE, ONE / 4, false), 3 * ONE);
    }
}
