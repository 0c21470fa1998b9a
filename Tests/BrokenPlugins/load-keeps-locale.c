/* A constructor that sets the locale. */
#define _GNU_SOURCE
#include <locale.h>
#include "base.h"

__attribute__((constructor)) static void change(void) {
    setlocale(LC_ALL, "C.UTF-8");
}
