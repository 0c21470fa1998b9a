/* Takes for granted that a layer's inputs come in pairs. */
#define DECLARATIONS \
    static peft_value paired(peft_trace *t, peft_value x, int64_t inputs) { \
        const int64_t pairs[] = {PEFT_TOKENS, inputs / 2, 2}, flat[] = {PEFT_TOKENS, inputs}; \
        return ops->reshape(t, ops->reshape(t, x, 3, pairs), 2, flat); \
    }
#define UPDATE \
    ops->mul(t, ops->scalar(t, scale), \
        ops->matmul(t, ops->matmul(t, paired(t, x, site->inputs), A, 0, 1), B, 0, 1))
#include "base.h"
