//! The gradient of vectors that were looked up.

use burn::{backend::TensorMetadata, tensor::Shape};
use cubecl::{ir::ElemType, prelude::*};

use super::{
    super::cube::{CubeTensor, contiguous_numbers},
    launches::{cubes, element_of, empty, in_rows},
};

/// Numbers of rows that a unit looks at before all units say what they found.
const LOOKS: usize = 4;

/// A row of a table to a cube: the sum of the rows of a gradient whose vectors were looked up there, in their order.
///
/// Every cube reads all numbers. burn's own operation reads each number once, with a unit for each column and the rows one
/// after another: a hundred times as slow where a table is that of a language model.
#[cube(launch)]
fn add_up<F: Float, I: Int>(
    numbers: &Tensor<I>,
    gradient: &Tensor<F>,
    sums: &mut Tensor<F>,
    rows: usize,
    width: usize,
    stride: usize,
    count: usize,
    #[comptime] parts: usize,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
    #[define(I)] _numbers: ElemType,
) {
    let row = CUBE_POS as usize;
    if row < rows {
        let unit = UNIT_POS as usize;
        let looks = comptime!(units * LOOKS);
        let mut own = Array::<f32>::new(parts);
        #[unroll]
        for part in 0..parts {
            own[part] = f32::new(0.0);
        }
        let mut is_here = Shared::<[u32]>::new_slice(looks);
        let mut is_any = Shared::<[u32]>::new_slice(1usize);
        let mut first = 0usize;
        while first < count {
            if unit == 0 {
                is_any[0] = 0u32;
            }
            sync_cube();
            #[unroll]
            for look in 0..LOOKS {
                let at = first + look * units + unit;
                let mut found = 0u32;
                if at < count {
                    if usize::cast_from(numbers[at]) == row {
                        found = 1u32;
                        is_any[0] = 1u32;
                    }
                }
                is_here[look * units + unit] = found;
            }
            sync_cube();
            if is_any[0] == 1u32 {
                for look in 0..looks {
                    if is_here[look] == 1u32 {
                        #[unroll]
                        for part in 0..parts {
                            let place = part * units + unit;
                            if place < width {
                                own[part] += f32::cast_from(gradient[(first + look) * stride + place]);
                            }
                        }
                    }
                }
            }
            sync_cube();
            first += looks;
        }
        #[unroll]
        for part in 0..parts {
            let place = part * units + unit;
            if place < width {
                sums[row * width + place] = F::cast_from(own[part]);
            }
        }
    }
}

/// The gradient of all `rows` vectors.
pub(super) fn backward(gradient: CubeTensor, numbers: CubeTensor, rows: usize) -> CubeTensor {
    let ((gradient, stride), numbers) = (in_rows(gradient), contiguous_numbers(numbers));
    let [count, width] = gradient.shape().dims();
    let sums = empty(&gradient, Shape::from([rows, width]), gradient.dtype);
    let (cube_count, cube_dim, units) = cubes(rows, width);
    let (dtype, of_numbers) = (element_of(&gradient), element_of(&numbers));
    add_up::launch(
        &gradient.client.clone(),
        cube_count,
        cube_dim,
        numbers.into_tensor_arg(),
        gradient.into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        rows,
        width,
        stride,
        count,
        width.div_ceil(units),
        units,
        dtype,
        of_numbers,
    );
    sums
}
