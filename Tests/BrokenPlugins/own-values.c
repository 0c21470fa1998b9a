/* Keeps a parameter from the first trace. */
#define DECLARATIONS static peft_value kept;
#define MERGED (kept = kept ? kept : B, ops->add(t, W, ops->mul(t, ops->scalar(t, scale), ops->matmul(t, B, A, 0, 0))))
#define BEGIN_INJECT if (kept && site->layer == 0 && site->role == PEFT_ROLE_QUERY) graphs->rank(t, kept);
#include "base.h"
