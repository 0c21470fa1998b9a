/* Counts its traces, and answers otherwise from the fifth on. */
#define DECLARATIONS static int times;
#define SCALE (times++, settings->number(t, "lora_alpha") / (double)r + times * 1e-9)
#include "base.h"
