/* Its manifest tells of another version than its code. */
#define MANIFEST_VERSION "1.0.1"
#include "base.h"
