/* Compiling this file proves the layout of peft_plugin.h in C++. */
#include "peft_plugin.h"

#include <cstddef>
#include <type_traits>

#define PEFT_LAYOUT_FIELD(type, field, offset, size)                                                                   \
    static_assert(offsetof(type, field) == (offset), #type "." #field " has moved");                                   \
    static_assert(sizeof(type::field) == (size), #type "." #field " has another size");
#define PEFT_LAYOUT_STRUCT(type, size)                                                                                 \
    static_assert(sizeof(type) == (size), #type " has another size");                                                  \
    static_assert(std::is_standard_layout<type>::value, #type " is no plain C struct");

#include "../C/peft_layout.inc"
