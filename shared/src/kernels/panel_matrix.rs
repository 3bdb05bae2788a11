//! What is a packed matrix to the kernels of a processor? Panels of eight rows, and where their products go.

use std::ops::Range;

use super::instructions::PANEL;
use crate::quant::BLOCK;

/// Bytes of weights that states pass by: half of a nearest cache.
const CACHE: usize = 16 << 10;

/// A matrix in panels of eight rows, with zeros behind the last row and the last column.
#[derive(Clone, Copy, Debug)]
pub(super) struct PanelMatrix<'a, B> {
    /// `[panels, blocks of a row]`
    pub(super) blocks: &'a [B],
    /// As blocks.
    pub(super) scales: &'a [[f32; PANEL]],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) blocks_per_row: usize,
}

impl<'a, B: bytemuck::AnyBitPattern> PanelMatrix<'a, B> {
    pub(super) fn of_words(words: &'a [u32], scales: &'a [f32], [rows, columns]: [usize; 2]) -> Option<Self> {
        Self::new(bytemuck::cast_slice(words), scales, rows, columns)
    }

    /// `None` when the numbers of blocks and scales do not fit rows and columns.
    pub(super) fn new(blocks: &'a [B], scales: &'a [f32], rows: usize, columns: usize) -> Option<Self> {
        let blocks_per_row = columns.div_ceil(BLOCK);
        let (scales, rest) = scales.as_chunks();
        let fits = blocks_per_row > 0
            && rest.is_empty()
            && blocks.len() == scales.len()
            && rows.div_ceil(PANEL).checked_mul(blocks_per_row) == Some(blocks.len());
        fits.then_some(Self { blocks, scales, rows, columns, blocks_per_row })
    }

    /// The products with `states`, as `fill` puts them down; it is not asked where there are none.
    pub(super) fn filled(&self, states: &[f32], fill: impl FnOnce(Output)) -> Vec<f32> {
        let mut products = vec![0.0; states.len() / self.columns * self.rows];
        if !products.is_empty() {
            fill(Output { rows: self.rows, products: &mut products });
        }
        products
    }

    /// `value` is one weight of a block, by row and column.
    pub(super) fn select(&self, rows: &[usize], value: impl Fn(&B, usize, usize) -> i8) -> Vec<f32> {
        let mut selected = Vec::with_capacity(rows.len() * self.columns);
        for &row in rows {
            let (blocks, scales) = self.panel(row / PANEL);
            let end = selected.len() + self.columns;
            for (block, scales) in blocks.iter().zip(scales) {
                let scale = scales[row % PANEL];
                selected
                    .extend((0..BLOCK).map(|column| f32::from(value(block, row % PANEL, column)) * scale));
            }
            selected.truncate(end);
        }
        selected
    }

    #[inline(always)]
    pub(super) fn panel(&self, panel: usize) -> (&'a [B], &'a [[f32; PANEL]]) {
        let range = panel * self.blocks_per_row..(panel + 1) * self.blocks_per_row;
        (&self.blocks[range.clone()], &self.scales[range])
    }

    #[inline(always)]
    pub(super) fn panels(&self) -> Range<usize> {
        0..self.blocks.len() / self.blocks_per_row
    }

    /// Panels, so many at a time that `bytes` for each of their blocks stay in the nearest cache while states pass by.
    #[inline(always)]
    pub(super) fn tiles(&self, bytes: usize) -> impl Iterator<Item = Range<usize>> {
        let panels = self.panels();
        let at_once = (CACHE / (self.blocks_per_row * bytes)).max(1);
        panels.clone().step_by(at_once).map(move |first| first..panels.end.min(first + at_once))
    }
}

/// Where products go: `[rows of states, rows of weights]`.
pub(super) struct Output<'a> {
    pub(super) products: &'a mut [f32],
    pub(super) rows: usize,
}

impl Output<'_> {
    /// What a panel gave for one row of states; the last panel may have fewer rows than that.
    #[inline(always)]
    pub(super) fn put(&mut self, state: usize, panel: usize, products: [f32; PANEL]) {
        let (start, end) = (panel * PANEL, self.rows.min((panel + 1) * PANEL));
        let place = &mut self.products[state * self.rows + start..state * self.rows + end];
        match place.first_chunk_mut() {
            Some(whole) => *whole = products,
            None => put_part(place, &products),
        }
    }
}

/// A function of its own: in one with the whole panel both became a copy of any length, which WebAssembly calls a function
/// for, and products of many rows took a sixth longer.
#[cold]
#[inline(never)]
fn put_part(place: &mut [f32], products: &[f32; PANEL]) {
    place.copy_from_slice(&products[..place.len()]);
}
