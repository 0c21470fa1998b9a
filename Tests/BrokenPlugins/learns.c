/* Its update walks up the gradient, further than the optimizer walked down. */
#define DECLARATIONS \
    static int32_t method(void *self, peft_trace *t) { \
        (void)self; \
        graphs->begin(t, PEFT_GRAPH_UPDATE); \
        for (int64_t site = 0; site < parameters->site_count(t); site++) { \
            peft_value B = parameters->of_site(t, site, "lora_B.weight"); \
            peft_value up = ops->mul(t, ops->scalar(t, 10), graphs->gradient(t, B)); \
            graphs->set(t, B, ops->add(t, B, up)); \
        } \
        return graphs->end(t, 0, NULL); \
    }
#define METHOD method
#include "base.h"
