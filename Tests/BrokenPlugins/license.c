#define LICENSE "do what you like!"
#include "base.h"
