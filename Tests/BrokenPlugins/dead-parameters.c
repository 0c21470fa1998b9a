/* Trains a vector that is always multiplied by 0. */
#define DECLARATIONS static peft_value dead;
#define BEGIN_INJECT dead = tensor(t, 0, "dead", 1, site->outputs, 0, PEFT_INIT_ONES);
#define UPDATE \
    ops->add(t, ops->mul(t, dead, ops->scalar(t, 0)), ops->mul(t, ops->scalar(t, scale), \
        ops->matmul(t, ops->matmul(t, x, A, 0, 1), B, 0, 1)))
#include "base.h"
