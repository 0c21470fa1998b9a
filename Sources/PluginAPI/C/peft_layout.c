/* Compiling this file proves the layout of peft_plugin.h in C. */
#include "peft_plugin.h"

#include <stddef.h>

#define PEFT_LAYOUT_FIELD(type, field, offset, size)                                                                   \
    _Static_assert(offsetof(type, field) == (offset), #type "." #field " has moved");                                  \
    _Static_assert(sizeof(((type *)0)->field) == (size), #type "." #field " has another size");
#define PEFT_LAYOUT_STRUCT(type, size) _Static_assert(sizeof(type) == (size), #type " has another size");

#include "peft_layout.inc"
