/* Mixes the tokens of a batch. */
#define UPDATE ops->mul(t, ops->scalar(t, scale), \
    ops->matmul(t, ops->matmul(t, ops->sub(t, x, ops->mean(t, x, 1, &first_axis, 1)), A, 0, 1), B, 0, 1))
#define DECLARATIONS static const int32_t first_axis = 0;
#include "base.h"
