#include "attention_tile.h"
#include "micro_kernel.h"
#include "vector_math.h"

#pragma clang fp contract(fast)

size_t ph_attention_scratch(const ph_attention *a) {
    size_t lanes = ph_block_lanes(a), d = (size_t)a->head_size;
    return lanes * (5 * d + 2 * PH_KEYS + 3);
}

size_t ph_attention_forward_tiles(const ph_attention *a) {
    size_t tiles = 0;
    for (int32_t row = 0; row < a->rows; row++) tiles += ph_row_blocks(a, (size_t)row) * (size_t)a->key_heads;
    return tiles;
}

/// Turns scores (count, lanes) into e^(score - maximum), with the maximum and sum of each lane so far brought up to
/// date; correction = e^(old maximum - new one).
PH_INLINE void online_softmax(float *scores, size_t count, size_t lanes, float *maximum, float *sum,
                              float *correction) {
    for (size_t l = 0; l < lanes; l++) correction[l] = maximum[l];
    for (size_t j = 0; j < count; j++)
        for (size_t l = 0; l < lanes; l++)
            maximum[l] = scores[j * lanes + l] > maximum[l] ? scores[j * lanes + l] : maximum[l];
    for (size_t l = 0; l < lanes; l++) {
        // A lane that has seen nothing yet has the maximum -inf; any finite base keeps its exponentials 0.
        float base = maximum[l] == -__builtin_inff() ? 0.0f : maximum[l];
        correction[l] = ph_exp(correction[l] - base);
        sum[l] *= correction[l];
    }
    for (size_t j = 0; j < count; j++)
        for (size_t l = 0; l < lanes; l++) {
            float base = maximum[l] == -__builtin_inff() ? 0.0f : maximum[l];
            float e = ph_exp(scores[j * lanes + l] - base);
            scores[j * lanes + l] = e;
            sum[l] += e;
        }
}

PH_CLONES
void ph_attention_forward_tile(const ph_attention *a, const float *q, const float *k, const float *v,
                               const float *prefix_k, const float *prefix_v, float *out, float *lse, size_t tile,
                               float *scratch) {
    size_t row = 0, d = (size_t)a->head_size, G = ph_group(a);
    for (; tile >= ph_row_blocks(a, row) * (size_t)a->key_heads; row++)
        tile -= ph_row_blocks(a, row) * (size_t)a->key_heads;
    ph_block b = ph_block_at(a, row, tile / ph_row_blocks(a, row), tile % ph_row_blocks(a, row));

    float *columns = scratch, *result = columns + b.padded * d, *scores = result + b.padded * d;
    float *maximum = scores + PH_KEYS * b.padded, *sum = maximum + b.padded, *correction = sum + b.padded;
    ph_gather(a, &b, q, a->scale, NULL, columns);
    memset(result, 0, b.lanes * d * sizeof(float));
    for (size_t l = 0; l < b.padded; l++) {
        maximum[l] = -__builtin_inff();
        sum[l] = 0;
    }

    ph_sources sources = {.k = k, .v = v, .prefix_k = prefix_k, .prefix_v = prefix_v};
    ph_keys keys;
    bool first = true;
    for (size_t at = 0; ph_next_keys(a, &sources, row, &b, &at, &keys); first = false) {
        ph_multiply((ph_product){keys.k, keys.stride, 1, columns, b.padded, scores, b.padded}, keys.count, b.padded, d,
                    false);
        ph_hide(a, &b, &keys, scores, -__builtin_inff());
        online_softmax(scores, keys.count, b.padded, maximum, sum, correction);
        for (size_t l = 0; l < b.lanes && !first; l++)
            for (size_t e = 0; e < d; e++) result[l * d + e] *= correction[l];
        ph_multiply((ph_product){scores, 1, b.padded, keys.v, keys.stride, result, d}, b.lanes, d, keys.count, true);
    }

    for (size_t l = 0; l < b.lanes; l++) {
        size_t head = (b.query + l / G) * (size_t)a->heads + b.group * G + l % G;
        float factor = sum[l] > 0.0f ? 1.0f / sum[l] : sum[l];  // nothing seen: 0; NaN stays
        for (size_t e = 0; e < d; e++) out[head * d + e] = result[l * d + e] * factor;
        if (lse) lse[head] = maximum[l] + ph_log(sum[l]);
    }
}

/// Whether rows add to one gradient of the prefix, and so must share a tile.
PH_INLINE bool shares_gradient(const ph_attention *a, const ph_attention_gradients *gradients) {
    return !a->prefix_per_row && (gradients->dprefix_k || gradients->dprefix_v);
}

size_t ph_attention_backward_tiles(const ph_attention *a, const ph_attention_gradients *gradients) {
    return (size_t)a->key_heads * (shares_gradient(a, gradients) ? 1 : (size_t)a->rows);
}

/// Zeroes `count` rows of one key head of an output, if there is one.
PH_INLINE void clear(float *x, size_t start, size_t count, size_t stride, size_t offset, size_t d) {
    for (size_t j = 0; x && j < count; j++) memset(x + (start + j) * stride + offset, 0, d * sizeof(float));
}

/// The gradients of one block of queries. With P = e^(S - lse), dP = dO V^T and D = sum(dO O) (Dao et al. 2022):
/// dV += P^T dO, dS = P (dP - D), dQ = scale dS K, dK += dS^T (scale Q).
PH_INLINE void backward_block(const ph_attention *a, const ph_sources *sources, size_t row, const ph_block *b,
                              const float *q, const float *out, const float *lse, const float *dout, float *dq,
                              bool accumulate, float *scratch) {
    size_t d = (size_t)a->head_size, G = ph_group(a), area = b->padded * d;
    float *q_rows = scratch, *q_columns = q_rows + area, *dout_rows = q_columns + area;
    float *dout_columns = dout_rows + area, *dq_rows = dout_columns + area, *p = dq_rows + area;
    float *ds = p + PH_KEYS * b->padded, *base = ds + PH_KEYS * b->padded, *product = base + b->padded;
    ph_gather(a, b, q, a->scale, q_rows, q_columns);
    ph_gather(a, b, dout, 1.0f, dout_rows, dout_columns);
    memset(dq_rows, 0, b->lanes * d * sizeof(float));
    for (size_t l = 0; l < b->padded; l++) base[l] = product[l] = 0;
    for (size_t l = 0; l < b->lanes; l++) {
        size_t head = (b->query + l / G) * (size_t)a->heads + b->group * G + l % G;
        base[l] = lse[head];
        for (size_t e = 0; e < d; e++) product[l] += dout_rows[l * d + e] * out[head * d + e];
    }

    bool scores_needed = dq || sources->dk || sources->dprefix_k;
    ph_keys keys;
    for (size_t at = 0; ph_next_keys(a, sources, row, b, &at, &keys);) {
        ph_multiply((ph_product){keys.k, keys.stride, 1, q_columns, b->padded, p, b->padded}, keys.count, b->padded, d,
                    false);
        for (size_t j = 0; j < keys.count; j++)
            for (size_t l = 0; l < b->padded; l++) p[j * b->padded + l] = ph_exp(p[j * b->padded + l] - base[l]);
        ph_hide(a, b, &keys, p, 0);
        if (keys.dv)
            ph_multiply((ph_product){p, b->padded, 1, dout_rows, d, keys.dv, keys.stride}, keys.count, d, b->lanes,
                        true);
        if (!scores_needed) continue;
        ph_multiply((ph_product){keys.v, keys.stride, 1, dout_columns, b->padded, ds, b->padded}, keys.count,
                    b->padded, d, false);
        for (size_t j = 0; j < keys.count; j++)
            for (size_t l = 0; l < b->padded; l++)
                ds[j * b->padded + l] = p[j * b->padded + l] * (ds[j * b->padded + l] - product[l]);
        if (dq)
            ph_multiply((ph_product){ds, 1, b->padded, keys.k, keys.stride, dq_rows, d}, b->lanes, d, keys.count,
                        true);
        if (keys.dk)
            ph_multiply((ph_product){ds, b->padded, 1, q_rows, d, keys.dk, keys.stride}, keys.count, d, b->lanes,
                        true);
    }

    for (size_t l = 0; dq && l < b->lanes; l++) {
        float *to = dq + ((b->query + l / G) * (size_t)a->heads + b->group * G + l % G) * d;
        for (size_t e = 0; e < d; e++) to[e] = dq_rows[l * d + e] * a->scale + (accumulate ? to[e] : 0.0f);
    }
}

PH_CLONES
void ph_attention_backward_tile(const ph_attention *a, const float *q, const float *k, const float *v,
                                const float *prefix_k, const float *prefix_v, const float *out, const float *lse,
                                const float *dout, const ph_attention_gradients *gradients, size_t tile,
                                float *scratch) {
    const ph_attention_gradients *to = gradients;
    size_t rows = (size_t)a->rows, g = (size_t)a->key_heads, d = (size_t)a->head_size, prefix = (size_t)a->prefix;
    size_t group = tile % g, first = tile / g, last = first + 1, stride = g * d, offset = group * d;
    bool shared = shares_gradient(a, gradients);
    if (shared) last = rows;
    ph_sources sources = {k, v, prefix_k, prefix_v, to->dk, to->dv, to->dprefix_k, to->dprefix_v};

    if (shared && !to->accumulate) {
        clear(to->dprefix_k, 0, prefix, stride, offset, d);
        clear(to->dprefix_v, 0, prefix, stride, offset, d);
    }
    for (size_t row = first; row < last; row++) {
        if (!to->accumulate) {
            size_t start = ph_key_start(a, row), count = ph_row_keys(a, row);
            clear(to->dk, start, count, stride, offset, d);
            clear(to->dv, start, count, stride, offset, d);
            if (a->prefix_per_row) clear(to->dprefix_k, row * prefix, prefix, stride, offset, d);
            if (a->prefix_per_row) clear(to->dprefix_v, row * prefix, prefix, stride, offset, d);
        }
        for (size_t index = 0; index < ph_row_blocks(a, row); index++) {
            ph_block b = ph_block_at(a, row, group, index);
            backward_block(a, &sources, row, &b, q, out, lse, dout, to->dq, to->accumulate, scratch);
        }
    }
}
