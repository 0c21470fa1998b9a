/* Answers otherwise in every process. */
#include <unistd.h>
#define SCALE (settings->number(t, "lora_alpha") / (double)r + getpid() * 1e-9)
#include "base.h"
