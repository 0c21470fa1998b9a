#ifndef PH_ROPE_H
#define PH_ROPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Rotary position embedding (Su et al. 2021) in the Hugging Face layout: element i is paired with element i + d/2.

/// The tables (N, d/2) of the tokens begin..<end: cosine and sine of float32(position) * frequency[i], the product
/// rounded to float32; within 2 units of the last place for angles below 1.6e6.
void ph_rope_table(const int32_t *position, const float *frequency, float *cosine, float *sine, size_t half,
                   size_t begin, size_t end);

/// Turns x (N,h,d) by the angles of each token (backwards if `inverse`: the gradient), for the tokens begin..<end:
/// y[i] = x[i] cos - x[i + d/2] sin, y[i + d/2] = x[i + d/2] cos + x[i] sin. y may be x.
void ph_rope(const float *x, const float *cosine, const float *sine, float *y, size_t heads, size_t d, bool inverse,
             size_t begin, size_t end);

#endif
