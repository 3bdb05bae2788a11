// Does this browser multiply bytes? Four pairs at once, exactly, as the CPU bundle with relaxed SIMD does.
//
// Relaxed SIMD promises 7 bits of one of the factors. The eighth is a sign on ARM, and more of the number where Intel and
// AMD have AVX-VNNI; elsewhere sums are held in 16 bits, which are too few, and pairs of 16 bits are faster. So it is tried.

/** A function that multiplies -127 four times with a byte whose bits are all set, and adds up. */
const MODULE = [
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  1, 5, 1, 0x60, 0, 1, 0x7f, // type: () → i32
  3, 2, 1, 0, // one function
  7, 5, 1, 1, 0x66, 0, 0, // exported as f
  10, 23, 1, 21, 0, // its code
  0x41, 0x81, 0x7f, 0xfd, 0x0f, // i32.const -127, i8x16.splat
  0x41, 0x7f, 0xfd, 0x0f, // i32.const -1, i8x16.splat
  0x41, 0, 0xfd, 0x11, // i32.const 0, i32x4.splat
  0xfd, 0x93, 2, // i32x4.relaxed_dot_i8x16_i7x16_add_s
  0xfd, 0x1b, 0, 0x0b, // i32x4.extract_lane 0
];

/** What it gives with and without a sign; as in `shared/src/kernels/instructions/simd128.rs`. */
const EXACT = [4 * -127 * -1, 4 * -127 * 255];

export function multipliesBytes() {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(MODULE)));
    return EXACT.includes(/** @type {any} */ (exports).f());
  } catch {
    // No relaxed SIMD, or no WebAssembly, which is told where it is needed.
    return false;
  }
}
