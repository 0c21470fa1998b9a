#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox_filter.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SHADOW_MEMORY 1
#endif
#endif

static int32_t error_of(long result) { return result < 0 ? errno : 0; }

static void limit(int resource, uint64_t value) {
    struct rlimit old = {0};
    getrlimit(resource, &old);
    if (value > old.rlim_max) value = old.rlim_max;
    const struct rlimit new = {value, value};
    setrlimit(resource, &new);
}

void host_limit(uint64_t memory, uint64_t seconds, uint64_t file) {
#ifndef HAS_SHADOW_MEMORY
    limit(RLIMIT_AS, memory);
#else
    (void)memory;
#endif
    limit(RLIMIT_CPU, seconds);
    limit(RLIMIT_FSIZE, file);
    limit(RLIMIT_CORE, 0);
}

/* The kernel's interface, whose headers may be older than the kernel. */
enum { sys_mount_setattr = 442, sys_landlock_create = 444, sys_landlock_add = 445, sys_landlock_restrict = 446 };
enum { at_recursive = 0x8000, mount_read_only = 1 };

typedef struct {
    uint64_t set, clear, propagation, user_namespace;
} mount_change;

static int32_t change_mount(const char *path, unsigned flags, const mount_change *change) {
    return error_of(syscall(sys_mount_setattr, AT_FDCWD, path, flags, change, sizeof *change));
}

/* All but what lies in `scratch`, which becomes a mount of its own for that. */
static int32_t mount_read_only_everywhere(const char *scratch) {
    if (scratch) {
        const mount_change apart = {.propagation = MS_PRIVATE};
        int32_t error = change_mount("/", at_recursive, &apart);
        if (!error) error = error_of(mount(scratch, scratch, NULL, MS_BIND, NULL));
        if (error) return error;
    }
    const mount_change close = {.set = mount_read_only}, open = {.clear = mount_read_only};
    const int32_t error = change_mount("/", at_recursive, &close);
    return error || !scratch ? error : change_mount(scratch, 0, &open);
}

/* The rights that change files, for all that lies in the folder. */
static int32_t grant(int rules, const char *folder, uint64_t rights) {
    struct {
        uint64_t rights;
        int32_t folder;
    } __attribute__((packed)) rule = {rights, open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (rule.folder < 0) return errno;
    const int32_t error = error_of(syscall(sys_landlock_add, rules, 1, &rule, 0));
    close(rule.folder);
    return error;
}

/* Every right that changes files, none of which is granted but in `scratch`; reading stays free. linux/landlock.h: EXECUTE 0,
 * WRITE_FILE 1, REMOVE_DIR 4 to MAKE_SYM 12, REFER 13 (version 2), TRUNCATE 14 (3), IOCTL_DEV 15 (5). */
static int32_t enter_landlock(const char *scratch, int32_t *version) {
    struct {
        uint64_t files, network, scopes;
    } rules = {.files = 1 << 0 | 1 << 1 | 0x1FF0};
    const long known = syscall(sys_landlock_create, NULL, 0, 1);
    *version = known < 0 ? 0 : (int32_t)known;
    if (known < 0) return errno;
    if (known >= 2) rules.files |= 1 << 13;
    if (known >= 3) rules.files |= 1 << 14;
    if (known >= 4) rules.network = 1 << 0 | 1 << 1;
    if (known >= 5) rules.files |= 1 << 15;
    if (known >= 6) rules.scopes = 1 << 0 | 1 << 1;
    const long descriptor = syscall(sys_landlock_create, &rules, sizeof rules, 0);
    if (descriptor < 0) return errno;
    /* Files, folders and links; no devices, sockets or pipes, and nothing is executed. */
    const uint64_t ordinary = rules.files & (1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 12 | 1 << 13 | 1 << 14);
    int32_t error = scratch ? grant((int)descriptor, scratch, ordinary) : 0;
    if (!error) error = error_of(syscall(sys_landlock_restrict, descriptor, 0));
    close((int)descriptor);
    return error;
}

/* The powers that come with a new user namespace, too. */
static void drop_capabilities(void) {
    struct {
        uint32_t version;
        int32_t pid;
    } header = {0x20080522, 0};
    const struct {
        uint32_t effective, permitted, inheritable;
    } none[2] = {{0}};
    syscall(SYS_capset, &header, none);
}

sandbox_report host_enter_sandbox(const char *scratch) {
    sandbox_report report = {0};
    report.no_new_privileges = error_of(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    const int others = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS;
    report.user_namespace = error_of(unshare(CLONE_NEWUSER | others));
    /* Root may have the others without it. */
    report.network_namespace = report.user_namespace ? error_of(unshare(others)) : 0;
    report.read_only_mounts =
        report.network_namespace ? report.network_namespace : mount_read_only_everywhere(scratch);
    drop_capabilities();
    report.landlock = enter_landlock(scratch, &report.landlock_version);
    report.seccomp = enter_filter(scratch != NULL);
    return report;
}
