/* Merges the update with the wrong sign. */
#define MERGED ops->sub(t, W, ops->mul(t, ops->scalar(t, scale), ops->matmul(t, B, A, 0, 0)))
#include "base.h"
