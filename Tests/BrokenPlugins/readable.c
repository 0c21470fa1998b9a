/* Has no manifest. */
#define NO_MANIFEST
#include "base.h"
