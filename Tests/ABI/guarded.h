/* Memory that ends where a page begins that nobody may touch: what reads behind a struct dies at once. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static inline void *guarded(const void *bytes, size_t count, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
    char *memory = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + whole, page, PROT_NONE)) return NULL;
    memcpy(memory + whole - size, bytes, count);
    return memory + whole - size;
}
