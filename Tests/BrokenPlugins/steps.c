/* Its update divides by total_steps - 1, which is 0 in a run of one step. */
#define DECLARATIONS \
    static int32_t method(void *self, peft_trace *t) { \
        (void)self; \
        graphs->begin(t, PEFT_GRAPH_UPDATE); \
        peft_value rest = ops->sub(t, ops->total_steps(t), ops->scalar(t, 1)); \
        peft_value share = ops->mul(t, ops->scalar(t, 0), ops->div(t, ops->step(t), rest)); \
        for (int64_t site = 0; site < parameters->site_count(t); site++) { \
            peft_value A = parameters->of_site(t, site, "lora_A.weight"); \
            graphs->set(t, A, ops->sub(t, A, ops->mul(t, A, share))); \
        } \
        return graphs->end(t, 0, NULL); \
    }
#define METHOD method
#include "base.h"
