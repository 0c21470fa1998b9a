#ifndef PH_LEVELS_H
#define PH_LEVELS_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu.h"
#include "dequantize.h"

// What is compiled once for each CPU level (linear_plain.c, linear_avx2.c, linear_avx512.c).

enum {
    PH_GROUP = 32,          ///< every block type is decoded in groups of 32 values
    PH_DOT_CHUNK = 1024,    ///< longest part of a row that is decoded at once; a multiple of PH_GROUP
    PH_PANEL_WIDTH = 96,    ///< columns of a panel; a multiple of PH_GROUP
    PH_PANEL_CHUNK = 128,   ///< longest part of the inner index in a panel
    PH_PREFETCH_ROWS = 16,  ///< how far ahead of the decoder rows are fetched
};

typedef struct ph_kernels {
    /// Rows of a group of the dot kernel.
    int64_t dot_rows;

    /// Rows of x in a tile of the forward product where chunks are long: they come from the L2 cache for each group of
    /// rows of w.
    int64_t wide_tokens;

    /// dst[r * stride + i] = w[row + r, first + i], r < rows, i < count. For block types first and count are multiples of
    /// 32.
    void (*decode)(const ph_weight *w, int64_t row, int64_t rows, int64_t first, int64_t count, float *dst,
                   int64_t stride);

    /// y (n, rows) = alpha x (n, k) w (rows, k)^T + beta y; vectors run along k. w has dot_rows rows that are filled with
    /// zeros up to their stride ldw, a multiple of 16; rows <= dot_rows, k <= PH_DOT_CHUNK.
    void (*dot)(const float *x, int64_t ldx, const float *w, int64_t ldw, int64_t k, float *y, int64_t ldy, int64_t n,
                int64_t rows, float alpha, float beta);

    /// The same for one row of x and rows of w as they are stored: y[r] = alpha (w[row + r, first + i], i < count) x + beta
    /// y[r], r < rows <= dot_rows. False where the type has to be decoded first.
    bool (*dot_row)(const ph_weight *w, int64_t row, int64_t rows, int64_t first, int64_t count, const float *x, float *y,
                    float alpha, float beta);

    /// c (m, cols) = alpha a (m, k) panel (k, cols) + beta c; vectors run along the columns. a[i, p] is at
    /// a[i * row_step + p * k_step]. The panel has the row stride PH_PANEL_WIDTH; cols <= PH_PANEL_WIDTH.
    void (*panel)(const float *a, int64_t row_step, int64_t k_step, const float *panel, int64_t k, float *c, int64_t ldc,
                  int64_t m, int64_t cols, float alpha, float beta);
} ph_kernels;

extern const ph_kernels ph_kernels_plain, ph_kernels_avx2, ph_kernels_avx512;

/// The kernels of the level in use.
static inline const ph_kernels *ph_kernels_in_use(void) {
#if defined(__x86_64__)
    switch (ph_cpu_level()) {
    case PH_CPU_AVX512: return &ph_kernels_avx512;
    case PH_CPU_AVX2: return &ph_kernels_avx2;
    case PH_CPU_PLAIN: break;
    }
#endif
    return &ph_kernels_plain;
}

#endif
