#ifndef PH_REDUCE_H
#define PH_REDUCE_H

#include <stddef.h>

typedef enum { PH_SUM, PH_MEAN, PH_MAXIMUM } ph_reduce_op;

/// y (outer, inner) = op over the middle axis of x (outer, axis, inner), for the elements begin..<end of y. Sums are
/// float64 inside. The sum of no elements is 0, their mean NaN, their maximum -inf; a NaN makes the maximum NaN.
/// Column sums of (N,C) are axis N, inner C.
void ph_reduce(ph_reduce_op op, const float *x, float *y, size_t axis, size_t inner, size_t begin, size_t end);

/// Elements in one chunk of `ph_sum_squares`.
#define PH_SQUARES_CHUNK 16384

/// partial[chunk] = sum of x^2 over that chunk of x[0..<n], for the chunks begin..<end of ceil(n / PH_SQUARES_CHUNK).
/// The caller adds the partial sums in their order, so the number of threads does not show in the result.
void ph_sum_squares(const float *x, size_t n, double *partial, size_t begin, size_t end);

#endif
