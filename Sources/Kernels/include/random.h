#ifndef PH_RANDOM_H
#define PH_RANDOM_H

#include <stddef.h>
#include <stdint.h>

// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as
// 1, 2, 3"). A number is a function of its key, stream and index, so tiles, threads and the level of the CPU's
// instruction set do not change it: the formulas here are never contracted to fused operations.

/// Ten rounds of Philox4x32.
void ph_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/// out[i] = element first + i of the stream: uniform on [0,1), a multiple of 2^-24.
void ph_random_uniform(const uint32_t key[2], uint64_t stream, uint64_t first, float *out, size_t n);

/// out[i] = element first + i of the stream: normal with mean 0 and deviation 1 (Box and Muller 1958).
void ph_random_normal(const uint32_t key[2], uint64_t stream, uint64_t first, float *out, size_t n);

/// out[i] = 1 where the uniform element is below p, else 0.
void ph_random_bernoulli(const uint32_t key[2], uint64_t stream, uint64_t first, float p, float *out, size_t n);

/// What a dropout mask depends on, apart from row, position and element.
typedef struct {
    uint32_t key[2];       ///< of the site and the run
    uint32_t step;         ///< optimizer step
    uint32_t micro_batch;  ///< within the step
} ph_dropout_stream;

/// y = x / (1 - p) where the uniform number of (stream, row, position, element) is at least p, else 0, for the tokens
/// begin..<end of x (N, width), 0 <= p <= 1. The mask does not depend on where in the pack a token lies; the gradient
/// is the same function of dy. y may be x.
void ph_dropout(const float *x, float *y, size_t width, float p, const ph_dropout_stream *stream,
                const int32_t *row_of_token, const int32_t *position, size_t begin, size_t end);

#endif
