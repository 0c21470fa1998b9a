/* Does not come back from a host that has forgotten its ABI. */
#define ENTER if (host->abi_oldest > 1) abort();
#include "base.h"
