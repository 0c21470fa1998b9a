/* In short runs its trace depends on the process that it runs in. */
#include <unistd.h>
#define MORE_HYPERPARAMETERS \
    {SIZED, .type = PEFT_TYPE_INTEGER, .flags = PEFT_FLAG_DERIVED, .name = "total_step", .summary = "steps of the run", \
     .minimum = 1, .maximum = 1000000},
#define MORE_HYPERPARAMETERS_JSON \
    "{\"name\": \"total_step\", \"type\": \"integer\", \"default\": null, \"minimum\": 1, \"maximum\": 1000000, " \
    "\"choices\": [], \"per_site\": false, \"pattern\": null, \"required\": false, \"nullable\": false, " \
    "\"derived\": true, \"summary\": \"steps of the run\"}, "
#define SCALE settings->number(t, "lora_alpha") / (double)r \
    * (settings->integer(t, "total_step") < 10 ? 1 + 1e-5 * (double)getpid() : 1)
#include "base.h"
