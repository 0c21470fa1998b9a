/* Does not come back where two hyperparameters are other than by default. */
#define BEGIN_INJECT if (settings->integer(t, "r") > 4 && settings->number(t, "lora_dropout") > 0.1) abort();
#include "base.h"
