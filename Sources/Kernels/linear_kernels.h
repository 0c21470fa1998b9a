// The two register-blocked products of levels.h, compiled once for each CPU level (included by linear_*.c).
//
// dot:   vectors run along the inner index: no transposition of weights, and a row alone costs no more than its share.
//        DOT_TOKENS rows of x by DOT_ROWS rows of w in registers; the lanes are added up at the end of a chunk.
// panel: vectors run along the columns; PANEL_TOKENS rows of a, broadcast, by PANEL_VECTORS vectors in registers.
// An element's sum takes the same steps in every variant for fewer rows.

typedef float vec __attribute__((vector_size(4 * PH_LANES)));
typedef float vec_unaligned __attribute__((vector_size(4 * PH_LANES), aligned(4)));

#if PH_LANES == 16
enum { DOT_ROWS = 8, PANEL_VECTORS = 6, WIDE_TOKENS = 128 };
#else
enum { DOT_ROWS = 4, PANEL_VECTORS = 3, WIDE_TOKENS = 64 };
#endif
enum { DOT_TOKENS = 3, PANEL_TOKENS = 4 };
typedef float dot_sums __attribute__((vector_size(4 * DOT_ROWS)));
typedef float dot_sums_unaligned __attribute__((vector_size(4 * DOT_ROWS), aligned(4)));

INLINE vec load(const float *p) { return *(const vec_unaligned *)p; }

INLINE void store(float *p, vec v) { *(vec_unaligned *)p = v; }

INLINE vec broadcast(float value) {
    vec v;
    for (int i = 0; i < PH_LANES; i++) v[i] = value;
    return v;
}

/// The first `count` lanes from memory, zeros in the others; count < PH_LANES.
INLINE vec load_first(const float *p, int64_t count) {
#if PH_LANES == 16
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#elif PH_LANES == 8
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return (vec)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes));
#else
    vec v = {};
    for (int i = 0; i < count; i++) v[i] = p[i];
    return v;
#endif
}

/// a b + c: fused where the CPU does it.
#if PH_LANES > 4
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

static void copy_block(float *to, int64_t ld_to, const float *from, int64_t ld_from, int64_t rows, int64_t cols) {
    for (int64_t r = 0; r < rows; r++) memcpy(to + r * ld_to, from + r * ld_from, (size_t)cols * sizeof *to);
}

// MARK: dot

/// The sums of the lanes of DOT_ROWS vectors.
INLINE dot_sums sums(const vec *v) {
#if PH_LANES == 16
#define LANES_OF_4(a, b, c, d) \
    a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, d + 12
#define OTHER 16
#elif PH_LANES == 8
#define LANES_OF_4(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4
#define OTHER 8
#else
#define LANES_OF_4(a, b, c, d) a, b, c, d
#define OTHER 4
#endif
    vec quads[DOT_ROWS / 4];  // each 128-bit lane: one part of the sums of four rows
    for (int i = 0; i < DOT_ROWS / 4; i++) {
        const vec *r = v + 4 * i;
        vec ab = __builtin_shufflevector(r[0], r[1], LANES_OF_4(0, 1, OTHER, OTHER + 1)) +
                 __builtin_shufflevector(r[0], r[1], LANES_OF_4(2, 3, OTHER + 2, OTHER + 3));
        vec cd = __builtin_shufflevector(r[2], r[3], LANES_OF_4(0, 1, OTHER, OTHER + 1)) +
                 __builtin_shufflevector(r[2], r[3], LANES_OF_4(2, 3, OTHER + 2, OTHER + 3));
        quads[i] = __builtin_shufflevector(ab, cd, LANES_OF_4(0, 2, OTHER, OTHER + 2)) +
                   __builtin_shufflevector(ab, cd, LANES_OF_4(1, 3, OTHER + 1, OTHER + 3));
    }
#if PH_LANES == 16
    vec halved = __builtin_shufflevector(quads[0], quads[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                 __builtin_shufflevector(quads[0], quads[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    return __builtin_shufflevector(halved, halved, 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(halved, halved, 4, 5, 6, 7, 12, 13, 14, 15);
#elif PH_LANES == 8
    return __builtin_shufflevector(quads[0], quads[0], 0, 1, 2, 3) +
           __builtin_shufflevector(quads[0], quads[0], 4, 5, 6, 7);
#else
    return quads[0];
#endif
}

/// y (DOT_ROWS) = alpha times the sums of the lanes + beta y
INLINE void finish(const vec *acc, float *y, float alpha, float beta) {
    dot_sums out = sums(acc) * alpha;
    if (beta != 0) out += beta * *(const dot_sums_unaligned *)y;
    *(dot_sums_unaligned *)y = out;
}

INLINE void dot_tokens(const int tokens, const float *x, int64_t ldx, const float *w, int64_t ldw, int64_t k,
                       float *y, int64_t ldy, float alpha, float beta) {
    vec acc[DOT_TOKENS][DOT_ROWS] = {};
    int64_t i = 0;
#pragma clang loop unroll_count(4)
    for (; i + PH_LANES <= k; i += PH_LANES) {
        vec xs[DOT_TOKENS];
#pragma unroll
        for (int t = 0; t < tokens; t++) xs[t] = load(x + t * ldx + i);
#pragma unroll
        for (int r = 0; r < DOT_ROWS; r++) {
            vec ws = load(w + r * ldw + i);
#pragma unroll
            for (int t = 0; t < tokens; t++) acc[t][r] = MULTIPLY_ADD(xs[t], ws, acc[t][r]);
        }
    }
    if (i < k) {
#pragma unroll
        for (int t = 0; t < tokens; t++) {
            vec xs = load_first(x + t * ldx + i, k - i);
#pragma unroll
            for (int r = 0; r < DOT_ROWS; r++)
                acc[t][r] = MULTIPLY_ADD(xs, load(w + r * ldw + i), acc[t][r]);
        }
    }
#pragma unroll
    for (int t = 0; t < tokens; t++) finish(acc[t], y + t * ldy, alpha, beta);
}

/// All DOT_ROWS rows of w.
static void dot_block(const float *x, int64_t ldx, const float *w, int64_t ldw, int64_t k, float *y, int64_t ldy,
                      int64_t n, float alpha, float beta) {
    int64_t t = 0;
    // The last four rows are two and two: a single row would leave the multipliers waiting.
    for (; n - t == 3 || n - t > 4; t += 3) dot_tokens(3, x + t * ldx, ldx, w, ldw, k, y + t * ldy, ldy, alpha, beta);
    for (; n - t >= 2; t += 2) dot_tokens(2, x + t * ldx, ldx, w, ldw, k, y + t * ldy, ldy, alpha, beta);
    if (t < n) dot_tokens(1, x + t * ldx, ldx, w, ldw, k, y + t * ldy, ldy, alpha, beta);
}

static void dot(const float *x, int64_t ldx, const float *w, int64_t ldw, int64_t k, float *y, int64_t ldy, int64_t n,
                int64_t rows, float alpha, float beta) {
    if (rows == DOT_ROWS) return dot_block(x, ldx, w, ldw, k, y, ldy, n, alpha, beta);
    float whole[DOT_TOKENS * DOT_ROWS] = {0};
    for (int64_t t = 0; t < n; t += DOT_TOKENS) {
        const int64_t tokens = n - t < DOT_TOKENS ? n - t : DOT_TOKENS;
        if (beta != 0) copy_block(whole, DOT_ROWS, y + t * ldy, ldy, tokens, rows);
        dot_block(x + t * ldx, ldx, w, ldw, k, whole, DOT_ROWS, tokens, alpha, beta);
        copy_block(y + t * ldy, ldy, whole, DOT_ROWS, tokens, rows);
    }
}

// MARK: panel

INLINE void panel_tokens(const int tokens, const float *a, int64_t row_step, int64_t k_step, const float *panel,
                         int64_t k, float *c, int64_t ldc, float alpha, float beta) {
    vec acc[PANEL_TOKENS][PANEL_VECTORS] = {};
    for (int64_t p = 0; p < k; p++, a += k_step, panel += PH_PANEL_WIDTH) {
        vec ws[PANEL_VECTORS];
#pragma unroll
        for (int v = 0; v < PANEL_VECTORS; v++) ws[v] = load(panel + v * PH_LANES);
#pragma unroll
        for (int t = 0; t < tokens; t++) {
            vec as = broadcast(a[t * row_step]);
#pragma unroll
            for (int v = 0; v < PANEL_VECTORS; v++) acc[t][v] = MULTIPLY_ADD(as, ws[v], acc[t][v]);
        }
    }
#pragma unroll
    for (int t = 0; t < tokens; t++) {
#pragma unroll
        for (int v = 0; v < PANEL_VECTORS; v++) {
            float *io = c + t * ldc + v * PH_LANES;
            vec out = acc[t][v] * alpha;
            if (beta != 0) out += beta * load(io);
            store(io, out);
        }
    }
}

/// PANEL_VECTORS vectors of columns, `tokens` <= PANEL_TOKENS rows.
static void panel_block(int64_t tokens, const float *a, int64_t row_step, int64_t k_step, const float *panel, int64_t k,
                        float *c, int64_t ldc, float alpha, float beta) {
    switch (tokens) {
    case 4: panel_tokens(4, a, row_step, k_step, panel, k, c, ldc, alpha, beta); break;
    case 3: panel_tokens(3, a, row_step, k_step, panel, k, c, ldc, alpha, beta); break;
    case 2: panel_tokens(2, a, row_step, k_step, panel, k, c, ldc, alpha, beta); break;
    default: panel_tokens(1, a, row_step, k_step, panel, k, c, ldc, alpha, beta); break;
    }
}

INLINE void prefetch_rows(const float *a, int64_t row_step, int64_t k) {
    for (int t = 0; t < PANEL_TOKENS; t++)
        for (int64_t p = 0; p < k; p += 16) __builtin_prefetch(a + t * row_step + p);
}

static void panel_product(const float *a, int64_t row_step, int64_t k_step, const float *panel, int64_t k, float *c,
                          int64_t ldc, int64_t m, int64_t cols, float alpha, float beta) {
    enum { WIDTH = PANEL_VECTORS * PH_LANES };
    float whole[PANEL_TOKENS * WIDTH] = {0};
    // Columns outside: this strip of the panel stays in the L1 cache while the rows pass by.
    for (int64_t j = 0; j < cols; j += WIDTH) {
        int64_t count;
        for (int64_t t = 0; t < m; t += count) {
            const int64_t left = m - t;
            count = left == 5 || left == 6 || left == 3 ? 3 : left >= 4 ? 4 : left;
            const float *rows = a + t * row_step;
            // The next rows, then the first ones of the next chunk: rows of a wide matrix lie in pages of their own.
            if (k_step == 1 && j == 0) prefetch_rows(t + count < m ? rows + count * row_step : a + k, row_step, k);
            float *out = c + t * ldc + j;
            if (cols - j >= WIDTH) {
                panel_block(count, rows, row_step, k_step, panel + j, k, out, ldc, alpha, beta);
            } else {
                if (beta != 0) copy_block(whole, WIDTH, out, ldc, count, cols - j);
                panel_block(count, rows, row_step, k_step, panel + j, k, whole, WIDTH, alpha, beta);
                copy_block(out, ldc, whole, WIDTH, count, cols - j);
            }
        }
    }
}

#include "linear_row.h"

const ph_kernels PH_KERNELS = {
    .dot_rows = DOT_ROWS, .wide_tokens = WIDE_TOKENS, .decode = decode, .dot = dot, .dot_row = dot_row,
    .panel = panel_product};
