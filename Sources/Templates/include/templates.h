#ifndef PEFT_TEMPLATES_H
#define PEFT_TEMPLATES_H

#include <stddef.h>

typedef struct peft_template {
    const char *languages; /* separated by spaces, or "all" */
    const char *path;      /* inside the new folder */
    const unsigned char *bytes;
    size_t count;
} peft_template;

/* The file of that number, from 0; NULL behind the last. */
const peft_template *peft_template_at(size_t index);

#endif
