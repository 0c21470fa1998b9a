#include "gemm.h"

#include <string.h>

#include "linear_tiles.h"

/// Fewer columns than this would leave most of a panel empty.
enum { NARROW = 24 };

typedef enum {
    DOT,      ///< vectors along k: columns of op(B) are gathered as rows
    PANEL,    ///< vectors along the columns of C
    SWAPPED,  ///< vectors along the rows of a narrow C: C^T = op(B)^T op(A)^T, where A is stored (k, m)
} method;

/// Where A is not transposed, the method must not depend on m: a row of C has the same bits among any others.
static method method_of(const ph_gemm *op) {
    if (op->transpose_a) return op->n < NARROW && op->m > op->n ? SWAPPED : PANEL;
    const int long_sums = op->k >= PH_GROUP;
    return long_sums && (op->transpose_b || op->n < NARROW) ? DOT : PANEL;
}

/// Tiles of C, numbered along a row of tiles first.
typedef struct {
    int64_t rows, cols, across, count;
} grid;

static grid grid_of(const ph_gemm *op) {
    grid g = {.rows = PH_TOKENS, .cols = PH_PANEL_WIDTH};
    switch (method_of(op)) {
    case DOT: g.cols = NARROW; break;
    case PANEL: break;
    case SWAPPED: g.rows = PH_PANEL_WIDTH, g.cols = NARROW; break;
    }
    g.across = divide_up(op->n, g.cols);
    if (g.across < 4) g.rows = smaller(g.rows, PH_PANEL_WIDTH);
    g.count = g.across * divide_up(op->m, g.rows);
    return g;
}

int64_t ph_gemm_tiles(const ph_gemm *op) { return grid_of(op).count; }

/// out[i] = from[i * step], i < count.
static void gather(const float *from, int64_t step, int64_t count, float *out) {
    if (step == 1) {
        memcpy(out, from, (size_t)count * sizeof *out);
    } else {
        for (int64_t i = 0; i < count; i++) out[i] = from[i * step];
    }
}

static void dot_tile(const ph_gemm *op, range rows, range cols, float *decoded) {
    const ph_kernels *kernels = ph_kernels_in_use();
    const int64_t chunk = even_chunk(op->k, PH_DOT_CHUNK);
    const int64_t column = op->transpose_b ? op->ldb : 1, step = op->transpose_b ? 1 : op->ldb;
    for (int64_t p = 0; p < op->k; p += chunk) {
        const int64_t k = smaller(chunk, op->k - p), stride = round_up(k, 16);
        for (int64_t j = cols.begin; j < cols.end; j += kernels->dot_rows) {
            const int64_t count = smaller(kernels->dot_rows, cols.end - j);
            for (int64_t i = 0; i < count; i++)
                gather(op->b + (j + i) * column + p * step, step, k, decoded + i * stride);
            fill_zeros(decoded, count, k, stride);
            kernels->dot(op->a + rows.begin * op->lda + p, op->lda, decoded, stride, k, op->c + rows.begin * op->ldc + j,
                         op->ldc, rows.end - rows.begin, count, op->alpha, p > 0 ? 1 : op->beta);
        }
    }
}

/// Rows p ..< p + k and columns `cols` of a matrix as a panel.
static void fill_panel(const float *matrix, int64_t row_step, int64_t column_step, int64_t p, int64_t k, range cols,
                       float *panel) {
    const int64_t width = cols.end - cols.begin;
    for (int64_t i = 0; i < k; i++)
        gather(matrix + (p + i) * row_step + cols.begin * column_step, column_step, width, panel + i * PH_PANEL_WIDTH);
}

static void panel_tile(const ph_gemm *op, range rows, range cols, float *panel) {
    const int64_t chunk = even_chunk(op->k, PH_PANEL_CHUNK);
    const int64_t a_row = op->transpose_a ? 1 : op->lda, a_step = op->transpose_a ? op->lda : 1;
    const int64_t b_row = op->transpose_b ? 1 : op->ldb, b_step = op->transpose_b ? op->ldb : 1;
    for (int64_t p = 0; p == 0 || p < op->k; p += chunk) {
        const int64_t k = smaller(chunk, op->k - p);
        fill_panel(op->b, b_row, b_step, p, k, cols, panel);
        ph_kernels_in_use()->panel(op->a + rows.begin * a_row + p * a_step, a_row, a_step, panel, k,
                                   op->c + rows.begin * op->ldc + cols.begin, op->ldc, rows.end - rows.begin,
                                   cols.end - cols.begin, op->alpha, p > 0 ? 1 : op->beta);
    }
}

static void swapped_tile(const ph_gemm *op, range rows, range cols, float *panel) {
    float transposed[NARROW * PH_PANEL_WIDTH];
    const int64_t chunk = even_chunk(op->k, PH_PANEL_CHUNK);
    const int64_t column = op->transpose_b ? op->ldb : 1, step = op->transpose_b ? 1 : op->ldb;
    for (int64_t p = 0; p == 0 || p < op->k; p += chunk) {
        const int64_t k = smaller(chunk, op->k - p);
        fill_panel(op->a, op->lda, 1, p, k, rows, panel);
        ph_kernels_in_use()->panel(op->b + cols.begin * column + p * step, column, step, panel, k, transposed,
                                   PH_PANEL_WIDTH, cols.end - cols.begin, rows.end - rows.begin, op->alpha, p > 0);
    }
    for (int64_t i = rows.begin; i < rows.end; i++) {
        float *c = op->c + i * op->ldc;
        for (int64_t j = cols.begin; j < cols.end; j++) {
            const float product = transposed[(j - cols.begin) * PH_PANEL_WIDTH + i - rows.begin];
            c[j] = op->beta != 0 ? product + op->beta * c[j] : product;
        }
    }
}

void ph_gemm_tile(const ph_gemm *op, int64_t tile, void *scratch) {
    const grid g = grid_of(op);
    const range rows = part(tile / g.across, g.rows, op->m), cols = part(tile % g.across, g.cols, op->n);
    switch (method_of(op)) {
    case DOT: dot_tile(op, rows, cols, scratch); break;
    case PANEL: panel_tile(op, rows, cols, scratch); break;
    case SWAPPED: swapped_tile(op, rows, cols, scratch); break;
    }
}
