//! Where everything stands on a picture, in pixels.

use margin::stress::Matrix;

use crate::scale::Scale;

/// Of more underlyings than this only the first have their own line of moves.
pub const LABELLED: usize = 4;

/// Width of a picture, and its left and right margin.
pub const WIDTH: f64 = 1200.0;
pub const LEFT: f64 = 44.0;
pub const RIGHT: f64 = WIDTH - LEFT;
/// Where the cells begin and end.
pub const PLOT_LEFT: f64 = 164.0;
pub const PLOT_RIGHT: f64 = 944.0;
pub const PLOT_TOP: f64 = 206.0;
/// Height of the cells together, and of one at most.
const PLOT_HEIGHT: f64 = 420.0;
const CELL_HEIGHT_MAX: f64 = 60.0;
/// Where the legend begins.
pub const PANEL_LEFT: f64 = 978.0;
/// Height of the label of a row.
const ROW_LABEL: f64 = 17.0;

/// Where the cells are, and what they are counted in.
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
    /// Font of the values; none when cells are too small for any.
    pub font: Option<f64>,
}

impl Layout {
    /// Cells as large as the picture has room for, and a font that its longest value fits.
    pub fn of(matrix: &Matrix) -> Self {
        let cell_width = (PLOT_RIGHT - PLOT_LEFT) / count(matrix.prices.len());
        let cell_height = (PLOT_HEIGHT / count(matrix.vols.len())).min(CELL_HEIGHT_MAX);
        let bottom = PLOT_TOP + cell_height * count(matrix.vols.len());
        let scale = Scale::fitting(matrix.largest());
        let longest = matrix.pnl.iter().flatten().map(|pnl| scale.show(*pnl).len()).max().unwrap_or(1);
        // A digit is about six tenths as wide as it is high.
        let font = ((cell_width - 6.0) / (0.6 * count(longest))).min(cell_height * 0.6).min(16.0);
        // A line of moves and a line of prices each.
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

    /// Every how many columns a label fits.
    pub fn stride(&self) -> usize {
        (1..=41).find(|stride| self.cell_width * count(*stride) >= 60.0).unwrap_or(41)
    }

    /// Every how many rows a label fits.
    pub fn row_stride(&self) -> usize {
        (1..=41).find(|stride| self.cell_height * count(*stride) >= ROW_LABEL).unwrap_or(41)
    }
}

/// A number of columns, rows or letters, to multiply lengths with.
pub fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
