#ifndef PH_LINEAR_H
#define PH_LINEAR_H

#include <stddef.h>
#include <stdint.h>

#include "dequantize.h"

// Products with a frozen matrix W (out, in) that stays as it is stored; blocks are decoded into a scratch buffer that
// fits the L1 or L2 cache, and used there.
//
//   forward     y (n, out) = alpha x (n, in) W^T   [+ y]
//   transposed  dx (n, in) = alpha dy (n, out) W   [+ dx]
//
// A product is cut into tiles that write disjoint parts of the output, to be run in any order by any thread. Tiles
// depend on shapes and the CPU level only. The sum over the inner index has one fixed order: neither n nor the
// other rows, nor the thread, changes the bits of a row. Where accumulate is 0, the old output is not read.
// x, y: row-major float32 with leading dimensions ldx, ldy in elements. Outputs must not overlap inputs.

/// Bytes of scratch that each thread needs for any tile of ph_linear, ph_linear_t and ph_gemm; aligned to 64 bytes.
size_t ph_linear_scratch_bytes(void);

/// Number of tiles of the forward product for n rows of x.
int64_t ph_linear_tiles(const ph_weight *w, int64_t n);
/// One tile, 0 <= tile < ph_linear_tiles, of the forward product.
void ph_linear_tile(const ph_weight *w, const float *x, int64_t ldx, float *y, int64_t ldy, int64_t n, float alpha,
                    int accumulate, int64_t tile, void *scratch);

/// Number of tiles of the transposed product for n rows of dy.
int64_t ph_linear_t_tiles(const ph_weight *w, int64_t n);
/// One tile, 0 <= tile < ph_linear_t_tiles, of the transposed product.
void ph_linear_t_tile(const ph_weight *w, const float *dy, int64_t lddy, float *dx, int64_t lddx, int64_t n,
                      float alpha, int accumulate, int64_t tile, void *scratch);

#endif
