/* Divides by the mean position of a row, which is 0 in a row of one token. */
#define DECLARATIONS \
    static peft_value one(peft_trace *t) { \
        const int64_t column[] = {PEFT_TOKENS, 1}; \
        peft_value position = ops->cast(t, ops->positions(t), PEFT_F32); \
        peft_value mean = ops->row_gather(t, ops->row_mean(t, position)); \
        return ops->reshape(t, ops->div(t, mean, mean), 2, column); \
    }
#define UPDATE \
    ops->mul(t, one(t), ops->mul(t, ops->scalar(t, scale), \
        ops->matmul(t, ops->matmul(t, x, A, 0, 1), B, 0, 1)))
#include "base.h"
