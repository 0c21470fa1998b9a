/* A host of a later ABI, in front of a plugin of this one: a library that loads the frozen one (-DFROZEN="…"), and gives it the
 * real host's tables grown by functions that it cannot know, a larger peft_host and larger sites. Every struct ends at a page
 * that may not be read. Linked with the frozen one's manifest, it trains like it. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "guarded.h"
#include "peft_plugin.h"

enum { MORE = 8, TABLES = 16 }; /* functions, or fields of 8 bytes, that the later ABI has more */

static const peft_host *real;
static const peft_plugin *frozen;

static void unknown(void)
{
    fputs("a function was called that ABI 1 does not have\n", stderr);
    abort();
}

/* A struct with MORE fields behind it, none of them 0. */
static void *grown(const void *bytes, uint32_t size)
{
    char *copy = guarded(bytes, size, size + MORE * sizeof(void *));
    if (!copy) abort();
    const uint32_t larger = size + MORE * (uint32_t)sizeof(void *);
    memcpy(copy, &larger, sizeof larger);
    void (*const function)(void) = unknown;
    for (uint32_t place = size; place < larger; place += sizeof function) memcpy(copy + place, &function, sizeof function);
    return copy;
}

static const void *table(const peft_host *host, const char *id)
{
    (void)host;
    static struct { const void *theirs; const void *ours; } known[TABLES];
    const void *theirs = real->table(real, id);
    if (!theirs) return NULL;
    for (int i = 0; i < TABLES; i++) {
        if (known[i].theirs == theirs) return known[i].ours;
        if (known[i].theirs) continue;
        uint32_t size;
        memcpy(&size, theirs, sizeof size);
        known[i].theirs = theirs;
        return known[i].ours = grown(theirs, size);
    }
    abort();
}

static int32_t inject(void *self, peft_trace *t, const peft_site *site)
{
    return frozen->inject(self, t, grown(site, site->struct_size));
}

const peft_plugin *peft_plugin_entry(const peft_host *host)
{
    real = host;
    peft_host *later = grown(host, host->struct_size);
    later->abi_version = 2;
    later->abi_oldest = 1;
    later->name = "a later host";
    later->table = table;
    void *library = dlopen(FROZEN, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) return fputs(dlerror(), stderr), NULL;
    const peft_plugin *(*entry)(const peft_host *);
    *(void **)&entry = dlsym(library, "peft_plugin_entry");
    frozen = entry ? entry(later) : NULL;
    if (!frozen) return NULL;
    static peft_plugin copy;
    memcpy(&copy, frozen, sizeof copy < frozen->struct_size ? sizeof copy : frozen->struct_size);
    copy.struct_size = sizeof copy;
    copy.inject = inject;
    return &copy;
}
