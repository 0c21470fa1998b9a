/* Says the same in more words every other time that it is traced. */
#define DECLARATIONS static int times;
#define WITH_UPDATE ops->add(t, W, ops->mul(t, ops->scalar(t, scale), ops->matmul(t, B, A, 0, 0)))
#define MERGED (times++ / 4 % 2 ? ops->neg(t, ops->neg(t, WITH_UPDATE)) : WITH_UPDATE)
#include "base.h"
