#include "linear.h"

#include "linear_tiles.h"

size_t ph_linear_scratch_bytes(void) { return PH_SCRATCH_FLOATS * sizeof(float); }

// MARK: Forward

/// Rows of W in a tile: about 24 tiles, for up to 8 threads.
static int64_t forward_rows(int64_t rows) {
    const int64_t wanted = round_up(rows, 24 * 8) / 24;
    return wanted < 24 ? 24 : wanted > 256 ? 256 : wanted;
}

/// Rows of x in a tile: where chunks are long, fewer of them fit the L2 cache.
static int64_t forward_tokens(int64_t cols) {
    return smaller(cols, even_chunk(cols, PH_DOT_CHUNK)) > 640 ? ph_kernels_in_use()->wide_tokens : PH_TOKENS;
}

int64_t ph_linear_tiles(const ph_weight *w, int64_t n) {
    return divide_up(w->rows, forward_rows(w->rows)) * divide_up(n, forward_tokens(w->cols));
}

void ph_linear_tile(const ph_weight *w, const float *x, int64_t ldx, float *y, int64_t ldy, int64_t n, float alpha,
                    int accumulate, int64_t tile, void *scratch) {
    const ph_kernels *kernels = ph_kernels_in_use();
    const int64_t tile_rows = forward_rows(w->rows), across = divide_up(w->rows, tile_rows);
    const range rows = part(tile % across, tile_rows, w->rows);
    const range tokens = part(tile / across, forward_tokens(w->cols), n);
    const int64_t chunk = even_chunk(w->cols, PH_DOT_CHUNK);
    float *decoded = scratch;
    for (int64_t p = 0; p == 0 || p < w->cols; p += chunk) {
        const int64_t k = smaller(chunk, w->cols - p), stride = round_up(k, 16);
        const float beta = p > 0 || accumulate ? 1 : 0;
        for (int64_t r = rows.begin; r < rows.end; r += kernels->dot_rows) {
            const int64_t count = smaller(kernels->dot_rows, rows.end - r);
            if (n == 1 && kernels->dot_row(w, r, count, p, k, x + p, y + r, alpha, beta)) continue;
            kernels->decode(w, r, count, p, k, decoded, stride);
            fill_zeros(decoded, count, k, stride);
            kernels->dot(x + tokens.begin * ldx + p, ldx, decoded, stride, k, y + tokens.begin * ldy + r, ldy,
                         tokens.end - tokens.begin, count, alpha, beta);
        }
    }
}

// MARK: Transposed

int64_t ph_linear_t_tiles(const ph_weight *w, int64_t n) {
    return divide_up(w->cols, PH_PANEL_WIDTH) * divide_up(n, PH_TOKENS);
}

void ph_linear_t_tile(const ph_weight *w, const float *dy, int64_t lddy, float *dx, int64_t lddx, int64_t n,
                      float alpha, int accumulate, int64_t tile, void *scratch) {
    const ph_kernels *kernels = ph_kernels_in_use();
    const int64_t across = divide_up(w->cols, PH_PANEL_WIDTH);
    const range cols = part(tile % across, PH_PANEL_WIDTH, w->cols), tokens = part(tile / across, PH_TOKENS, n);
    const int64_t chunk = even_chunk(w->rows, PH_PANEL_CHUNK), width = cols.end - cols.begin;
    float *panel = scratch;
    for (int64_t p = 0; p == 0 || p < w->rows; p += chunk) {
        const int64_t k = smaller(chunk, w->rows - p);
        const float beta = p > 0 || accumulate ? 1 : 0;
        kernels->decode(w, p, k, cols.begin, width, panel, PH_PANEL_WIDTH);
        kernels->panel(dy + tokens.begin * lddy + p, lddy, 1, panel, k, dx + tokens.begin * lddx + cols.begin, lddx,
                       tokens.end - tokens.begin, width, alpha, beta);
    }
}
