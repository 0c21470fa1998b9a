#include "dequantize.h"

#include <stddef.h>

#include "linear_tiles.h"
#include "quantize.h"

static const struct {
    uint32_t type;
    int32_t values, bytes;
} blocks[] = {
    {PH_F32, 1, 4},      {PH_F16, 1, 2},      {PH_BF16, 1, 2},     {PH_Q4_0, 32, 18},    {PH_Q4_1, 32, 20},
    {PH_Q5_0, 32, 22},   {PH_Q5_1, 32, 24},   {PH_Q8_0, 32, 34},   {PH_Q2_K, 256, 84},   {PH_Q3_K, 256, 110},
    {PH_Q4_K, 256, 144}, {PH_Q5_K, 256, 176}, {PH_Q6_K, 256, 210},
};

int64_t ph_block_values(uint32_t type) {
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (blocks[i].type == type) return blocks[i].values;
    return 0;
}

int64_t ph_block_bytes(uint32_t type) {
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (blocks[i].type == type) return blocks[i].bytes;
    return 0;
}

int64_t ph_matrix_bytes(uint32_t type, int64_t rows, int64_t cols) {
    if (type != PH_NF4) return rows * (cols / ph_block_values(type) * ph_block_bytes(type));
    const int64_t blocks = divide_up(rows * cols, PH_NF4_BLOCK), groups = divide_up(blocks, PH_NF4_GROUP);
    return rows * cols / 2 + blocks + (groups + 1) * (int64_t)sizeof(float);
}

void ph_dequantize(uint32_t type, const void *src, float *dst, int64_t count) {
    const ph_weight row = {.data = src, .type = type, .rows = 1, .cols = count};
    ph_kernels_in_use()->decode(&row, 0, 1, 0, count, dst, 0);
}

void ph_embedding_rows(const ph_weight *table, const int32_t *ids, float *out, int64_t n) {
    const ph_kernels *kernels = ph_kernels_in_use();
    for (int64_t i = 0; i < n; i++) kernels->decode(table, ids[i], 1, 0, table->cols, out + i * table->cols, 0);
}
