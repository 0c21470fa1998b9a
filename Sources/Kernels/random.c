#include "random.h"
#pragma clang fp contract(off)
#include "vector_math.h"

/// Blocks of four numbers that are made together.
#define BLOCKS 32
#define NUMBERS (4 * BLOCKS)

/// Ten rounds; words come and go in registers so that a loop over counters vectorises.
PH_INLINE void rounds(uint32_t c[4], uint32_t k0, uint32_t k1) {
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[3] = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

void ph_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    for (int i = 0; i < 4; i++) out[i] = counter[i];
    rounds(out, key[0], key[1]);
}

/// The numbers of BLOCKS successive counters whose low 64 bits start at `block`.
PH_INLINE void batch(const uint32_t key[2], uint64_t block, uint32_t c2, uint32_t c3, uint32_t out[NUMBERS]) {
    uint32_t words[4][BLOCKS];
    uint32_t k0 = key[0], k1 = key[1];
    for (uint32_t i = 0; i < BLOCKS; i++) {
        uint64_t low = block + i;
        uint32_t c[4] = {(uint32_t)low, (uint32_t)(low >> 32), c2, c3};
        rounds(c, k0, k1);
        for (int w = 0; w < 4; w++) words[w][i] = c[w];
    }
    for (uint32_t i = 0; i < BLOCKS; i++)
        for (int w = 0; w < 4; w++) out[4 * i + w] = words[w][i];
}

/// 24 bits as a number in [0,1).
PH_INLINE float unit(uint32_t bits) { return (float)(int32_t)(bits >> 8) * 5.96046448e-08f; }

PH_INLINE void uniforms(const uint32_t *bits, float *out) {
    for (size_t i = 0; i < NUMBERS; i++) out[i] = unit(bits[i]);
}

/// Numbers 2k and 2k + 1 are the two coordinates made of the uniform numbers 2k and 2k + 1.
PH_INLINE void normals(const uint32_t *bits, float *out) {
    for (size_t i = 0; i < NUMBERS; i += 2) {
        float radius = __builtin_elementwise_sqrt(-2.0f * ph_log(unit(bits[i]) + 5.96046448e-08f)), sine, cosine;
        ph_sincos(6.28318531f * unit(bits[i + 1]), &sine, &cosine);
        out[i] = radius * cosine;
        out[i + 1] = radius * sine;
    }
}

/// Makes whole batches and copies the part of each that lies in first..<first + n.
#define STREAM(convert) \
    for (size_t done = 0; done < n;) { \
        uint64_t element = first + done, skip = element % NUMBERS; \
        uint32_t bits[NUMBERS]; \
        float numbers[NUMBERS]; \
        batch(key, (element - skip) / 4, (uint32_t)stream, (uint32_t)(stream >> 32), bits); \
        convert(bits, numbers); \
        for (; skip < NUMBERS && done < n; skip++) out[done++] = numbers[skip]; \
    }

PH_CLONES
void ph_random_uniform(const uint32_t key[2], uint64_t stream, uint64_t first, float *out, size_t n) {
    STREAM(uniforms)
}

PH_CLONES
void ph_random_normal(const uint32_t key[2], uint64_t stream, uint64_t first, float *out, size_t n) {
    STREAM(normals)
}

void ph_random_bernoulli(const uint32_t key[2], uint64_t stream, uint64_t first, float p, float *out, size_t n) {
    ph_random_uniform(key, stream, first, out, n);
    for (size_t i = 0; i < n; i++) out[i] = out[i] < p ? 1.0f : 0.0f;
}

PH_CLONES
void ph_dropout(const float *x, float *y, size_t width, float p, const ph_dropout_stream *stream,
                const int32_t *row_of_token, const int32_t *position, size_t begin, size_t end) {
    // Step and micro-batch go into a key of their own; the counter is (block of elements, 0, row, position).
    uint32_t key[4] = {stream->step, stream->micro_batch, 0, 0};
    rounds(key, stream->key[0], stream->key[1]);
    float scale = 1.0f / (1.0f - p);
    for (size_t token = begin; token < end; token++) {
        for (size_t i = 0; i < width; i += NUMBERS) {
            uint32_t bits[NUMBERS];
            batch(key, i / 4, (uint32_t)row_of_token[token], (uint32_t)position[token], bits);
            size_t count = width - i < NUMBERS ? width - i : NUMBERS;
            const float *from = x + token * width + i;
            float *to = y + token * width + i;
            PH_INDEPENDENT
            for (size_t k = 0; k < count; k++) {
                float kept = from[k] * scale;
                to[k] = unit(bits[k]) >= p ? kept : 0.0f;
            }
        }
    }
}
