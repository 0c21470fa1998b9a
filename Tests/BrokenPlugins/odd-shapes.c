/* Fits only even sizes. */
#define MERGED ops->add(t, W, ops->mul(t, ops->scalar(t, scale), ops->matmul(t, ops->reshape(t, B, 2, \
    (const int64_t[]){site->outputs - site->outputs % 4, r}), A, 0, 0)))
#include "base.h"
