#ifndef PH_GEMM_H
#define PH_GEMM_H

#include <stdint.h>

/// C (m, n) = alpha op(A) (m, k) op(B) (k, n) + beta C, float32, row-major, leading dimensions in elements.
/// op transposes where the flag is set: A is then stored (k, m), B (n, k). C overlaps neither A nor B and is not read
/// where beta is 0. m, n and k may be 0; k = 0 gives beta C.
typedef struct ph_gemm {
    int64_t m, n, k;
    const float *a;
    int64_t lda;
    const float *b;
    int64_t ldb;
    float *c;
    int64_t ldc;
    int32_t transpose_a, transpose_b;
    float alpha, beta;
} ph_gemm;

/// Number of tiles: they write disjoint parts of C and may run in any order on any thread. They depend on shapes, flags
/// and the CPU level only. Each element is summed in one fixed order; where A is not transposed, a row of C depends on
/// its own row of A only, to the bit, and not on m.
int64_t ph_gemm_tiles(const ph_gemm *op);

/// One tile, 0 <= tile < ph_gemm_tiles. `scratch` as in ph_linear_scratch_bytes.
void ph_gemm_tile(const ph_gemm *op, int64_t tile, void *scratch);

#endif
