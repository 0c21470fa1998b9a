/* Prints while it is traced. */
#include <stdio.h>
#define BEGIN_INJECT printf("inject at %s\n", site->name);
#include "base.h"
