// One row of x by stored rows of w (included by linear_kernels.h): blocks are decoded in registers and multiplied at once.
//
// The values, and the order in which a lane adds up its products, are those of decode and dot, so the bits are the same.
// DOT_ROWS rows at a time hide the latency of the additions.

/// How far ahead blocks are fetched, in groups of DOT_ROWS rows.
enum { PREFETCH_GROUPS = 8 };

/// The sums of DOT_ROWS rows of w times x (count). Their blocks of 32 values begin with two halves, which are converted
/// first, many at a time.
INLINE void multiply_blocks(block_decoder *decode_values, const int64_t block_bytes, const uint8_t *const *w,
                            int64_t ahead, int64_t count, const float *x, vec *sum) {
    enum { MOST = PH_DOT_CHUNK / PH_GROUP * DOT_ROWS };
    uint32_t words[MOST];
    float halves[2 * MOST];
    const int64_t blocks = count / PH_GROUP, all = blocks * DOT_ROWS;
    for (int64_t g = 0; g < blocks; g++)
        for (int r = 0; r < DOT_ROWS; r++) memcpy(words + g * DOT_ROWS + r, w[r] + g * block_bytes, sizeof *words);
    for (int64_t i = all; i % 8 != 0; i++) words[i] = 0;
    for (int64_t i = 0; i < all; i += 8) store16(halves + 2 * i, load_f16((const uint8_t *)(words + i)));

    vec acc[DOT_ROWS] = {};
    const float *scale = halves;
    for (int64_t g = 0; g < blocks; g++, x += PH_GROUP, scale += 2 * DOT_ROWS) {
#pragma unroll
        for (int r = 0; r < DOT_ROWS; r++) {
            const uint8_t *block = w[r] + g * block_bytes;
            float values[PH_GROUP];
            __builtin_prefetch(block + ahead);
            decode_values(block, in_all_lanes(scale[2 * r]), in_all_lanes(scale[2 * r + 1]), values);
            const float *operand = x;
#if PH_LANES < 16
            __asm__ volatile("" : "+r"(operand));  // read anew for every row: registers are what is short
#endif
#pragma unroll
            for (int i = 0; i < PH_GROUP; i += PH_LANES)
                acc[r] = MULTIPLY_ADD(load(operand + i), load(values + i), acc[r]);
        }
    }
#pragma unroll
    for (int r = 0; r < DOT_ROWS; r++) sum[r] = acc[r];
}

static bool dot_row(const ph_weight *w, int64_t row, int64_t rows, int64_t first, int64_t count, const float *x, float *y,
                    float alpha, float beta) {
    const int64_t block_bytes = ph_block_bytes(w->type), ahead = PREFETCH_GROUPS * DOT_ROWS * w->row_bytes;
    const uint8_t *begin[DOT_ROWS];
    for (int64_t r = 0; r < DOT_ROWS; r++)
        begin[r] = (const uint8_t *)w->data + (row + (r < rows ? r : rows - 1)) * w->row_bytes
            + first / PH_GROUP * block_bytes;
    vec acc[DOT_ROWS];
    switch ((ph_type)w->type) {
    case PH_Q4_0: multiply_blocks(values_q4_0, 18, begin, ahead, count, x, acc); break;
    case PH_Q4_1: multiply_blocks(values_q4_1, 20, begin, ahead, count, x, acc); break;
    case PH_Q8_0: multiply_blocks(values_q8_0, 34, begin, ahead, count, x, acc); break;
    default: return false;
    }
    if (rows == DOT_ROWS) {
        finish(acc, y, alpha, beta);
    } else {
        float whole[DOT_ROWS] = {0};
        if (beta != 0) memcpy(whole, y, (size_t)rows * sizeof *y);
        finish(acc, whole, alpha, beta);
        memcpy(y, whole, (size_t)rows * sizeof *y);
    }
    return true;
}
