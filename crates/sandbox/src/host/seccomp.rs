//! The list of system calls that a program may use, as a filter for the kernel. What is dangerous by design is refused
//! as not permitted; everything else that is not on the list, with what later kernels bring, as not implemented, so
//! that libraries fall back to what is. Arguments are looked at where a call is fine and some uses of it are not.

use std::io;

use libc::sock_filter;

use super::{Context as _, Outcome};

/// What a program may do with sockets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sockets {
    /// Between its own processes.
    Local,
    /// Internet sockets too, within its own network namespace.
    Internet,
    /// Pairs that are connected already. Without namespaces, where neither pids nor names are its own: no signals, no
    /// groups of processes, no modes of files by path.
    None,
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// Of `clone`: all namespaces, children of the parent instead of one's own, children that are traced.
const CLONE_FORBIDDEN: u32 = 0x7E02_0000 | 0x8000 | 0x2000;
/// Of `ioctl`: typing into a terminal, its line discipline, the console's menu, its keyboard and its screen; and whom a
/// socket signals.
const FORBIDDEN_REQUESTS: [u32; 7] = [0x5412, 0x5423, 0x541C, 0x4B4E, 0x541D, 0x8901, 0x8902];
/// Of `personality`: the usual one, and asking which.
const PERSONALITIES: [u32; 2] = [0, u32::MAX];

const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
/// Low half of an argument on a little-endian machine; the kernel itself reads only that of those looked at here.
const fn argument_at(index: u32) -> u32 {
    16 + 8 * index
}
const ALLOW: u32 = 0x7FFF_0000;
const fn refuse(errno: i32) -> u32 {
    0x0005_0000 | errno.unsigned_abs()
}

macro_rules! numbers {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// Allowed whatever the arguments.
const ALLOWED: &[libc::c_long] = numbers! {
    SYS_read SYS_write SYS_close SYS_fstat SYS_lseek SYS_mmap SYS_mprotect SYS_munmap SYS_brk SYS_rt_sigaction
    SYS_rt_sigprocmask SYS_rt_sigreturn SYS_pread64 SYS_pwrite64 SYS_readv SYS_writev SYS_preadv SYS_pwritev
    SYS_preadv2 SYS_pwritev2 SYS_futex SYS_openat SYS_openat2 SYS_newfstatat SYS_statx SYS_readlinkat SYS_faccessat
    SYS_faccessat2 SYS_getdents64 SYS_getcwd SYS_chdir SYS_fchdir SYS_mkdirat SYS_unlinkat SYS_renameat2 SYS_linkat
    SYS_symlinkat SYS_fchmod SYS_fchmodat SYS_fchown SYS_fchownat SYS_utimensat SYS_truncate SYS_ftruncate
    SYS_fallocate SYS_fadvise64 SYS_readahead SYS_fsync SYS_fdatasync SYS_statfs SYS_fstatfs
    SYS_umask SYS_flock SYS_fcntl SYS_dup SYS_dup3 SYS_pipe2 SYS_copy_file_range SYS_sendfile SYS_splice SYS_tee
    SYS_vmsplice SYS_getxattr SYS_lgetxattr SYS_fgetxattr SYS_listxattr SYS_llistxattr SYS_flistxattr
    SYS_inotify_init1 SYS_inotify_add_watch SYS_inotify_rm_watch SYS_ppoll SYS_pselect6 SYS_epoll_create1
    SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2 SYS_signalfd4 SYS_timerfd_create
    SYS_timerfd_settime SYS_timerfd_gettime SYS_clock_gettime SYS_clock_getres SYS_clock_nanosleep SYS_nanosleep
    SYS_gettimeofday SYS_times SYS_getitimer SYS_setitimer SYS_timer_create SYS_timer_settime SYS_timer_gettime
    SYS_timer_getoverrun SYS_timer_delete SYS_getpid SYS_getppid SYS_gettid SYS_getuid SYS_geteuid SYS_getgid
    SYS_getegid SYS_getresuid SYS_getresgid SYS_getgroups SYS_getpgid SYS_setpgid SYS_getsid SYS_setsid
    SYS_setuid SYS_setgid SYS_setresuid SYS_setresgid SYS_setreuid SYS_setregid SYS_setfsuid SYS_setfsgid
    SYS_capget SYS_capset SYS_uname SYS_sysinfo SYS_getcpu SYS_getrandom
    SYS_getrusage SYS_getpriority SYS_setpriority SYS_sched_yield SYS_sched_getaffinity SYS_sched_setaffinity
    SYS_sched_getparam SYS_sched_getscheduler SYS_sched_get_priority_max SYS_sched_get_priority_min
    SYS_sched_rr_get_interval SYS_sched_getattr SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_wait4
    SYS_waitid SYS_kill SYS_tkill SYS_tgkill SYS_rt_sigpending SYS_rt_sigsuspend SYS_rt_sigtimedwait
    SYS_rt_sigqueueinfo SYS_sigaltstack SYS_restart_syscall SYS_pidfd_open SYS_pidfd_send_signal
    SYS_set_tid_address SYS_set_robust_list SYS_get_robust_list SYS_rseq SYS_membarrier SYS_madvise SYS_mremap
    SYS_msync SYS_mincore SYS_mlock SYS_mlock2 SYS_munlock SYS_mlockall SYS_munlockall SYS_pkey_alloc
    SYS_pkey_free SYS_pkey_mprotect SYS_prctl SYS_close_range SYS_bind SYS_connect SYS_listen SYS_accept
    SYS_accept4 SYS_getsockname SYS_getpeername SYS_sendto SYS_recvfrom SYS_sendmsg SYS_recvmsg SYS_sendmmsg
    SYS_recvmmsg SYS_shutdown SYS_getsockopt SYS_setsockopt SYS_landlock_create_ruleset SYS_landlock_add_rule
    SYS_landlock_restrict_self SYS_get_mempolicy
};

/// The older names that this architecture still has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[libc::c_long] = numbers! {
    SYS_open SYS_stat SYS_lstat SYS_poll SYS_select SYS_access SYS_pipe SYS_dup2 SYS_fork SYS_vfork SYS_rename
    SYS_mkdir SYS_rmdir SYS_creat SYS_link SYS_unlink SYS_symlink SYS_readlink SYS_chmod SYS_chown SYS_lchown
    SYS_getdents SYS_utime SYS_utimes SYS_futimesat SYS_alarm SYS_pause SYS_time SYS_getpgrp SYS_epoll_create
    SYS_epoll_wait SYS_eventfd SYS_signalfd SYS_inotify_init SYS_renameat SYS_arch_prctl SYS_getrlimit SYS_setrlimit
    SYS_sync_file_range
};
#[cfg(target_arch = "aarch64")]
const ALLOWED_HERE: &[libc::c_long] = &[];

/// Refused as not permitted: mounts, other processes' memory, namespaces, keys, the kernel's own programs, the clock,
/// the machine.
const FORBIDDEN: &[libc::c_long] = numbers! {
    SYS_mount SYS_umount2 SYS_pivot_root SYS_chroot SYS_fsopen SYS_fsconfig SYS_fsmount SYS_fspick SYS_open_tree
    SYS_move_mount SYS_mount_setattr SYS_ptrace SYS_process_vm_readv SYS_process_vm_writev SYS_process_madvise
    SYS_process_mrelease SYS_pidfd_getfd SYS_kcmp SYS_unshare SYS_setns SYS_keyctl SYS_add_key SYS_request_key SYS_bpf
    SYS_perf_event_open SYS_userfaultfd SYS_seccomp SYS_name_to_handle_at SYS_open_by_handle_at SYS_init_module
    SYS_finit_module SYS_delete_module SYS_kexec_load SYS_reboot SYS_swapon SYS_swapoff SYS_acct SYS_quotactl
    SYS_quotactl_fd SYS_sethostname SYS_setdomainname SYS_settimeofday SYS_clock_settime SYS_adjtimex
    SYS_clock_adjtime SYS_syslog SYS_vhangup SYS_fanotify_init SYS_fanotify_mark SYS_lookup_dcookie SYS_mbind
    SYS_set_mempolicy SYS_migrate_pages SYS_move_pages SYS_setgroups SYS_shmget SYS_shmat SYS_shmctl SYS_shmdt
    SYS_msgget SYS_msgsnd SYS_msgrcv SYS_msgctl SYS_semget SYS_semop SYS_semctl SYS_semtimedop SYS_mq_open
    SYS_mq_unlink SYS_mq_timedsend SYS_mq_timedreceive SYS_mq_notify SYS_mq_getsetattr SYS_memfd_create
    SYS_memfd_secret SYS_setxattr SYS_lsetxattr SYS_fsetxattr SYS_mknodat SYS_io_setup SYS_io_submit
    SYS_io_cancel SYS_io_destroy SYS_io_getevents SYS_sched_setscheduler SYS_sched_setparam SYS_sched_setattr
    SYS_ioprio_set SYS_set_mempolicy_home_node SYS_io_uring_setup SYS_io_uring_enter SYS_io_uring_register
};
#[cfg(target_arch = "x86_64")]
const FORBIDDEN_HERE: &[libc::c_long] = numbers! {
    SYS_kexec_file_load SYS_iopl SYS_ioperm SYS_modify_ldt SYS_mknod SYS_uselib SYS_ustat SYS_sysfs SYS__sysctl
};
#[cfg(target_arch = "aarch64")]
const FORBIDDEN_HERE: &[libc::c_long] = numbers! { SYS_kexec_file_load };

/// Refused too where there are no namespaces. They come before the allowed ones.
const FORBIDDEN_OUTSIDE: &[libc::c_long] = numbers! {
    SYS_kill SYS_tkill SYS_tgkill SYS_rt_sigqueueinfo SYS_rt_tgsigqueueinfo SYS_pidfd_send_signal SYS_setsid SYS_setpgid
    SYS_setpriority SYS_sched_setaffinity SYS_fchmodat SYS_fchownat SYS_utimensat SYS_connect SYS_bind
};
#[cfg(target_arch = "x86_64")]
const FORBIDDEN_OUTSIDE_HERE: &[libc::c_long] = numbers! {
    SYS_chmod SYS_chown SYS_lchown SYS_utime SYS_utimes SYS_futimesat
};
#[cfg(target_arch = "aarch64")]
const FORBIDDEN_OUTSIDE_HERE: &[libc::c_long] = &[];
/// Of `fcntl`: whom a file signals, and how.
const SIGNALS_BY_FILE: [u32; 3] = [8, 10, 15];

/// The filter as the bytes of `struct sock_filter[]`.
pub(super) fn program(sockets: Sockets) -> Vec<sock_filter> {
    let mut code = vec![
        load(ARCHITECTURE_AT),
        jump(JUMP_IF_EQUAL, ARCHITECTURE, 1, 0),
        answer(refuse(libc::ENOSYS)),
        load(NUMBER_AT),
    ];
    // The other numbering of the same architecture, and numbers that are none.
    code.extend([jump(JUMP_IF_AT_LEAST, 0x4000_0000, 0, 1), answer(refuse(libc::ENOSYS))]);
    if sockets == Sockets::None {
        for number in FORBIDDEN_OUTSIDE.iter().chain(FORBIDDEN_OUTSIDE_HERE) {
            code.extend(on(*number, &[answer(refuse(libc::EPERM))]));
        }
        code.extend(on(libc::SYS_fcntl, &all_but(1, &SIGNALS_BY_FILE)));
    }
    for number in ALLOWED.iter().chain(ALLOWED_HERE) {
        code.extend(on(*number, &[answer(ALLOW)]));
    }
    for number in FORBIDDEN.iter().chain(FORBIDDEN_HERE) {
        code.extend(on(*number, &[answer(refuse(libc::EPERM))]));
    }
    // Its flags lie in memory where no filter can look; the C library then uses `clone`.
    code.extend(on(libc::SYS_clone3, &[answer(refuse(libc::ENOSYS))]));
    let clone = [
        load(argument_at(0)),
        jump(JUMP_IF_ANY_BIT, CLONE_FORBIDDEN, 0, 1),
        answer(refuse(libc::EPERM)),
        answer(ALLOW),
    ];
    code.extend(on(libc::SYS_clone, &clone));
    // Its own limits only: the first process of a cell may have the same uid.
    code.extend(on(libc::SYS_prlimit64, &only(0, &[0])));
    code.extend(on(libc::SYS_ioctl, &all_but(1, &FORBIDDEN_REQUESTS)));
    code.extend(on(libc::SYS_personality, &only(0, &PERSONALITIES)));
    let families: &[i32] = match sockets {
        Sockets::None => &[],
        Sockets::Local => &[libc::AF_UNIX],
        Sockets::Internet => &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6],
    };
    let families: Vec<u32> = families.iter().map(|family| family.unsigned_abs()).collect();
    code.extend(on(libc::SYS_socket, &only(0, &families)));
    code.extend(on(libc::SYS_socketpair, &only(0, &[libc::AF_UNIX.unsigned_abs()])));
    code.push(answer(refuse(libc::ENOSYS)));
    code
}

/// Puts the calling process under the filter, with all that it will start. It cannot be taken off.
pub(super) fn install(program: &mut [sock_filter]) -> Outcome {
    let length = u16::try_from(program.len()).context("the filter is too long")?;
    let described = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: the description points to a filter of that length, which outlives the call; the kernel copies it.
    let done = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const described) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()).context("install the system call filter") }
}

/// The filter's bytes, for who installs it without this code.
pub(super) fn bytes(sockets: Sockets) -> Vec<u8> {
    let instructions = program(sockets);
    let bytes = instructions.iter().flat_map(|one| {
        let [low, high] = one.code.to_ne_bytes();
        let [a, b, c, d] = one.k.to_ne_bytes();
        [low, high, one.jt, one.jf, a, b, c, d]
    });
    bytes.collect()
}

/// These instructions for this call; the number is loaded and still is, if it is another.
fn on(number: libc::c_long, then: &[sock_filter]) -> Vec<sock_filter> {
    let skipped = u8::try_from(then.len()).unwrap_or(u8::MAX);
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    let mut code = vec![jump(JUMP_IF_EQUAL, number, 0, skipped)];
    code.extend_from_slice(then);
    code
}

/// Allowed if the argument is one of these.
fn only(argument: u32, values: &[u32]) -> Vec<sock_filter> {
    matched(argument, values, ALLOW, refuse(libc::EPERM))
}

/// Allowed unless the argument is one of these.
fn all_but(argument: u32, values: &[u32]) -> Vec<sock_filter> {
    matched(argument, values, refuse(libc::EPERM), ALLOW)
}

fn matched(argument: u32, values: &[u32], then: u32, otherwise: u32) -> Vec<sock_filter> {
    let mut code = vec![load(argument_at(argument))];
    for value in values {
        code.extend([jump(JUMP_IF_EQUAL, *value, 0, 1), answer(then)]);
    }
    code.push(answer(otherwise));
    code
}

fn load(at: u32) -> sock_filter {
    sock_filter { code: LOAD, jt: 0, jf: 0, k: at }
}

fn jump(code: u16, value: u32, then: u8, otherwise: u8) -> sock_filter {
    sock_filter { code, jt: then, jf: otherwise, k: value }
}

fn answer(value: u32) -> sock_filter {
    sock_filter { code: RETURN, jt: 0, jf: 0, k: value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_on_two_lists() {
        let mut all: Vec<_> = [ALLOWED, ALLOWED_HERE, FORBIDDEN, FORBIDDEN_HERE].concat();
        all.extend([
            libc::SYS_clone,
            libc::SYS_clone3,
            libc::SYS_ioctl,
            libc::SYS_personality,
            libc::SYS_socket,
        ]);
        all.sort_unstable();
        let twice: Vec<_> = all.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn the_filter_is_within_what_the_kernel_takes() {
        assert!(program(Sockets::Internet).len() <= 4096);
    }
}
