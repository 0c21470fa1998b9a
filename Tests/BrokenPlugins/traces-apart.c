/* Changes the environment while it is traced. */
#define BEGIN_INJECT setenv("BROKEN", "1", 1);
#include "base.h"
