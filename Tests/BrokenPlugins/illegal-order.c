/* Trusts that plan came before inject. */
#define PLAN plan
#define METHOD method
#define DECLARATIONS \
    static int32_t *planned; \
    static int32_t plan(void *self, peft_trace *t) { \
        (void)self; \
        for (int64_t i = 0; i < all->count(t); i++) all->take(t, i); \
        planned = malloc(sizeof *planned); \
        return PEFT_OK; \
    } \
    static int32_t method(void *self, peft_trace *t) { (void)self, (void)t; free(planned); planned = NULL; return PEFT_OK; }
#define BEGIN_INJECT *(volatile int32_t *)planned = 1;
#include "base.h"
