#ifndef PH_QUANTIZE_H
#define PH_QUANTIZE_H

#include <stdint.h>

#include "dequantize.h"

// Float32 values to stored blocks. Values are finite and at most 65504 in size, the largest half-precision number.
//
// Q8_0, Q4_0 and Q4_1 follow the reference of ggml, which defines them: Q8_0 has d = max |x| / 127 and rounds halves away from
// zero, Q4_0 has d = x / -8 of the x that is largest in size, and q = trunc(x / d + 8.5); Q4_1 has d = (max - min) / 15 and
// q = trunc((x - min) / d + 0.5). F16 and BF16 round to nearest, ties to even.
//
// NF4 is the 4-bit NormalFloat of QLoRA (Dettmers et al. 2023, arXiv:2305.14314) with double quantisation, as
// bitsandbytes computes it: each value of a block of 64, times the reciprocal of the block's largest size, becomes the
// nearest of 16 numbers. The sizes of all blocks, less their mean, are quantised themselves: in groups of 256, times the
// reciprocal of the group's largest size, to the nearest number of the 8-bit dynamic map. Ties go to the lower number.

enum {
    PH_NF4_BLOCK = 64,   ///< values that share a scale
    PH_NF4_GROUP = 256,  ///< scales that share a scale
};

/// The blocks of `type`, one of PH_F32, PH_F16, PH_BF16, PH_Q8_0, PH_Q4_0 and PH_Q4_1, for `count` values, a multiple of
/// ph_block_values.
void ph_quantize_blocks(uint32_t type, const float *values, int64_t count, void *blocks);

/// Codes of `count` values, two in a byte, the first in the high four bits, and the largest size of each block of 64.
/// `count` is even; the last block may be short.
void ph_nf4_codes(const float *values, int64_t count, uint8_t *codes, float *absmax);

/// A code for each of the blocks' sizes; behind them at `scale_codes` the float32 scale of each group of 256, and their
/// float32 mean: ph_matrix_bytes less the values' codes.
void ph_nf4_scales(const float *absmax, int64_t blocks, uint8_t *scale_codes);

#endif
