/* A small method that does harm at one place: compiled with -DHARM=name and -DAT=load, entry, plan, inject or method. What
 * the host is to deny ends it with SIGABRT where it is not denied. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "peft_plugin.h"

static int32_t plan_hostile(void *self, peft_trace *t);
static int32_t inject_hostile(peft_trace *t, const peft_site *at);
static int32_t method_hostile(void *self, peft_trace *t);

#define CASE hostile
#define PLAN plan_hostile
#define METHOD method_hostile
#define ENTRY described
#include "broken.c"

static void harm_crash(void) { *(volatile int *)NULL = 0; }
static void harm_loop(void) {
    for (;;) __asm__ volatile("");
}
static void harm_leave(void) { exit(0); }
static void harm_leave_at_once(void) { _exit(3); }
static void harm_abort(void) { abort(); }
static void harm_jump(void) {
    static jmp_buf nowhere;
    longjmp(nowhere, 1);
}
static void harm_print(void) { printf("debug: rank\t\033[31m8\n"); }
static void harm_flood(void) {
    for (;;) fputs("all work and no play\n", stderr);
}
static void harm_floats(void) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#endif
}
static void harm_allocate(void) { memset(malloc(100ull << 30), 1, 100ull << 30); }
static void harm_eat(void) {
    for (;;) {
        char *memory = malloc(16 << 20);
        if (memory == NULL) abort();
        memset(memory, 1, 16 << 20);
    }
}

/* The channel to the host is one of them. */
static void send_all(const void *bytes, size_t count) {
    for (int descriptor = 3; descriptor < 64; descriptor++)
        if (write(descriptor, bytes, count) < 0 && errno != EBADF) abort();
}
static void harm_garbage(void) { send_all("no frame of any kind", 20); }
static void harm_giant(void) { send_all("\377\377\377\377\041", 5); }
static void harm_endless(void) {
    for (;;) send_all("\000\000\000\000\020", 5);
}
static void harm_forged_program(void) { send_all("\004\000\000\000\041PEFT", 9); }
static void harm_forged_error(void) { send_all("\002\000\000\000\040[]", 7); }
static void harm_unasked(void) { send_all("\000\000\000\000\043", 5); }
static void harm_half(void) {
    send_all("\000\020\000\000\041", 5);
    _exit(0);
}
static void harm_close(void) {
    for (int descriptor = 3; descriptor < 64; descriptor++) close(descriptor);
    for (;;) pause();
}

static void denied(int result) {
    if (result >= 0) abort();
}
static void harm_fork(void) { denied(fork()); }
static void harm_socket(void) { denied(socket(AF_INET, SOCK_STREAM, 0)); }
static void harm_execute(void) { denied(system("exit 0") == 0 ? 0 : -1), denied(execl("/bin/true", "true", NULL)); }
static void harm_write(void) {
    denied(open("/tmp/peft-host-hostile", O_WRONLY | O_CREAT, 0600));
    denied(mkdir("/tmp/peft-host-hostile", 0700));
    denied(open("/dev/tty", O_RDWR));
}
/* A file of the user's. */
#ifndef FILE_OF_USER
#define FILE_OF_USER "/nowhere/at/all"
#endif
static void harm_change(void) {
    const char *const file = FILE_OF_USER;
    denied(open(file, O_WRONLY));
    denied(open(file, O_RDWR | O_TRUNC));
    denied(truncate(file, 0));
    denied(chmod(file, 0666));
    denied(utimensat(AT_FDCWD, file, NULL, 0));
    denied(link(file, FILE_OF_USER ".link"));
    denied(symlink(file, FILE_OF_USER ".link"));
    denied(rename(file, FILE_OF_USER ".moved"));
    denied(unlink(file));
}
static void harm_signal(void) { denied(kill(getppid(), SIGTERM)); }
static void harm_look(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)getppid());
    const int file = open(path, O_RDONLY);
    char byte;
    if (file >= 0) denied((int)read(file, &byte, 1) > 0 ? 0 : -1);
}
static void harm_environment(void) { denied(getenv("HOME") == NULL ? -1 : 0); }

enum { at_load, at_entry, at_plan, at_inject, at_method };
static void harm_if(int now) {
    if (now == EXPAND(at_, AT)) EXPAND(harm_, HARM)();
}

__attribute__((constructor)) static void load(void) { harm_if(at_load); }

static int32_t plan_hostile(void *self, peft_trace *t) {
    (void)self;
    harm_if(at_plan);
    for (int64_t i = 0; i < all->count(t); i++) all->take(t, i);
    return PEFT_OK;
}

static int32_t inject_hostile(peft_trace *t, S at) {
    if (at->layer == 1) harm_if(at_inject);
    return inject_good(t, at);
}

static int32_t method_hostile(void *self, peft_trace *t) {
    (void)self, (void)t;
    harm_if(at_method);
    return PEFT_OK;
}

const peft_plugin *peft_plugin_entry(const peft_host *host) {
    harm_if(at_entry);
    return described(host);
}
