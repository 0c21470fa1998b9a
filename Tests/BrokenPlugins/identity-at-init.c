/* Claims to start at the base, and starts elsewhere. */
#define B_INIT PEFT_INIT_NORMAL
#include "base.h"
