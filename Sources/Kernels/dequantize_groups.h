// Decoders of the block types, compiled once for each CPU level (included by linear_*.c).
//
// A group is 32 values whose low bits lie in the same 16 or 32 bytes. Block layouts are those of the GGUF format. All
// products but NF4's are exact in float32 (half: 11 bits, scale: 6, value: at most 8), so only the last subtraction or
// addition rounds, and every level gives the same bits.

#include <stdint.h>
#include <string.h>

#include "levels.h"
#include "nf4.h"
#include "quantize.h"

// Vectors wider than the CPU's are only passed between functions that are always inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int8_t i8x16 __attribute__((vector_size(16)));
typedef uint16_t u16x16 __attribute__((vector_size(32)));
typedef uint32_t u32x16 __attribute__((vector_size(64)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef float f32x16 __attribute__((vector_size(64)));

INLINE u8x16 load_u8(const uint8_t *p) {
    u8x16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store16(float *p, f32x16 v) { memcpy(p, &v, sizeof v); }

INLINE f32x16 floats(u8x16 v) { return __builtin_convertvector(v, f32x16); }

INLINE f32x16 signed_floats(u8x16 v) { return __builtin_convertvector((i8x16)v, f32x16); }

INLINE u8x16 all(uint8_t value) { return (u8x16){} + value; }

/// The float32 of IEEE half precision bits, by moving the exponent: exact, subnormals and infinities included.
INLINE f32x16 halves(u16x16 bits) {
#if PH_LANES == 16
    return (f32x16)_mm512_cvtph_ps((__m256i)bits);
#elif PH_LANES == 8
    __m256i all_bits = (__m256i)bits;
    __m256 low = _mm256_cvtph_ps(_mm256_castsi256_si128(all_bits));
    __m256 high = _mm256_cvtph_ps(_mm256_extracti128_si256(all_bits, 1));
    f32x16 v;
    memcpy(&v, &low, sizeof low);
    memcpy((char *)&v + sizeof low, &high, sizeof high);
    return v;
#else
    u32x16 h = __builtin_convertvector(bits, u32x16), magnitude = h & 0x7FFF;
    u32x16 normal = (magnitude << 13) + (112u << 23);
    u32x16 special = (magnitude << 13) | 0x7F800000u | ((u32x16)(magnitude > 0x7C00) & 0x400000u);  // NaN turns quiet
    u32x16 subnormal = (u32x16)(__builtin_convertvector(magnitude, f32x16) * 0x1p-24f);
    u32x16 is_special = (u32x16)(magnitude >= 0x7C00), is_subnormal = (u32x16)(magnitude < 0x400);
    u32x16 v = (special & is_special) | (subnormal & is_subnormal) | (normal & ~is_special & ~is_subnormal);
    return (f32x16)(v | (h & 0x8000) << 16);
#endif
}

INLINE float half_at(const uint8_t *p) {
    uint16_t bits;
    memcpy(&bits, p, sizeof bits);
#if PH_LANES > 4
    return _cvtsh_ss(bits);
#else
    u16x16 v = {bits};
    return halves(v)[0];
#endif
}

/// Two neighbouring halves, each in all lanes. (Loads that repeat a word spare the shuffle port, which is the limit.)
INLINE void two_halves_at(const uint8_t *p, f32x16 *first, f32x16 *second) {
#if PH_LANES == 16
    int32_t word;
    memcpy(&word, p, sizeof word);
    __m512 pairs = _mm512_cvtph_ps(_mm256_set1_epi32(word));
    *first = (f32x16)_mm512_moveldup_ps(pairs);
    *second = (f32x16)_mm512_movehdup_ps(pairs);
#elif PH_LANES == 8
    int32_t word;
    memcpy(&word, p, sizeof word);
    __m256 pairs = _mm256_cvtph_ps(_mm_set1_epi32(word));
    __m256 even = _mm256_moveldup_ps(pairs), odd = _mm256_movehdup_ps(pairs);
    *first = __builtin_shufflevector(even, even, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    *second = __builtin_shufflevector(odd, odd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    const float a = half_at(p), b = half_at(p + 2);
    for (int i = 0; i < 16; i++) (*first)[i] = a, (*second)[i] = b;
#endif
}

/// scale * q for 16 signed bytes.
INLINE void scaled_bytes(const uint8_t *q, f32x16 scale, float *dst) {
#if PH_LANES == 8
    // To the top of a word each, which multiplies by 2^24: one shuffle, where an extension of the sign takes two.
    const __m256i low = _mm256_setr_epi8(-1, -1, -1, 0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, 3,  //
                                         -1, -1, -1, 4, -1, -1, -1, 5, -1, -1, -1, 6, -1, -1, -1, 7);
    const __m256i high = _mm256_add_epi8(low, _mm256_set1_epi32(8 << 24));
    const __m256i bytes = _mm256_broadcastsi128_si256((__m128i)load_u8(q));
    __m256 parts[2] = {_mm256_cvtepi32_ps(_mm256_shuffle_epi8(bytes, low)),
                       _mm256_cvtepi32_ps(_mm256_shuffle_epi8(bytes, high))};
    f32x16 values;
    memcpy(&values, parts, sizeof values);
    store16(dst, scale * 0x1p-24f * values);
#else
    store16(dst, scale * signed_floats(load_u8(q)));
#endif
}

/// table[q] for the low four bits of 16 bytes, then for the high four; table[q] = scale * q + offset.
INLINE void nibbles(const uint8_t *q, f32x16 scale, f32x16 offset, float *dst) {
    const i32x16 wide = __builtin_convertvector(load_u8(q), i32x16);
#if PH_LANES == 16
    // Four bits have sixteen values: look them up in a register.
    const f32x16 steps = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const __m512 table = (__m512)(scale * steps + offset);
    store16(dst, (f32x16)_mm512_permutexvar_ps((__m512i)wide, table));
    store16(dst + 16, (f32x16)_mm512_permutexvar_ps((__m512i)(wide >> 4), table));
#else
    store16(dst, scale * __builtin_convertvector(wide & 15, f32x16) + offset);
    store16(dst + 16, scale * __builtin_convertvector(wide >> 4, f32x16) + offset);
#endif
}

/// Bits 0...15 of the argument, each as 16 in a byte of its own.
INLINE u8x16 fifth_bits(uint32_t bits) {
    const u8x16 select = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8_t low = (uint8_t)bits, high = (uint8_t)(bits >> 8);
    u8x16 spread = {low, low, low, low, low, low, low, low, high, high, high, high, high, high, high, high};
    return (u8x16)((spread & select) != 0) & 16;
}

// MARK: Blocks of 32 values: b is the block

INLINE f32x16 in_all_lanes(float value) {
    f32x16 v;
    for (int i = 0; i < 16; i++) v[i] = value;
    return v;
}

/// The values of blocks that begin with two halves: scale d and minimum m (where there is one).
typedef void block_decoder(const uint8_t *b, f32x16 d, f32x16 m, float *dst);

INLINE void values_q4_0(const uint8_t *b, f32x16 d, f32x16 m, float *dst) {
    (void)m;
    const i32x16 q = __builtin_convertvector(load_u8(b + 2), i32x16);
    // d (q - 8), not d q - 8 d: a zero has the sign of d.
    store16(dst, d * __builtin_convertvector((q & 15) - 8, f32x16));
    store16(dst + 16, d * __builtin_convertvector((q >> 4) - 8, f32x16));
}

INLINE void values_q4_1(const uint8_t *b, f32x16 d, f32x16 m, float *dst) { nibbles(b + 4, d, m, dst); }

INLINE void values_q8_0(const uint8_t *b, f32x16 d, f32x16 m, float *dst) {
    (void)m;
    scaled_bytes(b + 2, d, dst);
    scaled_bytes(b + 18, d, dst + 16);
}

INLINE void whole_block(block_decoder *values, const uint8_t *b, float *dst) {
    f32x16 d, m;
    two_halves_at(b, &d, &m);
    values(b, d, m, dst);
}

INLINE void group_q4_0(const uint8_t *b, int64_t g, float *dst) {
    (void)g;
    whole_block(values_q4_0, b, dst);
}

INLINE void group_q4_1(const uint8_t *b, int64_t g, float *dst) {
    (void)g;
    whole_block(values_q4_1, b, dst);
}

INLINE void group_q5_0(const uint8_t *b, int64_t g, float *dst) {
    (void)g;
    const float d = half_at(b);
    const u8x16 q = load_u8(b + 6);
    uint32_t high;
    memcpy(&high, b + 2, sizeof high);
    store16(dst, d * (floats((q & 15) | fifth_bits(high)) - 16));
    store16(dst + 16, d * (floats((q >> 4) | fifth_bits(high >> 16)) - 16));
}

INLINE void group_q5_1(const uint8_t *b, int64_t g, float *dst) {
    (void)g;
    const float d = half_at(b), m = half_at(b + 2);
    const u8x16 q = load_u8(b + 8);
    uint32_t high;
    memcpy(&high, b + 4, sizeof high);
    store16(dst, d * floats((q & 15) | fifth_bits(high)) + m);
    store16(dst + 16, d * floats((q >> 4) | fifth_bits(high >> 16)) + m);
}

INLINE void group_q8_0(const uint8_t *b, int64_t g, float *dst) {
    (void)g;
    whole_block(values_q8_0, b, dst);
}

// MARK: Blocks of 256 values, eight groups

/// 4-bit scale and minimum for each 16 values [0, 16), two-bit values [16, 80), d, dmin.
INLINE void group_q2_k(const uint8_t *b, int64_t g, float *dst) {
    const float d = half_at(b + 80), dmin = half_at(b + 82);
    const uint8_t *q = b + 16 + 32 * (g / 4), *s = b + 2 * g;
    const int shift = 2 * (g % 4);
    for (int h = 0; h < 2; h++)
        store16(dst + 16 * h, d * (s[h] & 15) * floats((load_u8(q + 16 * h) >> shift) & 3) - dmin * (s[h] >> 4));
}

/// High bits [0, 32), low two bits [32, 96), 16 scales of 6 bits [96, 108), d.
INLINE void group_q3_k(const uint8_t *b, int64_t g, float *dst) {
    const float d = half_at(b + 108);
    const uint8_t *q = b + 32 + 32 * (g / 4), *s = b + 96;
    const int shift = 2 * (g % 4);
    for (int h = 0; h < 2; h++) {
        const int k = (int)(2 * g + h);
        const int low = s[k % 8] >> 4 * (k / 8) & 15, high = s[8 + k % 4] >> 2 * (k / 4) & 3;
        const u8x16 bit = (load_u8(b + 16 * h) >> (uint8_t)g) & 1;
        const u8x16 value = ((load_u8(q + 16 * h) >> shift) & 3) + (bit << 2) - 4;
        store16(dst + 16 * h, d * ((low | high << 4) - 32) * signed_floats(value));
    }
}

/// Scale and minimum of group g, 6 bits each, of the 12 bytes that Q4_K and Q5_K share.
INLINE void scale_and_minimum(const uint8_t *s, int64_t g, int *scale, int *minimum) {
    *scale = g < 4 ? s[g] & 63 : (s[g + 4] & 15) | (s[g - 4] >> 6) << 4;
    *minimum = g < 4 ? s[g + 4] & 63 : s[g + 4] >> 4 | (s[g] >> 6) << 4;
}

/// d, dmin, scales and minima [4, 16), four-bit values [16, 144).
INLINE void group_q4_k(const uint8_t *b, int64_t g, float *dst) {
    int scale, minimum;
    scale_and_minimum(b + 4, g, &scale, &minimum);
    const float d = half_at(b) * scale, m = half_at(b + 2) * minimum;
    const uint8_t *q = b + 16 + 32 * (g / 2);
    const int shift = 4 * (g % 2);
    for (int h = 0; h < 2; h++) store16(dst + 16 * h, d * floats((load_u8(q + 16 * h) >> shift) & 15) - m);
}

/// d, dmin, scales and minima [4, 16), fifth bits [16, 48), low four bits [48, 176).
INLINE void group_q5_k(const uint8_t *b, int64_t g, float *dst) {
    int scale, minimum;
    scale_and_minimum(b + 4, g, &scale, &minimum);
    const float d = half_at(b) * scale, m = half_at(b + 2) * minimum;
    const uint8_t *q = b + 48 + 32 * (g / 2);
    const int shift = 4 * (g % 2);
    for (int h = 0; h < 2; h++) {
        const u8x16 fifth = (load_u8(b + 16 + 16 * h) >> (uint8_t)g) & 1;
        store16(dst + 16 * h, d * floats(((load_u8(q + 16 * h) >> shift) & 15) | fifth << 4) - m);
    }
}

/// Low four bits [0, 128), high two bits [128, 192), 16 signed scales [192, 208), d.
INLINE void group_q6_k(const uint8_t *b, int64_t g, float *dst) {
    const float d = half_at(b + 208);
    const int64_t half = g / 4, quarter = g % 4;
    const uint8_t *low = b + 64 * half + 32 * (quarter % 2), *high = b + 128 + 32 * half;
    const int low_shift = 4 * (int)(quarter / 2), high_shift = 2 * (int)quarter;
    for (int h = 0; h < 2; h++) {
        const u8x16 low_bits = (load_u8(low + 16 * h) >> low_shift) & 15;
        const u8x16 high_bits = (load_u8(high + 16 * h) >> high_shift) & 3;
        const u8x16 value = low_bits | high_bits << 4;
        const float scale = d * (int8_t)b[192 + 2 * g + h];
        store16(dst + 16 * h, scale * signed_floats(value - 32));
    }
}

// MARK: NF4

/// table[index & 15]
INLINE f32x16 lookup(f32x16 table, i32x16 index) {
#if PH_LANES == 16
    return (f32x16)_mm512_permutexvar_ps((__m512i)index, (__m512)table);
#elif PH_LANES == 8
    __m256 low, high;
    memcpy(&low, &table, sizeof low);
    memcpy(&high, (const char *)&table + sizeof low, sizeof high);
    f32x16 v;
    for (int h = 0; h < 2; h++) {
        __m256i i;
        memcpy(&i, (const char *)&index + h * sizeof i, sizeof i);
        const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(i, 28));
        const __m256 half =
            _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, i), _mm256_permutevar8x32_ps(high, i), upper);
        memcpy((char *)&v + h * sizeof half, &half, sizeof half);
    }
    return v;
#else
    f32x16 v;
    for (int i = 0; i < 16; i++) v[i] = table[index[i] & 15];
    return v;
#endif
}

INLINE float float_at(const uint8_t *p) {
    float value;
    memcpy(&value, p, sizeof value);
    return value;
}

static void decode_nf4(const ph_weight *w, int64_t row, int64_t rows, int64_t first, int64_t count, float *dst,
                       int64_t stride) {
#pragma clang fp contract(off)
    f32x16 table;
    memcpy(&table, ph_nf4_values, sizeof table);
    const i32x16 shifts = {4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0};
    const int64_t values = w->rows * w->cols, blocks = (values + PH_NF4_BLOCK - 1) / PH_NF4_BLOCK;
    const uint8_t *codes = w->data, *scale_codes = codes + values / 2, *scales = scale_codes + blocks;
    const float offset = float_at(scales + (blocks + PH_NF4_GROUP - 1) / PH_NF4_GROUP * 4);
    for (int64_t r = 0; r < rows; r++, dst += stride) {
        const int64_t begin = (row + r) * w->cols + first;
        const uint8_t *ahead = codes + (begin + PH_PREFETCH_ROWS * w->cols) / 2;
        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + 64);
        for (int64_t i = 0; i < count; i += PH_GROUP) {
            const int64_t block = (begin + i) / PH_NF4_BLOCK;
            const float scale =
                ph_dynamic_map[scale_codes[block]] * float_at(scales + block / PH_NF4_GROUP * 4) + offset;
            const f32x16 scaled = table * scale;
            const u8x16 q = load_u8(codes + (begin + i) / 2);
            const u8x16 low = __builtin_shufflevector(q, q, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
            const u8x16 high = __builtin_shufflevector(q, q, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
            store16(dst + i, lookup(scaled, __builtin_convertvector(low, i32x16) >> shifts));
            store16(dst + i + 16, lookup(scaled, __builtin_convertvector(high, i32x16) >> shifts));
        }
    }
}

// MARK: Float types

INLINE f32x16 load_f16(const uint8_t *p) {
    u16x16 v;
    memcpy(&v, p, sizeof v);
    return halves(v);
}

INLINE f32x16 load_bf16(const uint8_t *p) {
    u16x16 v;
    memcpy(&v, p, sizeof v);
    return (f32x16)(__builtin_convertvector(v, u32x16) << 16);
}

/// `count` numbers of two bytes, sixteen at a time.
INLINE void decode_two_bytes(const uint8_t *src, int64_t count, float *dst,
                             f32x16 (*load_numbers)(const uint8_t *)) {
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) store16(dst + i, load_numbers(src + 2 * i));
    if (i == count) return;
    uint8_t tail[32] = {0};
    memcpy(tail, src + 2 * i, (size_t)(2 * (count - i)));
    f32x16 v = load_numbers(tail);
    memcpy(dst + i, &v, (size_t)(4 * (count - i)));
}

#define DECODE_GROUPS(group, groups_per_block, block_bytes)                                                         \
    for (int64_t r = 0; r < rows; r++, src += row_bytes, dst += stride) {                                           \
        const int64_t begin = first / PH_GROUP;                                                                     \
        const uint8_t *ahead = src + PH_PREFETCH_ROWS * row_bytes + begin / groups_per_block * block_bytes;         \
        __builtin_prefetch(ahead);                                                                                  \
        __builtin_prefetch(ahead + 64);                                                                             \
        for (int64_t g = begin; g < begin + count / PH_GROUP; g++)                                                  \
            group(src + g / groups_per_block * block_bytes, g % groups_per_block, dst + (g - begin) * PH_GROUP);    \
    }                                                                                                               \
    break

static void decode(const ph_weight *w, int64_t row, int64_t rows, int64_t first, int64_t count, float *dst,
                   int64_t stride) {
    const int64_t row_bytes = w->row_bytes;
    const uint8_t *src = (const uint8_t *)w->data + row * row_bytes;
    switch ((ph_type)w->type) {
    case PH_F32:
        for (int64_t r = 0; r < rows; r++) {
            const uint8_t *piece = src + r * row_bytes + 4 * first;
            // The processor foresees long runs by itself.
            for (int64_t i = 0; count <= PH_PANEL_WIDTH && i < 4 * count; i += 64)
                __builtin_prefetch(piece + PH_PREFETCH_ROWS * row_bytes + i);
            memcpy(dst + r * stride, piece, (size_t)(4 * count));
        }
        break;
    case PH_F16:
        for (int64_t r = 0; r < rows; r++)
            decode_two_bytes(src + r * row_bytes + 2 * first, count, dst + r * stride, load_f16);
        break;
    case PH_BF16:
        for (int64_t r = 0; r < rows; r++)
            decode_two_bytes(src + r * row_bytes + 2 * first, count, dst + r * stride, load_bf16);
        break;
    case PH_Q4_0: DECODE_GROUPS(group_q4_0, 1, 18);
    case PH_Q4_1: DECODE_GROUPS(group_q4_1, 1, 20);
    case PH_Q5_0: DECODE_GROUPS(group_q5_0, 1, 22);
    case PH_Q5_1: DECODE_GROUPS(group_q5_1, 1, 24);
    case PH_Q8_0: DECODE_GROUPS(group_q8_0, 1, 34);
    case PH_Q2_K: DECODE_GROUPS(group_q2_k, 8, 84);
    case PH_Q3_K: DECODE_GROUPS(group_q3_k, 8, 110);
    case PH_Q4_K: DECODE_GROUPS(group_q4_k, 8, 144);
    case PH_Q5_K: DECODE_GROUPS(group_q5_k, 8, 176);
    case PH_Q6_K: DECODE_GROUPS(group_q6_k, 8, 210);
    case PH_NF4: decode_nf4(w, row, rows, first, count, dst, stride); break;
    }
}
