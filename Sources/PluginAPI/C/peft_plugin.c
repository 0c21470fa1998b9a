#include "peft_plugin.h"
