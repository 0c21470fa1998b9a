#define VERSION "1.0"
#include "base.h"
