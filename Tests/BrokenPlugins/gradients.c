/* A parameter goes through an operator without a gradient. */
#define UPDATE \
    ops->mul(t, ops->scalar(t, scale), ops->matmul(t, ops->matmul(t, x, ops->cumsum(t, A, 0), 0, 1), B, 0, 1))
#define MERGED \
    ops->add(t, W, ops->mul(t, ops->scalar(t, scale), ops->matmul(t, B, ops->cumsum(t, A, 0), 0, 0)))
#include "base.h"
