/* A learning rate after which nothing is a number. */
#define LEARNING_RATE 1e30
#include "base.h"
