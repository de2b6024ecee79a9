//! Bytes as a row of small choices.

/// The rest of an input.
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    /// The next byte; none at the end of the input.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number below `sides`, which is at least 1: 0 at the end of the input.
    pub fn below(&mut self, sides: usize) -> usize {
        usize::from(self.byte().unwrap_or(0)) % sides.max(1)
    }

    /// Two bytes as a number.
    pub fn number(&mut self) -> u16 {
        u16::from_le_bytes([self.byte().unwrap_or(0), self.byte().unwrap_or(0)])
    }

    /// One of some values.
    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}
