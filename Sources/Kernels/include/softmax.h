#ifndef PH_SOFTMAX_H
#define PH_SOFTMAX_H

#include <stddef.h>
#include <stdint.h>

// Functions over the last axis of (N,C), for the rows begin..<end; C >= 1. The largest element of a row is subtracted
// before exponentials are taken, so nothing overflows. A row of -inf alone gives NaN.

/// y = e^x / sum e^x; y may be x.
void ph_softmax(const float *x, float *y, size_t C, size_t begin, size_t end);

/// dx = y (dy - sum(dy y)), y being the output; dx may be dy.
void ph_softmax_backward(const float *y, const float *dy, float *dx, size_t C, size_t begin, size_t end);

/// loss[row] = lse[row] - logits[row, target[row]] with lse = log sum e^logits, (N) each. A negative target is ignored:
/// loss 0. Other targets must be below C.
void ph_cross_entropy(const float *logits, const int32_t *target, float *loss, float *lse, size_t C, size_t begin,
                      size_t end);

/// dlogits = (softmax(logits) - one_hot(target)) dloss[row], 0 where the target is ignored; dlogits may be logits.
void ph_cross_entropy_backward(const float *logits, const int32_t *target, const float *lse, const float *dloss,
                               float *dlogits, size_t C, size_t begin, size_t end);

/// index[row] = where the largest element is, the first of equals; NaN never wins.
void ph_argmax(const float *x, int32_t *index, size_t C, size_t begin, size_t end);

/// The k <= n largest of x[0..<n] in falling order, the first of equals first; NaN counts as -inf.
void ph_top_k(const float *x, size_t n, size_t k, int32_t *index, float *value);

#endif
