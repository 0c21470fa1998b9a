#define PEFT_TYPE "base-type"
#include "base.h"
