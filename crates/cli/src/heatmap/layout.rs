//! The places of all parts of a picture, in pixels.

use margin::stress::Matrix;

use crate::scale::Scale;

/// The number of underlyings with their own line of moves; further ones are only counted.
pub const LABELLED: usize = 4;

/// Width of a picture, and its left and right margin.
pub const WIDTH: f64 = 1200.0;
pub const LEFT: f64 = 44.0;
pub const RIGHT: f64 = WIDTH - LEFT;
/// The left and the right end of the cells.
pub const PLOT_LEFT: f64 = 164.0;
pub const PLOT_RIGHT: f64 = 944.0;
pub const PLOT_TOP: f64 = 206.0;
/// The height of all cells together, and the greatest height of one.
const PLOT_HEIGHT: f64 = 420.0;
const CELL_HEIGHT_MAX: f64 = 60.0;
/// The left end of the legend.
pub const PANEL_LEFT: f64 = 978.0;
/// Height of the label of a row.
const ROW_LABEL: f64 = 17.0;

/// The places of the cells, and the unit of their values.
pub struct Layout {
    /// Width and height of one cell.
    pub cell_width: f64,
    pub cell_height: f64,
    /// The lower end of the cells.
    pub bottom: f64,
    /// Height of the whole picture.
    pub height: f64,
    /// The unit that values are counted in.
    pub scale: Scale,
    /// The font size of the values; none when cells are too small for any.
    pub font: Option<f64>,
}

impl Layout {
    /// Makes cells as large as the picture has room for, and a font in which the longest value fits.
    pub fn of(matrix: &Matrix) -> Self {
        let cell_width = (PLOT_RIGHT - PLOT_LEFT) / count(matrix.prices.len());
        let cell_height = (PLOT_HEIGHT / count(matrix.vols.len())).min(CELL_HEIGHT_MAX);
        let bottom = PLOT_TOP + cell_height * count(matrix.vols.len());
        let scale = Scale::fitting(matrix.largest());
        let longest = matrix.pnl.iter().flatten().map(|pnl| scale.show(*pnl).len()).max().unwrap_or(1);
        // The width of a digit is about six tenths of its height.
        let font = ((cell_width - 6.0) / (0.6 * count(longest))).min(cell_height * 0.6).min(16.0);
        // One line of moves and one line of prices for each labelled underlying.
        let lines = 2 * matrix.ranges.len().min(LABELLED) + usize::from(matrix.ranges.len() > LABELLED);
        Self {
            cell_width,
            cell_height,
            bottom,
            height: (bottom + 140.0 + 19.0 * count(lines)).max(PLOT_TOP + 530.0),
            scale,
            font: (font >= 6.5).then_some(font),
        }
    }

    /// The left end of a column.
    pub fn x(&self, column: usize) -> f64 {
        PLOT_LEFT + self.cell_width * count(column)
    }

    /// The upper end of a row.
    pub fn y(&self, row: usize) -> f64 {
        PLOT_TOP + self.cell_height * count(row)
    }

    /// The number of columns per label, so that labels fit.
    pub fn stride(&self) -> usize {
        (1..=41).find(|stride| self.cell_width * count(*stride) >= 60.0).unwrap_or(41)
    }

    /// The number of rows per label, so that labels fit.
    pub fn row_stride(&self) -> usize {
        (1..=41).find(|stride| self.cell_height * count(*stride) >= ROW_LABEL).unwrap_or(41)
    }
}

/// A number of columns, rows or letters as a factor for lengths.
pub fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
