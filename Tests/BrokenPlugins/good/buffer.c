/* Its forward reads a buffer of numbers and one of integers that an update sets: they are kept beside the adapter. */
#define DECLARATIONS \
    static peft_value count, steps; \
    static int32_t plan(void *self, peft_trace *t) { \
        (void)self; \
        for (int64_t site = 0; site < all->count(t); site++) all->take(t, site); \
        count = tensor(t, 1, "count", 1, 1, 0, PEFT_INIT_ZEROS); \
        const int64_t one = 1; \
        const peft_tensor integers = { \
            .struct_size = sizeof integers, .dtype = PEFT_I32, .rank = 1, .shape = &one, .name = "steps"}; \
        steps = parameters->buffer(t, &integers); \
        return PEFT_OK; \
    } \
    static int32_t method(void *self, peft_trace *t) { \
        (void)self; \
        graphs->begin(t, PEFT_GRAPH_UPDATE); \
        graphs->set(t, count, ops->add(t, count, ops->scalar(t, 1))); \
        peft_value next = ops->add(t, ops->cast(t, steps, PEFT_F32), ops->scalar(t, 1)); \
        graphs->set(t, steps, ops->cast(t, next, PEFT_I32)); \
        return graphs->end(t, 0, NULL); \
    }
#define PLAN plan
#define METHOD method
#define STEPS ops->add(t, ops->mul(t, count, ops->cast(t, steps, PEFT_F32)), ops->scalar(t, 1))
#define FACTOR ops->mul(t, ops->scalar(t, scale), STEPS)
#define UPDATE ops->mul(t, FACTOR, ops->matmul(t, ops->matmul(t, x, A, 0, 1), B, 0, 1))
#define MERGED ops->add(t, W, ops->mul(t, FACTOR, ops->matmul(t, B, A, 0, 0)))
#include "base.h"
