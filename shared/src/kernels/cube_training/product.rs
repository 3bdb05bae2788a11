//! Products of matrices by the units that a GPU has for them.

use burn::{
    backend::{Cube, TensorMetadata, ops::FloatTensorOps},
    tensor::{DType, Shape},
};
use cubecl::ir::{ElemType, FloatKind};
use cubek::{
    matmul::{
        definition::{MatmulElems, MatmulGlobalElems},
        launch::launch_ref,
        multi_level::{
            Strategy, components::tile::TileMatmulKind,
            routines::batch::ordered_double_buffering::OrderedSelectionArgs,
        },
        routine::BlueprintStrategy,
    },
    std::InputBinding,
};

use super::{
    super::cube::{CubeTensor, contiguous},
    launches::{element_of, empty},
};

/// Width below which a product is over before the choice of its kernel matters.
const LEAST: usize = 8;

/// left·right.
pub fn multiply(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    by_matrix_units(&left, &right).unwrap_or_else(|| Cube::float_matmul(left, right))
}

/// leftᵀ·right of matrices, whose rows may be many.
pub fn multiply_rows(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    /// A weight has too few tiles to keep a GPU busy: four times as many, added up.
    const PARTS: usize = 4;
    /// Rows of a part that are worth it.
    const ROWS: usize = 1024;
    let shape = left.shape();
    if shape.num_dims() != 2 || shape[0] < PARTS * ROWS || shape[0] % PARTS > 0 {
        return multiply(Cube::float_transpose(left), right);
    }
    let in_parts = |tensor: CubeTensor| {
        let [rows, columns] = tensor.shape().dims();
        Cube::float_reshape(contiguous(tensor), Shape::from([PARTS, rows / PARTS, columns]))
    };
    let (left, right) = (in_parts(left), in_parts(right));
    let sums = Cube::float_sum_dim(multiply(Cube::float_transpose(left), right), 0);
    let [_, rows, columns] = sums.shape().dims();
    Cube::float_reshape(sums, Shape::from([rows, columns]))
}

/// As the fastest of burn's kernels does it, where there are units that multiply such numbers.
fn by_matrix_units(left: &CubeTensor, right: &CubeTensor) -> Option<CubeTensor> {
    let rank = left.shape().num_dims();
    let (from, to) = (left.shape(), right.shape());
    let [between, columns] = [from[rank - 1], to[rank - 1]];
    let element = element_of(left);
    // Numbers of 32 bits are multiplied as TF32, as burn's own kernels do it.
    let multiplied = if left.dtype == DType::F32 { ElemType::Float(FloatKind::TF32) } else { element };
    let units = &left.client.properties().features.matmul.mma;
    let is_there = units.iter().any(|unit| unit.a_type == multiplied && unit.b_type == multiplied);
    if !is_there
        || left.dtype != right.dtype
        || from[..rank - 2] != to[..rank - 2]
        || between.min(columns) < LEAST
        || from.num_elements() == 0
    {
        return None;
    }
    let mut shape = from.clone();
    shape[rank - 1] = columns;
    let product = empty(left, shape, left.dtype);
    let of = |tensor: &CubeTensor| InputBinding::new(tensor.clone().binding(), element);
    let strategy = Strategy::OrderedDoubleMma(BlueprintStrategy::Inferred(OrderedSelectionArgs {
        tile_matmul: TileMatmulKind::Mma,
        partition_k: Some(2),
        row_count: Some(8),
        rows_per_plane: Some(2),
    }));
    let mut elements =
        MatmulElems::from_globals(&MatmulGlobalElems { lhs: element, rhs: element, out: element });
    // What this kernel cannot do burn finds another for.
    launch_ref(&strategy.into(), &left.client, of(left), of(right), product.clone().binding(), &mut elements)
        .ok()?;
    Some(product)
}
