#include "dequantize.h"

#include <stddef.h>

#include "levels.h"

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

void ph_dequantize(uint32_t type, const void *src, float *dst, int64_t count) {
    ph_kernels_in_use()->decode(type, src, 0, 1, 0, count, dst, 0);
}

void ph_embedding_rows(const ph_weight *table, const int32_t *ids, float *out, int64_t n) {
    const ph_kernels *kernels = ph_kernels_in_use();
    for (int64_t i = 0; i < n; i++) {
        const char *row = (const char *)table->data + ids[i] * table->row_bytes;
        kernels->decode(table->type, row, table->row_bytes, 1, 0, table->cols, out + i * table->cols, 0);
    }
}
