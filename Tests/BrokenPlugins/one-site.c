/* Trusts that there are two sites. */
#define BEGIN_INJECT if (all->count(t) == 1 && !trace->failed(t)) return trace->fail(t, "there is no second site");
#include "base.h"
