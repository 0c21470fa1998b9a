#ifndef PH_DEQUANTIZE_H
#define PH_DEQUANTIZE_H

#include <stdint.h>

// Tensor types by their number in a GGUF file; NF4, which GGUF does not have, by one that it will not use.

typedef enum {
    PH_F32 = 0,
    PH_F16 = 1,
    PH_Q4_0 = 2,
    PH_Q4_1 = 3,
    PH_Q5_0 = 6,
    PH_Q5_1 = 7,
    PH_Q8_0 = 8,
    PH_Q2_K = 10,
    PH_Q3_K = 11,
    PH_Q4_K = 12,
    PH_Q5_K = 13,
    PH_Q6_K = 14,
    PH_BF16 = 30,
    PH_NF4 = 0x4E4634,
} ph_type;

/// Values in a block of `type` (1 for the float types); 0 if the type is not supported, or is NF4, whose blocks are not
/// stored by themselves.
int64_t ph_block_values(uint32_t type);

/// Bytes of a block of `type`; 0 where ph_block_values is.
int64_t ph_block_bytes(uint32_t type);

/// dst[i] = the i-th value of the blocks at src, i < count, the same bits at every CPU level. `count` is a multiple of
/// the block's values; src needs no alignment. The type must be supported. Of NF4 it is a matrix of one row.
void ph_dequantize(uint32_t type, const void *src, float *dst, int64_t count);

/// A frozen matrix (rows, cols), row-major, as it is stored: row r begins at data + r * row_bytes and holds whole
/// blocks of `type`. For block types `cols` is a multiple of the block's values.
///
/// Of NF4 a row holds the codes of its values, two in a byte, the first in the high four bits; `cols` is a multiple of 32.
/// Blocks of 64 values are counted through the whole matrix, across the ends of rows, and the last may be short. Behind
/// the last row lie one scale code a block, a float32 scale for each 256 blocks, and a float32 offset. A value is
/// NormalFloat[code] * (dynamic map[scale code] * scale + offset), each step rounded to float32.
typedef struct ph_weight {
    const void *data;
    uint32_t type;
    int32_t reserved;
    int64_t rows, cols, row_bytes;
} ph_weight;

/// Bytes of a matrix as it is stored, without gaps between its rows.
int64_t ph_matrix_bytes(uint32_t type, int64_t rows, int64_t cols);

/// out (n, cols): row i holds the values of row ids[i] of `table`. Every id is within 0 ..< rows.
void ph_embedding_rows(const ph_weight *table, const int32_t *ids, float *out, int64_t n);

#endif
