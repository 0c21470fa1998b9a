#ifndef PH_NORM_H
#define PH_NORM_H

#include <stddef.h>

// Normalisation of rows: x, y, dy, dx are (N,C). A row function works on the rows begin..<end, a weight-gradient
// function on the columns begin..<end of all N rows (in row order), so both divide into independent tiles.
// Outputs may be the same address as the input of the same shape. A weight or bias may be NULL: 1 or 0.

/// Root mean square norm (Zhang and Sennrich 2019): rstd = 1 / sqrt(mean(x^2) + eps), y = x rstd w.
/// rstd is (N), kept for the backward pass; NULL when that is not needed.
void ph_rms_norm(const float *x, const float *w, float eps, float *y, float *rstd, size_t C, size_t begin, size_t end);

/// The residual addition before a norm in the same pass: sum = a + b, y = norm(sum).
void ph_add_rms_norm(const float *a, const float *b, const float *w, float eps, float *sum, float *y, float *rstd,
                     size_t C, size_t begin, size_t end);

/// dx = rstd (g - x rstd^2 mean(g x)) with g = dy w, plus `residual` (N,C), the gradient that reaches x by another way,
/// unless that is NULL. dx may be dy or residual.
void ph_rms_norm_backward(const float *x, const float *w, const float *rstd, const float *dy, const float *residual,
                          float *dx, size_t C, size_t begin, size_t end);

/// dw[c] = sum over rows of dy x rstd, for the columns begin..<end.
void ph_rms_norm_weight_gradient(const float *x, const float *rstd, const float *dy, float *dw, size_t N, size_t C,
                                 size_t begin, size_t end);

/// Layer norm (Ba, Kiros, Hinton 2016): rstd = 1 / sqrt(mean((x - mean)^2) + eps), y = (x - mean) rstd w + b.
/// mean and rstd are (N), kept for the backward pass; both NULL when that is not needed.
void ph_layer_norm(const float *x, const float *w, const float *b, float eps, float *y, float *mean, float *rstd,
                   size_t C, size_t begin, size_t end);

/// dx = rstd (g - mean(g) - z mean(g z)) with g = dy w and z = (x - mean) rstd, plus `residual` as above.
void ph_layer_norm_backward(const float *x, const float *w, const float *mean, const float *rstd, const float *dy,
                            const float *residual, float *dx, size_t C, size_t begin, size_t end);

/// dw[c] = sum of dy (x - mean) rstd and db[c] = sum of dy, for the columns begin..<end; either may be NULL.
void ph_layer_norm_weight_gradient(const float *x, const float *mean, const float *rstd, const float *dy, float *dw,
                                   float *db, size_t N, size_t C, size_t begin, size_t end);

#endif
