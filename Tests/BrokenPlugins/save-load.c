/* Its export stores B halved, and no import takes that back. */
#define DECLARATIONS \
    static int32_t method(void *self, peft_trace *t) { \
        (void)self; \
        graphs->begin(t, PEFT_GRAPH_EXPORT); \
        for (int64_t i = 0; i < parameters->site_count(t); i++) { \
            peft_site site = {.struct_size = sizeof site}; \
            all->get(t, i, &site); \
            for (int half = 0; half < 2; half++) { \
                const char *name = half ? "lora_B.weight" : "lora_A.weight"; \
                char full[300]; \
                snprintf(full, sizeof full, "base_model.model.%s.%s", site.name ? site.name : "", name); \
                peft_value value = parameters->of_site(t, i, name); \
                stored->tensor(t, full, half ? ops->mul(t, value, ops->scalar(t, 0.5)) : value); \
            } \
        } \
        return graphs->end(t, 0, NULL); \
    }
#define METHOD method
#include <stdio.h>
#include "base.h"
