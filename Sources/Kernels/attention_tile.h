#ifndef PH_ATTENTION_TILE_H
#define PH_ATTENTION_TILE_H

// What the forward and the backward pass of attention share: blocks of queries, runs of keys, and which key is hidden.
//
// The heads of one group are laid out as lanes: lane i G + j is query i of the block and head j of the group (G = h/g).
// Blocks of scores are (keys, lanes), so that maxima and sums over keys are plain vector operations over lanes.

#include "attention.h"
#include "clones.h"
#include <string.h>

/// Keys in one block of scores.
#define PH_KEYS 64

/// Lanes that a block of queries aims at; a single query has at least its G heads.
#define PH_LANES 96

/// Heads that share a key head.
PH_INLINE size_t ph_group(const ph_attention *a) { return (size_t)(a->heads / a->key_heads); }

/// Queries in one block.
PH_INLINE size_t ph_block_queries(const ph_attention *a) {
    size_t queries = PH_LANES / ph_group(a);
    return queries > 0 ? queries : 1;
}

/// Lanes of a full block, rounded up to whole vectors.
PH_INLINE size_t ph_block_lanes(const ph_attention *a) {
    return (ph_block_queries(a) * ph_group(a) + 7) / 8 * 8;
}

/// One block of queries of one row and one key head.
typedef struct {
    size_t group;        ///< the key head
    size_t query;        ///< index of the first query among all N
    size_t queries;      ///< how many
    size_t position;     ///< the first query's place, the prefix counted
    size_t lanes;        ///< queries times G
    size_t padded;       ///< lanes rounded up to whole vectors: the row stride of lane-wise buffers
} ph_block;

PH_INLINE size_t ph_row_queries(const ph_attention *a, size_t row) {
    return (size_t)(a->row_start[row + 1] - a->row_start[row]);
}

PH_INLINE size_t ph_key_start(const ph_attention *a, size_t row) {
    return (size_t)(a->key_start ? a->key_start[row] : a->row_start[row]);
}

/// A row's own keys.
PH_INLINE size_t ph_row_keys(const ph_attention *a, size_t row) {
    return (size_t)(a->key_end ? a->key_end[row] : a->row_start[row + 1]) - ph_key_start(a, row);
}

/// Keys in front of a row's own.
PH_INLINE size_t ph_row_prefix(const ph_attention *a, size_t row) {
    return a->prefix_is_row && row == 0 ? 0 : (size_t)a->prefix;
}

PH_INLINE size_t ph_row_blocks(const ph_attention *a, size_t row) {
    return (ph_row_queries(a, row) + ph_block_queries(a) - 1) / ph_block_queries(a);
}

/// Block `index` of a row.
PH_INLINE ph_block ph_block_at(const ph_attention *a, size_t row, size_t group, size_t index) {
    size_t queries = ph_row_queries(a, row), first = index * ph_block_queries(a), count = queries - first;
    if (count > ph_block_queries(a)) count = ph_block_queries(a);
    size_t keys = ph_row_keys(a, row), lanes = count * ph_group(a);
    return (ph_block){
        .group = group,
        .query = (size_t)a->row_start[row] + first,
        .queries = count,
        .position = ph_row_prefix(a, row) + keys - queries + first,
        .lanes = lanes,
        .padded = (lanes + 7) / 8 * 8,
    };
}

/// A block of at most PH_KEYS keys that some query of a block of queries sees.
typedef struct {
    const float *k, *v;  ///< first key and value of the block and key head; the next ones follow at `stride`
    float *dk, *dv;      ///< their gradients, or NULL
    size_t stride, count;
    bool masked;   ///< some of the pairs are hidden
    size_t first;  ///< the first key's place
} ph_keys;

/// Everything that attention reads as keys, with the gradients of the same shapes.
typedef struct {
    const float *k, *v, *prefix_k, *prefix_v;
    float *dk, *dv, *dprefix_k, *dprefix_v;
} ph_sources;

PH_INLINE float *ph_offset(float *p, size_t offset) { return p ? p + offset : NULL; }

/// The next block of keys for a block of queries, prefix first; `at` is a place, first 0, and is moved on. False at the
/// end.
PH_INLINE bool ph_next_keys(const ph_attention *a, const ph_sources *s, size_t row, const ph_block *b, size_t *at,
                            ph_keys *keys) {
    size_t prefix = ph_row_prefix(a, row), d = (size_t)a->head_size, stride = (size_t)a->key_heads * d;
    size_t window = (size_t)a->window, past = b->position + b->queries, end = a->prefix_only ? prefix : past;
    // What the first query has moved past, all have.
    if (window > 0 && b->position >= window && *at < b->position + 1 - window) *at = b->position + 1 - window;
    if (*at >= end) return false;
    keys->stride = stride;
    keys->first = *at;
    if (*at < prefix) {
        size_t offset = ((a->prefix_per_row ? row * prefix : 0) + *at) * stride + b->group * d;
        end = prefix;
        keys->k = s->prefix_k + offset;
        keys->v = s->prefix_v + offset;
        keys->dk = ph_offset(s->dprefix_k, offset);
        keys->dv = ph_offset(s->dprefix_v, offset);
    } else {
        size_t offset = (ph_key_start(a, row) + *at - prefix) * stride + b->group * d;
        keys->k = s->k + offset;
        keys->v = s->v + offset;
        keys->dk = ph_offset(s->dk, offset);
        keys->dv = ph_offset(s->dv, offset);
    }
    keys->count = end - *at < PH_KEYS ? end - *at : PH_KEYS;
    keys->masked = *at + keys->count > b->position + 1 || (window > 0 && past > *at + window);
    *at += keys->count;
    return true;
}

/// Sets the scores (count, lanes) of hidden pairs to `value`.
PH_INLINE void ph_hide(const ph_attention *a, const ph_block *b, const ph_keys *keys, float *scores, float value) {
    if (!keys->masked) return;
    size_t G = ph_group(a), window = (size_t)a->window;
    for (size_t j = 0; j < keys->count; j++) {
        float *lane = scores + j * b->padded;
        size_t key = keys->first + j;
        // Queries before the key, and those that have moved past it by the window, do not see it.
        size_t seen = key > b->position ? key - b->position : 0, past = b->queries;
        if (window > 0 && key + window < b->position + b->queries) past = key + window - b->position;
        for (size_t l = 0; l < seen * G; l++) lane[l] = value;
        for (size_t l = past * G; l < b->lanes; l++) lane[l] = value;
    }
}

/// Copies the block's heads out of x (N,h,d), times `factor`: to rows (lanes,d) and to columns (d,padded), whose
/// padding is 0. Either may be NULL.
PH_INLINE void ph_gather(const ph_attention *a, const ph_block *b, const float *x, float factor, float *rows,
                         float *columns) {
    size_t G = ph_group(a), d = (size_t)a->head_size;
    for (size_t l = 0; l < b->padded; l++) {
        const float *head = x + ((b->query + l / G) * (size_t)a->heads + b->group * G + l % G) * d;
        if (l < b->lanes && rows)
            for (size_t e = 0; e < d; e++) rows[l * d + e] = head[e] * factor;
        if (columns)
            for (size_t e = 0; e < d; e++) columns[e * b->padded + l] = l < b->lanes ? head[e] * factor : 0.0f;
    }
}

#endif
