#define _GNU_SOURCE
#include "sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

/* Refused whatever their arguments: the network, other programs and processes, changes of files and of the system, and
 * what would go round the filter. */
static const int refused[] = {
    SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendmsg, SYS_sendmmsg,
    SYS_recvmsg, SYS_recvmmsg,
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_tkill,
    SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setpgid, SYS_setsid, SYS_setpriority, SYS_sched_setscheduler,
    SYS_sched_setparam, SYS_sched_setattr, SYS_ioprio_set, SYS_migrate_pages, SYS_move_pages,
    SYS_mknodat, SYS_linkat, SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_setxattr,
    SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_sync, SYS_open_by_handle_at,
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_swapon, SYS_swapoff, SYS_quotactl,
    SYS_acct, SYS_reboot, SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_sethostname,
    SYS_setdomainname, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_syslog,
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_setfsuid,
    SYS_setfsgid, SYS_capset,
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_add_key, SYS_request_key, SYS_keyctl, SYS_fanotify_init,
    SYS_shmget, SYS_shmat, SYS_shmctl, SYS_semget, SYS_semop, SYS_semctl, SYS_msgget, SYS_msgsnd, SYS_msgrcv,
    SYS_msgctl, SYS_mq_open, SYS_mq_unlink,
#ifdef SYS_creat
    SYS_mknod, SYS_link, SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat, SYS_fork, SYS_vfork,
    SYS_iopl, SYS_ioperm,
#endif
    /* Numbers that are the same everywhere, whose names headers may lack: pidfd_send_signal, io_uring_setup,
     * io_uring_enter, io_uring_register, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, pidfd_open,
     * pidfd_getfd, process_madvise, mount_setattr, memfd_secret, process_mrelease, fchmodat2. */
    424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 440, 442, 447, 448, 452,
};

/* Refused to whom no folder is left to write to. */
static const int changing[] = {
    SYS_unlinkat, SYS_mkdirat, SYS_symlinkat, SYS_renameat2, SYS_truncate, SYS_ftruncate, SYS_fallocate,
#ifdef SYS_creat
    SYS_creat, SYS_unlink, SYS_rmdir, SYS_mkdir, SYS_symlink, SYS_rename,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
};

/* For these the C library knows another way: clone3 and openat2, whose arguments a filter cannot see. */
static const int unknown[] = {435, 437};

enum { capacity = 512 };

typedef struct {
    struct sock_filter code[capacity];
    unsigned short count;
} filter;

static void add(filter *f, unsigned short code, uint32_t k, unsigned char yes, unsigned char no) {
    if (f->count < capacity) f->code[f->count++] = (struct sock_filter){code, yes, no, k};
}

static void answer(filter *f, uint32_t with) { add(f, BPF_RET | BPF_K, with, 0, 0); }

static void load(filter *f, size_t offset) { add(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0); }

static const uint32_t allow = SECCOMP_RET_ALLOW, deny = SECCOMP_RET_ERRNO | EPERM;

static void refuse_all(filter *f, const int *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)numbers[i], 0, 1);
        answer(f, deny);
    }
}

/* The low half of an argument; both supported machines have it first. */
static void load_argument(filter *f, int index) {
    load(f, offsetof(struct seccomp_data, args) + (size_t)index * sizeof(uint64_t));
}

/* The call with that number is refused where its argument has one of the bits (or, if `without`, has none). */
static void refuse_bits(filter *f, int number, int argument, uint32_t bits, int without) {
    add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4);
    load_argument(f, argument);
    add(f, BPF_JMP | BPF_JSET | BPF_K, bits, without ? 0 : 1, without ? 1 : 0);
    answer(f, allow);
    answer(f, deny);
}

/* The call with that number may only be about this process. */
static void refuse_others(filter *f, int number, int allows_zero) {
    add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 5);
    load_argument(f, 0);
    add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 1, 0);
    add(f, BPF_JMP | BPF_JEQ | BPF_K, allows_zero ? 0 : (uint32_t)getpid(), 0, 1);
    answer(f, allow);
    answer(f, deny);
}

int32_t enter_filter(int writes) {
    filter f = {.count = 0};
    load(&f, offsetof(struct seccomp_data, arch));
    add(&f, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
    answer(&f, SECCOMP_RET_KILL_PROCESS);
    load(&f, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    /* The calls of the x32 ABI. */
    add(&f, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
    answer(&f, deny);
#endif
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        add(&f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)unknown[i], 0, 1);
        answer(&f, SECCOMP_RET_ERRNO | ENOSYS);
    }
    refuse_all(&f, refused, sizeof refused / sizeof *refused);
    if (!writes) {
        refuse_all(&f, changing, sizeof changing / sizeof *changing);
        const uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
        refuse_bits(&f, SYS_openat, 2, writing, 0);
#ifdef SYS_open
        refuse_bits(&f, SYS_open, 1, writing, 0);
#endif
    }
    /* Threads, but no processes. */
    refuse_bits(&f, SYS_clone, 0, CLONE_THREAD, 1);
    refuse_others(&f, SYS_kill, 0);
    refuse_others(&f, SYS_tgkill, 0);
    refuse_others(&f, SYS_prlimit64, 1);
    refuse_others(&f, SYS_sched_setaffinity, 1);
    /* Keys typed into the user's terminal. */
    add(&f, BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4);
    load_argument(&f, 1);
    add(&f, BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0);
    answer(&f, allow);
    answer(&f, deny);
    answer(&f, allow);
    if (f.count >= capacity) return E2BIG;
    const struct sock_fprog program = {f.count, f.code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? errno : 0;
}
