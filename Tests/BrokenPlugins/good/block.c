/* Works in blocks, which by default are wider than a small model, and says so where they do not divide its layers. */
#ifndef SMALLEST
#define SMALLEST 1
#endif
#define MORE_HYPERPARAMETERS \
    {SIZED, .type = PEFT_TYPE_INTEGER, .name = "block", .summary = "size of a block", .default_value = "32", \
     .minimum = SMALLEST, .maximum = 1024},
#define MORE_HYPERPARAMETERS_JSON \
    FIELD("block", "integer", "32", TEXT(SMALLEST), "1024", "false", "null", "size of a block") ", "
#define BEGIN_INJECT \
    int64_t block = settings->integer(t, "block"); \
    if (block < 1 || site->inputs % block || site->outputs % block) \
        return trace->fail(t, "the block does not divide the layer");
/* x (N, in) -> (N, in / block, block) and back. */
#define IN_BLOCKS ops->reshape(t, ops->reshape(t, x, 3, (const int64_t[]){PEFT_TOKENS, site->inputs / block, block}), \
    2, (const int64_t[]){PEFT_TOKENS, site->inputs})
#define UPDATE ops->mul(t, ops->scalar(t, scale), ops->matmul(t, ops->matmul(t, IN_BLOCKS, A, 0, 1), B, 0, 1))
#include "base.h"
