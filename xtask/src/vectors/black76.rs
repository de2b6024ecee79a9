//! Black-76 against 60-digit arithmetic: both prices agree within 1e-13 of the larger of forward and strike.

use margin::method::derive::expiry::price;
use pricing::Right;
use pricing::black76::Inputs;
use units::YEAR_SECONDS;

use super::document::{Black76Vector, Document, read};
use super::{Comparison, Tally};

const TOLERANCE: f64 = 1e-13;

pub fn run(text: &str) -> Result<Tally, String> {
    let document: Document = read(text)?;
    let mut tally = Tally::default();
    for (index, vector) in document.black76.iter().enumerate() {
        tally.count(&format!("black76[{index}]"), compare(vector));
    }
    Ok(tally)
}

fn compare(vector: &Black76Vector) -> Result<Comparison, String> {
    let Black76Vector { discount, vol, forward, strike, .. } = *vector;
    let years = vector.seconds_to_expiry / YEAR_SECONDS;
    let scale = forward.max(strike);
    let mut comparison = Comparison::new(scale);
    for (quantity, right, exact) in [("call", Right::Call, vector.exact_call), ("put", Right::Put, vector.exact_put)] {
        let inputs = Inputs { right, forward, strike, vol, years, discount };
        let ours = price(inputs).map_err(|refusal| refusal.to_string())?;
        comparison.money_within(quantity, ours, exact, TOLERANCE * scale);
    }
    Ok(comparison)
}
