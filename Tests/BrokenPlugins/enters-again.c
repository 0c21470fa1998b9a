/* Claims less from the fifteenth time on that it is entered. */
#define ENTER static peft_plugin copy; static int times; copy = plugin; copy.capabilities = 0; times++;
#define RETURNED times < 15 ? &plugin : &copy
#include "base.h"
