/* Its forward reads a buffer that an update sets: adapters hold no buffers. */
#define DECLARATIONS \
    static peft_value count; \
    static int32_t plan(void *self, peft_trace *t) { \
        (void)self; \
        for (int64_t site = 0; site < all->count(t); site++) all->take(t, site); \
        count = tensor(t, 1, "count", 1, 1, 0, PEFT_INIT_ZEROS); \
        return PEFT_OK; \
    } \
    static int32_t method(void *self, peft_trace *t) { \
        (void)self; \
        graphs->begin(t, PEFT_GRAPH_UPDATE); \
        graphs->set(t, count, ops->add(t, count, ops->scalar(t, 1))); \
        return graphs->end(t, 0, NULL); \
    }
#define PLAN plan
#define METHOD method
#define FACTOR ops->mul(t, ops->scalar(t, scale), ops->add(t, count, ops->scalar(t, 1)))
#define UPDATE ops->mul(t, FACTOR, ops->matmul(t, ops->matmul(t, x, A, 0, 1), B, 0, 1))
#define MERGED ops->add(t, W, ops->mul(t, FACTOR, ops->matmul(t, B, A, 0, 0)))
#include "base.h"
