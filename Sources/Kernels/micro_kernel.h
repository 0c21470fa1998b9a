#ifndef PH_MICRO_KERNEL_H
#define PH_MICRO_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

// A small matrix product whose operands lie in cache, for blocks of attention scores.

typedef struct {
    const float *a;
    size_t a_row, a_step;  ///< strides of A along I and along K
    const float *b;
    size_t b_step;  ///< from one row of B to the next
    float *c;
    size_t c_row;  ///< from one row of C to the next
} ph_product;

/// C (I,J) = A (I,K) B (K,J), or C += A B if `add`; rows of B and C are contiguous. Each element of C is one sum in the
/// order of K, whatever block it falls in.
void ph_multiply(ph_product m, size_t I, size_t J, size_t K, bool add);

#endif
