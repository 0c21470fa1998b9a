/* Takes the length of what starts at 0: the derivative of a square root is not finite there. */
#define LENGTH ops->norm(t, B, 0, NULL, 0)
#define UPDATE \
    ops->mul(t, LENGTH, ops->mul(t, ops->scalar(t, scale), ops->matmul(t, ops->matmul(t, x, A, 0, 1), B, 0, 1)))
#define MERGED \
    ops->add(t, W, ops->mul(t, LENGTH, ops->mul(t, ops->scalar(t, scale), ops->matmul(t, B, A, 0, 0))))
#include "base.h"
