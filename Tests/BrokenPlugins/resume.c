/* Remembers how often it was traced: the third trace of a process gives another method. */
#define DECLARATIONS \
    static int traces; \
    static int32_t plan(void *self, peft_trace *t) { \
        (void)self; \
        for (int64_t site = 0; site < all->count(t); site++) all->take(t, site); \
        traces++; \
        return PEFT_OK; \
    }
#define PLAN plan
#define SCALE settings->number(t, "lora_alpha") / (double)r * (traces == 3 ? 1.5 : 1)
#include "base.h"
