#ifndef PH_ATTENTION_H
#define PH_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Scaled dot-product attention over rows packed without padding. The P keys of the prefix stand at the places 0 to
// P - 1 in front of a row, whose own keys follow from P on. The prefix may be the first row itself, which the others go
// on from: then prefix_k is k, prefix_v is v (and so their gradients), and P is that row's length. A token at place i sees the places j <= i (and i - window <
// j); it never sees another row. Scores exist for one block of keys at a time (online softmax: Milakov and Gimelshein
// 2018; Dao et al. 2022), so memory does not grow with the square of a row.
//
// R rows; h query heads, g key heads (h % g == 0: heads i h/g ... share key head i), d head size, P prefix length.
//   q, out, dout, dq   (N,h,d), N = row_start[R]
//   k, v, dk, dv       (M,g,d), M = the largest key_end
//   prefix_k, prefix_v (P,g,d), or (R,P,g,d) if prefix_per_row; NULL if P is 0
//   lse                (N,h): log of the sum of exponentials of the scores; -inf where a token sees nothing (out is 0)
//
// Work is divided into tiles, each with outputs of its own. Which tile runs where and when does not change a bit.

typedef struct {
    int32_t rows;              ///< R
    int32_t heads;             ///< h
    int32_t key_heads;         ///< g
    int32_t head_size;         ///< d
    int32_t window;            ///< places that a token sees, its own included; 0: no limit, as for prefix_only
    int32_t prefix;            ///< P
    bool prefix_per_row;       ///< each row has a prefix of its own
    bool prefix_is_row;        ///< the first row is the prefix of all others, and has none itself
    bool prefix_only;          ///< the prefix is all that tokens see (LLaMA-Adapter); k, v, dk, dv are not used
    float scale;               ///< factor of the scores, usually 1 / sqrt(d)
    const int32_t *row_start;  ///< (R+1): where each row's queries start
    const int32_t *key_start;  ///< (R): where its keys start, the queries being the last of them; NULL: row_start
    const int32_t *key_end;    ///< (R): where they end; NULL where key_start is
} ph_attention;

/// Floats of scratch memory that one tile needs, forward or backward.
size_t ph_attention_scratch(const ph_attention *a);

/// Number of forward tiles: one for each row, key head and block of queries.
size_t ph_attention_forward_tiles(const ph_attention *a);

/// Writes out and, unless NULL, lse for the queries of one tile.
void ph_attention_forward_tile(const ph_attention *a, const float *q, const float *k, const float *v,
                               const float *prefix_k, const float *prefix_v, float *out, float *lse, size_t tile,
                               float *scratch);

/// Where the backward pass writes; each may be NULL: not needed.
typedef struct {
    float *dq, *dk, *dv;
    float *dprefix_k, *dprefix_v;  ///< shaped as prefix_k
    bool accumulate;               ///< adds to what is there instead of overwriting it
} ph_attention_gradients;

/// Number of backward tiles: one for each row and key head; when the gradient of a prefix that rows share is asked for,
/// one for each key head, which then takes the rows in order.
size_t ph_attention_backward_tiles(const ph_attention *a, const ph_attention_gradients *gradients);

/// Writes (or adds) the gradients of one tile; `out` and `lse` are the forward pass's.
void ph_attention_backward_tile(const ph_attention *a, const float *q, const float *k, const float *v,
                                const float *prefix_k, const float *prefix_v, const float *out, const float *lse,
                                const float *dout, const ph_attention_gradients *gradients, size_t tile,
                                float *scratch);

#endif
