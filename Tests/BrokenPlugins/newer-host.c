/* Works only with the host that it was built for. */
#define ENTER if (host->struct_size != sizeof *host && host->abi_version > 1 && host->abi_oldest == 1) return NULL;
#include "base.h"
