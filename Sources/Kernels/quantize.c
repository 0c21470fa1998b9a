#include "quantize.h"

#include <math.h>
#include <string.h>

#include "clones.h"
#include "nf4.h"

// Bits must not depend on whether a CPU multiplies and adds in one step.
#pragma clang fp contract(off)

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/// IEEE half precision of a number that has one, rounded to nearest even.
static uint16_t half_of(float value) {
    const float size = fabsf(value);
    uint32_t bits;
    memcpy(&bits, &size, sizeof bits);
    if (size < 0x1p-14f) {
        // Added to 1/2 the last bit is worth as much as a subnormal's.
        const float shifted = size + 0.5f;
        memcpy(&bits, &shifted, sizeof bits);
        bits -= 0x3F000000;
    } else {
        bits = ((bits + 0xFFF + (bits >> 13 & 1)) >> 13) - (112 << 10);
    }
    return (uint16_t)(bits | (signbit(value) ? 0x8000 : 0));
}

// MARK: Blocks of 32 values

static void block_q8_0(const float *x, uint8_t *block) {
    float largest = 0;
    for (int i = 0; i < 32; i++) largest = fmaxf(largest, fabsf(x[i]));
    const float d = largest / 127, inverse = d != 0 ? 1 / d : 0;
    const uint16_t bits = half_of(d);
    memcpy(block, &bits, sizeof bits);
    for (int i = 0; i < 32; i++) {
        // In double the sum is exact, so that halves alone round away from zero.
        const double q = x[i] * inverse;
        block[2 + i] = (uint8_t)(int8_t)(q + (q < 0 ? -0.5 : 0.5));
    }
}

static void block_q4_0(const float *x, uint8_t *block) {
    float largest = 0;
    for (int i = 0; i < 32; i++) largest = fabsf(x[i]) > fabsf(largest) ? x[i] : largest;
    const float d = largest / -8, inverse = d != 0 ? 1 / d : 0;
    const uint16_t bits = half_of(d);
    memcpy(block, &bits, sizeof bits);
    for (int i = 0; i < 16; i++) {
        // In double: the sum is rounded once, as with a fused multiply-add.
        const int low = (int)((double)x[i] * inverse + 8.5), high = (int)((double)x[16 + i] * inverse + 8.5);
        block[2 + i] = (uint8_t)((low < 15 ? low : 15) | (high < 15 ? high : 15) << 4);
    }
}

static void block_q4_1(const float *x, uint8_t *block) {
    float least = x[0], most = x[0];
    for (int i = 1; i < 32; i++) {
        least = fminf(least, x[i]);
        most = fmaxf(most, x[i]);
    }
    const float d = (most - least) / 15, inverse = d != 0 ? 1 / d : 0;
    const uint16_t bits[] = {half_of(d), half_of(least)};
    memcpy(block, bits, sizeof bits);
    for (int i = 0; i < 16; i++) {
        const int low = (int)((x[i] - least) * inverse + 0.5f), high = (int)((x[16 + i] - least) * inverse + 0.5f);
        block[4 + i] = (uint8_t)((low < 15 ? low : 15) | (high < 15 ? high : 15) << 4);
    }
}

// MARK: Single values

static void value_f32(const float *x, uint8_t *value) { memcpy(value, x, sizeof *x); }

static void value_f16(const float *x, uint8_t *value) {
    const uint16_t bits = half_of(*x);
    memcpy(value, &bits, sizeof bits);
}

static void value_bf16(const float *x, uint8_t *value) {
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    const uint16_t upper = (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    memcpy(value, &upper, sizeof upper);
}

void ph_quantize_blocks(uint32_t type, const float *values, int64_t count, void *blocks) {
    void (*encode)(const float *, uint8_t *) = type == PH_F32    ? value_f32
                                               : type == PH_F16  ? value_f16
                                               : type == PH_BF16 ? value_bf16
                                               : type == PH_Q8_0 ? block_q8_0
                                               : type == PH_Q4_0 ? block_q4_0
                                                                 : block_q4_1;
    const int64_t each = ph_block_values(type), bytes = ph_block_bytes(type);
    uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += each, block += bytes) encode(values + i, block);
}

// MARK: NF4

static float largest_size(const float *x, int64_t count) {
    float largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmaxf(largest, fabsf(x[i]));
    return largest;
}

/// 0 for a block of zeros.
static float reciprocal(float size) { return 1 / fmaxf(size, 1e-38f); }

/// The number of the nearest of the 16: how many of the middles between neighbours lie below.
PH_CLONES static void nearest(const float *x, int64_t count, float inverse, uint8_t *out) {
    float middles[15];
    for (int k = 0; k < 15; k++) middles[k] = (ph_nf4_values[k] + ph_nf4_values[k + 1]) / 2;
    for (int64_t i = 0; i < count; i++) {
        const float value = x[i] * inverse;
        int code = 0;
        for (int k = 0; k < 15; k++) code += value > middles[k];
        out[i] = (uint8_t)code;
    }
}

void ph_nf4_codes(const float *values, int64_t count, uint8_t *codes, float *absmax) {
    uint8_t wide[PH_NF4_BLOCK];
    for (int64_t first = 0; first < count; first += PH_NF4_BLOCK, absmax++) {
        const int64_t length = smaller(PH_NF4_BLOCK, count - first);
        *absmax = largest_size(values + first, length);
        nearest(values + first, length, reciprocal(*absmax), wide);
        for (int64_t i = 0; i < length; i += 2) codes[(first + i) / 2] = (uint8_t)(wide[i] << 4 | wide[i + 1]);
    }
}

/// The number of the nearest entry of the dynamic map.
static uint8_t nearest_scale(float value) {
    int low = 0, high = 255;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (value > (ph_dynamic_map[middle] + ph_dynamic_map[middle + 1]) / 2) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (uint8_t)low;
}

void ph_nf4_scales(const float *absmax, int64_t blocks, uint8_t *scale_codes) {
    double sum = 0;
    for (int64_t i = 0; i < blocks; i++) sum += absmax[i];
    const float mean = blocks > 0 ? (float)(sum / (double)blocks) : 0;
    uint8_t *tail = scale_codes + blocks;
    for (int64_t first = 0; first < blocks; first += PH_NF4_GROUP, tail += sizeof(float)) {
        const int64_t length = smaller(PH_NF4_GROUP, blocks - first);
        float rest[PH_NF4_GROUP];
        for (int64_t i = 0; i < length; i++) rest[i] = absmax[first + i] - mean;
        const float scale = largest_size(rest, length), inverse = reciprocal(scale);
        for (int64_t i = 0; i < length; i++) scale_codes[first + i] = nearest_scale(rest[i] * inverse);
        memcpy(tail, &scale, sizeof scale);
    }
    memcpy(tail, &mean, sizeof mean);
}
