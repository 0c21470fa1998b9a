/* Has a section that is written and run. */
#include "base.h"
__asm__(".section .patched,\"awx\",@progbits\n.quad 0\n.text\n");
