//! The colours of cells, and an ink for text that is readable on them.
//!
//! They are the diverging scheme red-blue of Cynthia Brewer, which colour-blind people can read: linear in the profit,
//! white where the profit is zero.

use shell::canvas::INK;

/// The colours from the largest loss to the largest profit.
const COLOURS: [[f64; 3]; 9] = [
    [178.0, 24.0, 43.0],
    [214.0, 96.0, 77.0],
    [244.0, 165.0, 130.0],
    [253.0, 219.0, 199.0],
    [247.0, 247.0, 247.0],
    [209.0, 229.0, 240.0],
    [146.0, 197.0, 222.0],
    [67.0, 147.0, 195.0],
    [33.0, 102.0, 172.0],
];

/// The shade of a part of the scale, −1 to 1: red, green and blue from 0 to 255.
pub fn shade(part: f64) -> [f64; 3] {
    let place = (part.clamp(-1.0, 1.0) + 1.0) * 4.0;
    let mut step = 0.0;
    for pair in COLOURS.windows(2) {
        let between = place - step;
        if between < 1.0 {
            return [0, 1, 2].map(|channel| ((1.0 - between) * pair[0][channel] + between * pair[1][channel]).round());
        }
        step += 1.0;
    }
    COLOURS[COLOURS.len() - 1]
}

/// The shade of a part of the scale, as SVG writes it.
pub fn colour(part: f64) -> String {
    let [red, green, blue] = shade(part);
    format!("rgb({red},{green},{blue})")
}

/// Black or white, whichever has the better contrast: relative luminance as in WCAG, with the power 2.4 replaced by 2.
pub fn ink_on([red, green, blue]: [f64; 3]) -> &'static str {
    let light = |channel: f64| (channel / 255.0) * (channel / 255.0);
    let luminance = 0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue);
    if luminance < 0.24 { "#ffffff" } else { INK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_run_from_red_over_white_to_blue() {
        assert_eq!(colour(-1.0), "rgb(178,24,43)");
        assert_eq!(colour(0.0), "rgb(247,247,247)");
        assert_eq!(colour(1.0), "rgb(33,102,172)");
        assert_eq!((ink_on(shade(-1.0)), ink_on(shade(0.0))), ("#ffffff", INK));
    }
}
