// One row of x by stored rows of w (included by linear_kernels.h): blocks are decoded in registers and multiplied at once.
//
// The values, and the order in which a lane adds up its products, are those of decode and dot, so the bits are the same.
// DOT_ROWS rows at a time hide the latency of the additions.

/// How far ahead blocks are fetched, in groups of DOT_ROWS rows.
enum { PREFETCH_GROUPS = 8 };

typedef void group_decoder(const uint8_t *block, int64_t group, float *dst);

/// DOT_ROWS rows of blocks times x (count), from group `first` of each.
INLINE void multiply_groups(group_decoder *decode_group, const int64_t groups_per_block, const int64_t block_bytes,
                            const uint8_t *const *rows, int64_t ahead, int64_t first, int64_t count, const float *x,
                            vec *sum) {
    vec acc[DOT_ROWS] = {};
    for (int64_t g = first; g < first + count / PH_GROUP; g++, x += PH_GROUP) {
#pragma unroll
        for (int r = 0; r < DOT_ROWS; r++) {
            const uint8_t *block = rows[r] + g / groups_per_block * block_bytes;
            __builtin_prefetch(block + ahead);
            float values[PH_GROUP];
            decode_group(block, g % groups_per_block, values);
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

#define MULTIPLY_GROUPS(decode_group, groups_per_block, block_bytes)                                             \
    multiply_groups(decode_group, groups_per_block, block_bytes, sources, ahead, first / PH_GROUP, count, x, acc);\
    break

static bool dot_row(const ph_weight *w, int64_t row, int64_t rows, int64_t first, int64_t count, const float *x, float *y,
                    float alpha, float beta) {
    const uint8_t *sources[DOT_ROWS];
    for (int64_t r = 0; r < DOT_ROWS; r++)
        sources[r] = (const uint8_t *)w->data + (row + (r < rows ? r : rows - 1)) * w->row_bytes;
    const int64_t ahead = PREFETCH_GROUPS * DOT_ROWS * w->row_bytes;
    vec acc[DOT_ROWS];
    switch ((ph_type)w->type) {
    case PH_Q4_0: MULTIPLY_GROUPS(group_q4_0, 1, 18);
    case PH_Q4_1: MULTIPLY_GROUPS(group_q4_1, 1, 20);
    case PH_Q5_0: MULTIPLY_GROUPS(group_q5_0, 1, 22);
    case PH_Q5_1: MULTIPLY_GROUPS(group_q5_1, 1, 24);
    case PH_Q8_0: MULTIPLY_GROUPS(group_q8_0, 1, 34);
    case PH_Q2_K: MULTIPLY_GROUPS(group_q2_k, 8, 84);
    case PH_Q3_K: MULTIPLY_GROUPS(group_q3_k, 8, 110);
    case PH_Q4_K: MULTIPLY_GROUPS(group_q4_k, 8, 144);
    case PH_Q5_K: MULTIPLY_GROUPS(group_q5_k, 8, 176);
    case PH_Q6_K: MULTIPLY_GROUPS(group_q6_k, 8, 210);
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
