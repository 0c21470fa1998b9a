/* The fifth row of a batch and those behind it get another update than the others. */
#define DECLARATIONS \
    static peft_value row_factor(peft_trace *t) { \
        const int64_t column[] = {PEFT_TOKENS, 1}; \
        peft_value row = ops->reshape(t, ops->cast(t, ops->row_of_token(t), PEFT_F32), 2, column); \
        return ops->add(t, ops->scalar(t, 1), ops->less(t, ops->scalar(t, 3.5), row)); \
    }
#define UPDATE \
    ops->mul(t, row_factor(t), ops->mul(t, ops->scalar(t, scale), \
        ops->matmul(t, ops->matmul(t, x, A, 0, 1), B, 0, 1)))
#include "base.h"
