//! The kernel's less known doors.

use super::{Attempt, Control, NONE};

pub(crate) const ALL: &[Attempt] = &[
    Attempt {
        name: "kernel settings",
        tries: "reads and writes below `/proc/sys`",
        stopped_by: "/proc of the pid namespace alone",
        python: "def go(): return open('/proc/sys/kernel/core_pattern').read()",
        bash: "go() { cat /proc/sys/kernel/core_pattern; }",
        ..NONE
    },
    Attempt {
        name: "kernel facts",
        tries: "reads how the kernel was started",
        stopped_by: "/proc of the pid namespace alone",
        python: "def go(): return open('/proc/cmdline').read()",
        bash: "go() { cat /proc/cmdline; }",
        ..NONE
    },
    Attempt {
        name: "kernel memory",
        tries: "looks for `/proc/kcore` and `/proc/kallsyms`",
        stopped_by: "/proc of the pid namespace alone",
        python: "def go(): return os.path.exists('/proc/kcore') or os.path.exists('/proc/kallsyms')",
        bash: "go() { ls /proc/kcore || ls /proc/kallsyms; }",
        ..NONE
    },
    Attempt {
        name: "/sys",
        tries: "lists `/sys`",
        stopped_by: "mount namespace",
        python: "def go(): return os.listdir('/sys')",
        bash: "go() { ls /sys; }",
        ..NONE
    },
    Attempt {
        name: "control groups",
        tries: "looks for a control group to leave its own by",
        stopped_by: "mount namespace",
        python: "def go(): return os.path.exists('/sys/fs/cgroup')",
        bash: "go() { ls /sys/fs/cgroup; }",
        ..NONE
    },
    Attempt {
        name: "session keyring",
        tries: "finds the keyring that it inherited",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_keyctl@, 0, -3, 1)",
        ..NONE
    },
    Attempt {
        name: "add a key",
        tries: "leaves a key in a keyring",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_add_key@, b'user', b'nictate-test', b'x', 1, -2)",
        ..NONE
    },
    Attempt {
        name: "request a key",
        tries: "asks for a key of others",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_request_key@, b'user', b'nictate-nothing', 0, 0)",
        ..NONE
    },
    Attempt {
        name: "bpf",
        tries: "makes a map of the kernel's programs",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_bpf@, 0, (ctypes.c_uint * 32)(2, 4, 4, 1), 72)",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "perf",
        tries: "opens a counter of events",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_perf_event_open@, (ctypes.c_ulong * 16)(0x8000000001, 0), 0, -1, -1, 0)",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "io_uring",
        tries: "sets up a ring whose calls no filter sees",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_io_uring_setup@, 1, (ctypes.c_uint * 32)())",
        ..NONE
    },
    Attempt {
        name: "io_uring, a given one",
        tries: "enters a ring that it may have been left",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_io_uring_enter@, -1, 0, 0, 0, 0, 0)",
        ..NONE
    },
    Attempt {
        name: "old asynchronous I/O",
        tries: "sets up a context with `io_setup`",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_io_setup@, 1, ctypes.byref(ctypes.c_ulong(0))) == 0",
        ..NONE
    },
    Attempt {
        name: "userfaultfd",
        tries: "stops the kernel in the middle of a copy",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_userfaultfd@, 1)",
        ..NONE
    },
    Attempt {
        name: "memory file",
        tries: "holds memory in a file without a name, which no limit counts",
        stopped_by: "seccomp",
        python: "def go(): return os.memfd_create('x')",
        ..NONE
    },
    Attempt {
        name: "kernel module",
        tries: "loads a module",
        stopped_by: "seccomp, no capability",
        python: "def go(): return reached(@SYS_finit_module@, -1, b'', 0)",
        control: Control::RootIf("/proc/modules"),
        ..NONE
    },
    Attempt {
        name: "another kernel",
        tries: "calls `reboot`",
        stopped_by: "seccomp, pid namespace",
        python: "def go(): return reached(@SYS_reboot@, 0, 0, 0, 0)",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "swap",
        tries: "makes a file of its own swap space",
        stopped_by: "seccomp, no capability",
        python: "def go(): return reached(@SYS_swapon@, b'/nowhere', 0)",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "the clock",
        tries: "calls `adjtimex`",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_adjtimex@, (ctypes.c_ulong * 40)()) >= 0",
        ..NONE
    },
    Attempt {
        name: "the kernel's log",
        tries: "reads what the kernel said",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_syslog@, 10, 0, 0)",
        bash: "go() { dmesg; }",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "watch all files",
        tries: "calls `fanotify_init`",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_fanotify_init@, 0, 0)",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "quotas",
        tries: "calls `quotactl`",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_quotactl@, 0x800007 << 8, b'/nowhere', 0, 0)",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "personality",
        tries: "switches off what makes addresses hard to guess",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_personality@, 0x0040000) >= 0",
        ..NONE
    },
    Attempt {
        name: "type into a terminal",
        tries: "pushes a command into a terminal's input with `TIOCSTI`",
        stopped_by: "seccomp, own session",
        python: "def go(): return reached(@SYS_ioctl@, 0, 0x5412, b'x')",
        ..NONE
    },
    Attempt {
        name: "type into a console",
        tries: "pastes with `TIOCLINUX`",
        stopped_by: "seccomp, own session",
        python: "def go(): return reached(@SYS_ioctl@, 0, 0x541C, b'\\x03')",
        ..NONE
    },
    Attempt {
        name: "line discipline",
        tries: "loads a driver with `TIOCSETD`",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_ioctl@, 0, 0x5423, b'\\x03\\0\\0\\0')",
        ..NONE
    },
    Attempt {
        name: "signals of a socket",
        tries: "has a socket signal another process, with `FIOSETOWN`",
        stopped_by: "seccomp",
        python: "def go():
    import socket
    one, other = socket.socketpair()
    return call(@SYS_ioctl@, one.fileno(), 0x8901, ctypes.byref(ctypes.c_int(os.getpid()))) == 0",
        ..NONE
    },
    Attempt {
        name: "the high half",
        tries: "hides a forbidden request in the upper half of an argument",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_ioctl@, 0, ctypes.c_ulong(0xFFFFFFFF00005412), b'x')",
        ..NONE
    },
    Attempt {
        name: "own filter",
        tries: "asks for the other face of the filter with `seccomp`",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_seccomp@, 2, 0, ctypes.byref(ctypes.c_uint(0x7FFF0000))) == 0",
        ..NONE
    },
    Attempt {
        name: "page placement",
        tries: "calls `migrate_pages` and `move_pages`",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_move_pages@, 0, 0, 0, 0, 0, 0)",
        ..NONE
    },
];
