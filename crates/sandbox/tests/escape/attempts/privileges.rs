//! Privileges, mounts and namespaces.

use super::{Attempt, Control, NONE};

pub(crate) const ALL: &[Attempt] = &[
    Attempt {
        name: "become root",
        tries: "calls `setuid(0)`",
        stopped_by: "user namespace, no capability",
        python: "def go():\n    os.setuid(0)\n    return True",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "be root",
        tries: "looks whether it has uid or gid 0",
        stopped_by: "another uid",
        python: "def go(): return 0 in os.getresuid() + os.getresgid()",
        bash: "go() { [ \"$(id -u)\" = 0 ]; }",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "have a capability",
        tries: "looks for any capability in any of its sets",
        stopped_by: "dropped capabilities",
        python: "def go(): return any(int(l.split()[1], 16) for l in open('/proc/self/status') if l.startswith('Cap'))",
        bash: "go() { grep -q '^CapBnd:.*[1-9a-f]' /proc/self/status; }",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "take a capability",
        tries: "raises one with `capset`",
        stopped_by: "dropped capabilities",
        python: "def go():\n    call(@SYS_capset@, (ctypes.c_uint * 2)(0x20080522, 0), (ctypes.c_uint * 6)(1 << 21, 1 << 21, 0, 0, 0, 0))\n    return True",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "run setuid programs",
        tries: "looks whether a setuid program would get another uid",
        stopped_by: "nosuid, no_new_privs",
        python: "def go(): return 'NoNewPrivs:\\t0' in open('/proc/self/status').read() or not os.statvfs('/usr').f_flag & 2",
        bash: "go() { grep -q 'NoNewPrivs:.0' /proc/self/status; }",
        ..NONE
    },
    Attempt {
        name: "raise a limit",
        tries: "gives itself more descriptors than it may have",
        stopped_by: "no capability",
        python: "def go():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
    return True",
        bash: "go() { ulimit -n 400; }",
        ..NONE
    },
    Attempt {
        name: "dump its memory",
        tries: "looks whether it may leave a core dump",
        stopped_by: "rlimits",
        python: "def go():\n    import resource\n    return resource.getrlimit(resource.RLIMIT_CORE)[1]",
        bash: "go() { [ \"$(ulimit -Hc)\" != 0 ]; }",
        ..NONE
    },
    Attempt {
        name: "mount",
        tries: "mounts a file system",
        stopped_by: "seccomp, no capability",
        python: "def go(): return call(@SYS_mount@, b'x', b'@MOUNTPOINT@', b'tmpfs', 0, 0) == 0",
        bash: "go() { mount -t tmpfs x '@MOUNTPOINT@'; }",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "bind mount",
        tries: "mounts a folder over another",
        stopped_by: "seccomp, no capability",
        python: "def go(): return call(@SYS_mount@, b'@MOUNTPOINT@', b'/usr', 0, 4096, 0) == 0",
        bash: "go() { mount --bind '@MOUNTPOINT@' /usr; }",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "unmount",
        tries: "takes a mount away to see what lies below",
        stopped_by: "seccomp, no capability",
        python: "def go(): return call(@SYS_umount2@, b'@UNMOUNT@', 2) == 0",
        bash: "go() { umount -l '@UNMOUNT@'; }",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "make the root writable",
        tries: "mounts it again without read-only",
        stopped_by: "seccomp, locked mounts",
        python: "def go(): return reached(@SYS_mount@, 0, b'/', 0, 4096 | 32, 0)",
        bash: "go() { mount -o remount,bind,rw /proc; }",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "mount, the new way",
        tries: "opens a file system with `fsopen`",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_fsopen@, b'tmpfs', 0)",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "copy a tree of mounts",
        tries: "calls `open_tree`",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_open_tree@, -100, b'/', 0)",
        ..NONE
    },
    Attempt {
        name: "move a mount",
        tries: "calls `move_mount`",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_move_mount@, -1, b'', -1, b'', 4)",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "change a mount's attributes",
        tries: "calls `mount_setattr`",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_mount_setattr@, -100, b'/', 0, (ctypes.c_ulong * 4)(), 32)",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "chroot",
        tries: "changes its root and climbs out",
        stopped_by: "seccomp, no capability",
        python: "def go():\n    os.chroot('@MOUNTPOINT@')\n    return True",
        bash: "go() { chroot / true; }",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "pivot_root",
        tries: "puts another root in place",
        stopped_by: "seccomp, no capability",
        python: "def go(): return reached(@SYS_pivot_root@, b'.', b'.')",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "nested user namespace",
        tries: "gets all rights in a new user namespace with `unshare`",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_unshare@, 0x10000000) == 0",
        bash: "go() { unshare -U true; }",
        ..NONE
    },
    Attempt {
        name: "nested by clone",
        tries: "gets all rights in a new user namespace with `clone`",
        stopped_by: "seccomp",
        python: "def go():
    pid = call(@SYS_clone@, 0x10000000 | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return True",
        ..NONE
    },
    Attempt {
        name: "nested by clone3",
        tries: "gets all rights with `clone3`, whose flags no filter can see",
        stopped_by: "seccomp",
        python: "def go():
    pid = call(@SYS_clone3@, (ctypes.c_ulong * 8)(0x10000000, 0, 0, 0, 17, 0, 0, 0), 64)
    if pid == 0:
        os._exit(0)
    return True",
        ..NONE
    },
    Attempt {
        name: "a child of the parent",
        tries: "makes a child of what forked it with `CLONE_PARENT`",
        stopped_by: "seccomp",
        python: "def go():
    pid = call(@SYS_clone@, 0x8000 | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return True",
        ..NONE
    },
    Attempt {
        name: "new network namespace",
        tries: "makes a network namespace of its own by `unshare`",
        stopped_by: "seccomp, no capability",
        python: "def go(): return call(@SYS_unshare@, 0x40000000) == 0",
        bash: "go() { unshare -n true; }",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "enter a namespace",
        tries: "calls `setns`",
        stopped_by: "seccomp, no capability",
        python: "def go(): return call(@SYS_setns@, os.open('/proc/self/ns/uts', 0), 0) == 0",
        bash: "go() { nsenter -u/proc/self/ns/uts true; }",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "host name",
        tries: "changes the host name",
        stopped_by: "seccomp, uts namespace",
        python: "def go(): return call(@SYS_sethostname@, b'x', 1) == 0",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "groups",
        tries: "joins other groups",
        stopped_by: "seccomp, no capability",
        python: "def go(): return reached(@SYS_setgroups@, 1, (ctypes.c_uint * 1)(0))",
        control: Control::Root,
        ..NONE
    },
];
