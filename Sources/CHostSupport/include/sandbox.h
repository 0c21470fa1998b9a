/* What a process that runs somebody else's code gives up, and how such a process is started. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdint.h>

/* Each part on its own: 0 where it is in force, else the errno with which the kernel refused it. */
typedef struct {
    int32_t no_new_privileges;
    /* Without powers over the rest of the system, even as root. */
    int32_t user_namespace;
    int32_t network_namespace;
    /* Every file system is mounted read-only. */
    int32_t read_only_mounts;
    /* No file is made, changed, removed or executed; no TCP; no signal to others. */
    int32_t landlock;
    /* The version of landlock's interface; 0 without it. */
    int32_t landlock_version;
    int32_t seccomp;
} sandbox_report;

/* Takes from this process, for good, the network, writing to files, new processes and programs, and other processes.
 * To be called while it has one thread only. What the kernel does not have is left out and reported.
 *
 * `scratch`: a folder in which files may still be made, changed and removed, its real path; NULL: none. A kernel with
 * neither read-only mounts nor landlock cannot tell folders apart. */
sandbox_report host_enter_sandbox(const char *scratch);

/* Limits this process: bytes of address space, seconds of computing, bytes of a file that it writes; no core dump. */
void host_limit(uint64_t memory, uint64_t seconds, uint64_t file);

/* Lets this process end with the one that started it. */
void host_end_with_parent(void);

/* A file in memory, empty, closed when another program is executed; -1 with errno. */
int32_t host_memory_file(void);

/* Starts the program at `path`, leader of a process group of its own. Its descriptors are: 0 /dev/null, 1 and 2 `output`,
 * 3 `channel`; no other. `arguments`, the first of which is the program's name, and `environment` end with NULL.
 *
 * Returns 0 and sets `pid`, or an errno. */
int32_t host_spawn(
    const char *path, char *const *arguments, char *const *environment, int32_t channel, int32_t output, int32_t *pid);

/* Whether the child has ended; it can still be waited for. */
int32_t host_has_ended(int32_t pid);

/* Ends the child and its process group, whatever they do, and takes the child's status (as waitpid gives it) and the most
 * bytes of memory that it had. */
int32_t host_reap(int32_t pid, int64_t *memory);

#endif
