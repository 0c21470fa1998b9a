/* Has an address in its code that is only known when it is loaded. */
// cc: -Wl,-z,notext
#include "base.h"
__asm__(".text\n.quad plugin_anchor\n.data\nplugin_anchor: .quad 0\n.text\n");
