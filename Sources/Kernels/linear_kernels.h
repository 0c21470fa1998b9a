// The two register-blocked products of levels.h, compiled once for each CPU level (included by linear_*.c).
//
// dot:   vectors run along the inner index: no transposition of weights, and a row alone costs no more than its share.
//        3 rows of x by DOT_ROWS rows of w in registers; the lanes are added up at the end of a chunk.
// panel: vectors run along the columns; TOKENS rows of a, broadcast, by PANEL_VECTORS vectors in registers.
// An element's sum takes the same steps in every variant for fewer rows.

typedef float vec __attribute__((vector_size(4 * PH_LANES)));
typedef float vec_unaligned __attribute__((vector_size(4 * PH_LANES), aligned(4)));

#if PH_LANES == 16
enum { DOT_ROWS = 8, PANEL_VECTORS = 6 };
#else
enum { DOT_ROWS = 4, PANEL_VECTORS = 3 };
#endif
enum { DOT_TOKENS = 3, PANEL_TOKENS = 4 };
typedef float dot_sums __attribute__((vector_size(4 * DOT_ROWS)));

INLINE vec load(const float *p) { return *(const vec_unaligned *)p; }

INLINE void store(float *p, vec v) { *(vec_unaligned *)p = v; }

/// a b + c: fused where the CPU does it.
#if PH_LANES > 4
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

// MARK: dot

/// The sums of the lanes of DOT_ROWS vectors.
INLINE dot_sums sums(const vec *v) {
#if PH_LANES == 16
#define LANES_OF_4(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, d + 12
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

INLINE void dot_tokens(const int tokens, const float *x, int64_t ldx, const float *w, int64_t k, float *y, int64_t ldy,
                       int64_t rows, float alpha, float beta) {
    vec acc[DOT_TOKENS][DOT_ROWS] = {};
    int64_t i = 0;
    for (; i + PH_LANES <= k; i += PH_LANES) {
        vec xs[DOT_TOKENS];
#pragma unroll
        for (int t = 0; t < tokens; t++) xs[t] = load(x + t * ldx + i);
#pragma unroll
        for (int r = 0; r < DOT_ROWS; r++) {
            vec ws = load(w + r * PH_DOT_STRIDE + i);
#pragma unroll
            for (int t = 0; t < tokens; t++) acc[t][r] = MULTIPLY_ADD(xs[t], ws, acc[t][r]);
        }
    }
    for (int t = 0; i < k && t < tokens; t++) {
        vec tail = {};
        memcpy(&tail, x + t * ldx + i, (size_t)(4 * (k - i)));
        for (int r = 0; r < DOT_ROWS; r++) acc[t][r] = MULTIPLY_ADD(tail, load(w + r * PH_DOT_STRIDE + i), acc[t][r]);
    }
#pragma unroll
    for (int t = 0; t < tokens; t++) {
        const size_t bytes = (size_t)(4 * rows);
        dot_sums old = {};
        if (beta != 0) rows == DOT_ROWS ? memcpy(&old, y + t * ldy, sizeof old) : memcpy(&old, y + t * ldy, bytes);
        dot_sums new = MULTIPLY_ADD((dot_sums){} + alpha, sums(acc[t]), beta * old);
        rows == DOT_ROWS ? memcpy(y + t * ldy, &new, sizeof new) : memcpy(y + t * ldy, &new, bytes);
    }
}

static void dot(const float *x, int64_t ldx, const float *w, int64_t k, float *y, int64_t ldy, int64_t n, int64_t rows,
                float alpha, float beta) {
    int64_t t = 0;
    // The last four rows are two and two: a single row would leave the multipliers waiting.
    for (; n - t == 3 || n - t > 4; t += 3) dot_tokens(3, x + t * ldx, ldx, w, k, y + t * ldy, ldy, rows, alpha, beta);
    for (; n - t >= 2; t += 2) dot_tokens(2, x + t * ldx, ldx, w, k, y + t * ldy, ldy, rows, alpha, beta);
    if (t < n) dot_tokens(1, x + t * ldx, ldx, w, k, y + t * ldy, ldy, rows, alpha, beta);
}

// MARK: panel

/// cols <= PANEL_VECTORS * PH_LANES.
INLINE void panel_tokens(const int tokens, const float *a, int64_t row_step, int64_t k_step, const float *panel, int64_t k,
                         float *c, int64_t ldc, int64_t cols, float alpha, float beta) {
    vec acc[PANEL_TOKENS][PANEL_VECTORS] = {};
    for (int64_t p = 0; p < k; p++, a += k_step, panel += PH_PANEL_WIDTH) {
        vec ws[PANEL_VECTORS];
#pragma unroll
        for (int v = 0; v < PANEL_VECTORS; v++) ws[v] = load(panel + v * PH_LANES);
#pragma unroll
        for (int t = 0; t < tokens; t++) {
            vec as = (vec){} + a[t * row_step];
#pragma unroll
            for (int v = 0; v < PANEL_VECTORS; v++) acc[t][v] = MULTIPLY_ADD(as, ws[v], acc[t][v]);
        }
    }
    const vec scale = (vec){} + alpha;
#pragma unroll
    for (int t = 0; t < tokens; t++) {
        float *row = c + t * ldc;
        float part[PANEL_VECTORS * PH_LANES] = {0};
        const int whole = cols == PANEL_VECTORS * PH_LANES;
        float *io = whole ? row : part;
        if (!whole && beta != 0) memcpy(part, row, (size_t)(4 * cols));
#pragma unroll
        for (int v = 0; v < PANEL_VECTORS; v++) {
            vec old = beta != 0 ? beta * load(io + v * PH_LANES) : (vec){};
            store(io + v * PH_LANES, MULTIPLY_ADD(scale, acc[t][v], old));
        }
        if (!whole) memcpy(row, part, (size_t)(4 * cols));
    }
}

INLINE void prefetch_rows(const float *a, int64_t row_step, int64_t k) {
    for (int t = 0; t < PANEL_TOKENS; t++)
        for (int64_t p = 0; p < k; p += 16) __builtin_prefetch(a + t * row_step + p);
}

static void panel_product(const float *a, int64_t row_step, int64_t k_step, const float *panel, int64_t k, float *c,
                          int64_t ldc, int64_t m, int64_t cols, float alpha, float beta) {
    const int64_t width = PANEL_VECTORS * PH_LANES;
    int64_t count;
    for (int64_t t = 0; t < m; t += count) {
        const int64_t left = m - t;
        count = left == 5 || left == 6 || left == 3 ? 3 : left >= 4 ? 4 : left;
        const float *rows = a + t * row_step;
        // The next rows, then the first ones of the next chunk: rows of a wide matrix lie in pages of their own.
        if (k_step == 1) prefetch_rows(t + count < m ? rows + count * row_step : a + k, row_step, k);
        for (int64_t j = 0; j < cols; j += width) {
            const int64_t part = cols - j < width ? cols - j : width;
            float *out = c + t * ldc + j;
            switch (count) {
            case 4: panel_tokens(4, rows, row_step, k_step, panel + j, k, out, ldc, part, alpha, beta); break;
            case 3: panel_tokens(3, rows, row_step, k_step, panel + j, k, out, ldc, part, alpha, beta); break;
            case 2: panel_tokens(2, rows, row_step, k_step, panel + j, k, out, ldc, part, alpha, beta); break;
            default: panel_tokens(1, rows, row_step, k_step, panel + j, k, out, ldc, part, alpha, beta); break;
            }
        }
    }
}

const ph_kernels PH_KERNELS = {.dot_rows = DOT_ROWS, .decode = decode, .dot = dot, .panel = panel_product};
