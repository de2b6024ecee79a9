//! Describes moves in words: those of a scenario, and those of a cell of the grid.

use margin::scenario::{Move, Scenario, VolMove};
use margin::stress::{Matrix, price_move};
use model::Market;

use crate::amount::number;

/// The moves of a scenario.
pub fn scenario_words(scenario: &Scenario, market: &Market) -> String {
    let mut words = Vec::new();
    for (shift, underlying) in scenario.moves.iter().zip(&market.underlyings).filter(|(shift, _)| **shift != Move::NONE)
    {
        let Move { price, basis, vol, years, settled } = *shift;
        let mut moves = vec![format!("{} {}", underlying.name, percent(price))];
        if basis != 0.0 {
            moves.push(format!("basis {}", percent(basis)));
        }
        moves.push(match vol {
            VolMove::Level(level) => format!("vol {}", percent(level)),
            VolMove::Turn { twist, skew } => {
                let turned = format!("short vol {}, long vol {}", percent(twist), percent(-twist));
                let tilted = format!("vol {} per unit of log-moneyness", percent(skew));
                match (twist != 0.0, skew != 0.0) {
                    (true, true) => format!("{turned}, {tilted}"),
                    (true, false) => turned,
                    (false, _) => tilted,
                }
            }
        });
        if years > 0.0 {
            moves.push(format!("{} days pass", number(365.0 * years, 1)));
        }
        if settled > 0.0 {
            moves.push(format!("expiries of the next {} hours settle first", number(24.0 * 365.0 * settled, 1)));
        }
        words.push(moves.join(", "));
    }
    let residuals = scenario.residuals.iter().zip(&market.assets).filter(|(residual, _)| **residual != 0.0);
    words.extend(residuals.map(|(residual, asset)| format!("{} {} on its own", asset.name, percent(*residual))));
    if let Some((location, lost)) = &scenario.failure {
        words.push(format!("{location} fails and loses {} of what it holds", percent(*lost).trim_start_matches('+')));
    }
    if words.is_empty() { "nothing moves".to_owned() } else { words.join(" · ") }
}

/// The moves of a cell.
pub fn cell_words(matrix: &Matrix, row: usize, column: usize) -> String {
    let moves = matrix
        .ranges
        .iter()
        .map(|(name, range)| format!("{name} {}", percent(price_move(matrix.prices[column], *range))));
    let prices = moves.collect::<Vec<_>>().join(" ");
    format!("{prices}, vol {}", percent(matrix.vols[row].relative))
}

/// A fraction as a percentage: `0.125` as `+12.5%`, with at most one decimal.
pub fn percent(fraction: f64) -> String {
    let text = number(100.0 * fraction, 1);
    format!("{}%", plus(text.strip_suffix(".0").unwrap_or(&text)))
}

/// The text with a plus sign when it is above zero.
pub fn plus(text: &str) -> String {
    let nothing = text.bytes().all(|digit| matches!(digit, b'0' | b'.'));
    if nothing || text.starts_with('-') { text.to_owned() } else { format!("+{text}") }
}
