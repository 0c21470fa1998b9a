#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void host_end_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

int32_t host_memory_file(void) { return memfd_create("peft-output", MFD_CLOEXEC); }

int32_t host_spawn(
    const char *path, char *const *arguments, char *const *environment, int32_t channel, int32_t output, int32_t *pid) {
    /* Out of the way of the numbers that they get in the child. */
    const int from_channel = fcntl(channel, F_DUPFD_CLOEXEC, 10), from_output = fcntl(output, F_DUPFD_CLOEXEC, 10);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, from_output, 1);
    posix_spawn_file_actions_adddup2(&files, from_output, 2);
    posix_spawn_file_actions_adddup2(&files, from_channel, 3);
    posix_spawn_file_actions_addclosefrom_np(&files, 4);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    pid_t child = 0;
    const int error = from_channel < 0 || from_output < 0
                          ? EMFILE
                          : posix_spawn(&child, path, &files, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (from_channel >= 0) close(from_channel);
    if (from_output >= 0) close(from_output);
    *pid = child;
    return error;
}

int32_t host_has_ended(int32_t pid) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

int32_t host_reap(int32_t pid, int64_t *memory) {
    int status = 0;
    struct rusage usage = {0};
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {}
    *memory = (int64_t)usage.ru_maxrss * 1024;
    return status;
}
