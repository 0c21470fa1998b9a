/* A random buffer, which only a reader who knows the run's seed can draw again. */
#define DECLARATIONS \
    static peft_value random_scales; \
    static peft_value columned(peft_trace *t, peft_value x, int64_t size) { \
        const int64_t shape[] = {size, 1}; \
        return ops->reshape(t, x, 2, shape); \
    }
#define BEGIN_INJECT random_scales = tensor(t, 1, "scales", 1, site->outputs, 0, PEFT_INIT_NORMAL);
#define UPDATE \
    ops->mul(t, random_scales, ops->mul(t, ops->scalar(t, 50 * scale), \
        ops->matmul(t, ops->matmul(t, x, A, 0, 1), B, 0, 1)))
#define MERGED ops->add(t, W, ops->mul(t, columned(t, random_scales, site->outputs), \
    ops->mul(t, ops->scalar(t, 50 * scale), ops->matmul(t, B, A, 0, 0))))
#include "base.h"
