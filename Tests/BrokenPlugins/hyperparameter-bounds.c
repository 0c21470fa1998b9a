/* Does not come back with the largest alpha. */
#define BEGIN_INJECT if (settings->number(t, "lora_alpha") == 1e6) abort();
#include "base.h"
