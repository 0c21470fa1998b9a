/* Its trace depends on the process that it runs in. */
#include <unistd.h>
#define SCALE settings->number(t, "lora_alpha") / (double)r * (1 + 1e-5 * (double)getpid())
#include "base.h"
