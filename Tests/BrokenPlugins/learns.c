/* A learning rate that steps over every valley. */
#define LEARNING_RATE 5.0
#include "base.h"
