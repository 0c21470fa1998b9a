#ifndef PH_LINEAR_TILES_H
#define PH_LINEAR_TILES_H

#include <stdint.h>

#include "levels.h"

// How linear.c and gemm.c cut products into tiles and chunks.

enum {
    PH_TOKENS = 128,  ///< most rows of x in a tile: with a chunk of the inner index they fit the L2 cache
    PH_DOT_FLOATS = 8 * PH_DOT_CHUNK,
    PH_PANEL_FLOATS = PH_PANEL_CHUNK * PH_PANEL_WIDTH,
    PH_SCRATCH_FLOATS = PH_DOT_FLOATS > PH_PANEL_FLOATS ? PH_DOT_FLOATS : PH_PANEL_FLOATS,
};

typedef struct {
    int64_t begin, end;
} range;

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static inline int64_t round_up(int64_t a, int64_t multiple) { return divide_up(a, multiple) * multiple; }

/// The index-th part of 0 ..< total in parts of `size`.
static inline range part(int64_t index, int64_t size, int64_t total) {
    return (range){index * size, smaller((index + 1) * size, total)};
}

/// Length of the fewest nearly equal chunks of `total` that are at most `most` long, a multiple of PH_GROUP (as `most`).
static inline int64_t even_chunk(int64_t total, int64_t most) {
    const int64_t chunks = divide_up(total, most);
    return chunks <= 1 ? most : round_up(divide_up(total, chunks), PH_GROUP);
}

/// Zeros from k up to the stride, a multiple of the widest vector: the dot kernel reads on there.
static inline void fill_zeros(float *decoded, int64_t rows, int64_t k, int64_t stride) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = k; i < stride; i++) decoded[r * stride + i] = 0;
}

#endif
