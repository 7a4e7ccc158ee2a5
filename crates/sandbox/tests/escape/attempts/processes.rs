//! Other processes: seeing them, signalling them, reading and steering them.

use super::{Attempt, Control, NONE};

pub(crate) const ALL: &[Attempt] = &[
    Attempt {
        name: "see others",
        tries: "looks for processes that are not its own",
        stopped_by: "pid namespace, hidepid",
        python: "def go(): return [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]",
        bash: "go() { ls -d /proc/@PID@; }",
        ..NONE
    },
    Attempt {
        name: "signal the runner",
        tries: "sends a signal to the process that it runs for",
        stopped_by: "pid namespace",
        python: "def go():\n    os.kill(@PID@, 0)\n    return True",
        bash: "go() { kill -0 @PID@; }",
        ..NONE
    },
    Attempt {
        name: "signal the cell",
        tries: "kills the first process of its pid namespace",
        stopped_by: "another uid, pid namespace",
        python: "def go():
    import time
    os.kill(@FIRST@, @SIGNAL@)
    time.sleep(0.2)
    return not @SIGNAL@",
        bash: "go() { kill -@SIGNAL@ @FIRST@ && sleep 0.2 && [ @SIGNAL@ = 0 ]; }",
        ..NONE
    },
    Attempt {
        name: "signal the parent",
        tries: "sends a signal to what forked it",
        stopped_by: "pid namespace",
        python: "def go():\n    os.kill(os.getppid() or 2**22 + 1, 0)\n    return True",
        ..NONE
    },
    Attempt {
        name: "environment of the first",
        tries: "reads `/proc/1/environ`",
        stopped_by: "another uid, hidepid",
        python: "def go(): return open('/proc/@FIRST@/environ', 'rb').read()",
        bash: "go() { grep -q . /proc/@FIRST@/environ; }",
        ..NONE
    },
    Attempt {
        name: "root of the first",
        tries: "lists `/proc/1/root`",
        stopped_by: "another uid, hidepid",
        python: "def go(): return os.listdir('/proc/@FIRST@/root')",
        bash: "go() { ls /proc/@FIRST@/root/; }",
        ..NONE
    },
    Attempt {
        name: "working folder of the first",
        tries: "lists `/proc/1/cwd`",
        stopped_by: "another uid, hidepid",
        python: "def go(): return os.listdir('/proc/@FIRST@/cwd')",
        bash: "go() { ls /proc/@FIRST@/cwd/; }",
        ..NONE
    },
    Attempt {
        name: "descriptors of the first",
        tries: "lists `/proc/1/fd`",
        stopped_by: "another uid, hidepid",
        python: "def go(): return os.listdir('/proc/@FIRST@/fd')",
        bash: "go() { [ -n \"$(ls /proc/@FIRST@/fd)\" ]; }",
        ..NONE
    },
    Attempt {
        name: "memory of the first",
        tries: "opens `/proc/1/mem`",
        stopped_by: "another uid, hidepid",
        python: "def go(): return open('/proc/@FIRST@/mem', 'rb')",
        bash: "go() { exec 9</proc/@FIRST@/mem; }",
        ..NONE
    },
    Attempt {
        name: "limits of the first",
        tries: "changes limits of another process with `prlimit`",
        stopped_by: "seccomp, another uid",
        python: "def go():\n    import resource\n    return resource.prlimit(@FIRST@, resource.RLIMIT_NOFILE)",
        ..NONE
    },
    Attempt {
        name: "ptrace a child",
        tries: "attaches to a process of its own",
        stopped_by: "seccomp",
        python: "def go():
    child = os.fork()
    if not child:
        import time
        time.sleep(5)
        os._exit(0)
    try:
        call(@SYS_ptrace@, 16, child, 0, 0)
        return True
    finally:
        os.kill(child, 9)",
        ..NONE
    },
    Attempt {
        name: "ptrace by the parent",
        tries: "asks to be traced",
        stopped_by: "seccomp",
        python: "def go():
    child = os.fork()
    if not child:
        os._exit(0 if libc.syscall(@SYS_ptrace@, 0, 0, 0, 0) == 0 else 1)
    return os.waitpid(child, 0)[1] == 0",
        ..NONE
    },
    Attempt {
        name: "read another's memory",
        tries: "calls `process_vm_readv`",
        stopped_by: "seccomp",
        python: "def go():
    data = ctypes.create_string_buffer(b'x', 1)
    part = (ctypes.c_ulong * 2)(ctypes.addressof(data), 1)
    return call(@SYS_process_vm_readv@, os.getpid(), part, 1, part, 1, 0)",
        ..NONE
    },
    Attempt {
        name: "write another's memory",
        tries: "calls `process_vm_writev`",
        stopped_by: "seccomp",
        python: "def go():
    data = ctypes.create_string_buffer(b'x', 1)
    part = (ctypes.c_ulong * 2)(ctypes.addressof(data), 1)
    return call(@SYS_process_vm_writev@, os.getpid(), part, 1, part, 1, 0)",
        ..NONE
    },
    Attempt {
        name: "steal a descriptor",
        tries: "takes a descriptor of another process with `pidfd_getfd`",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_pidfd_getfd@, call(@SYS_pidfd_open@, os.getpid(), 0), 0, 0) + 1",
        ..NONE
    },
    Attempt {
        name: "write to /proc",
        tries: "makes itself less likely to be killed when memory is short",
        stopped_by: "read-only /proc",
        python: "def go():
    with open('/proc/self/oom_score_adj') as file:
        now = file.read()
    with open('/proc/self/oom_score_adj', 'w') as file:
        file.write(now)
    return True",
        bash: "go() { local now; now=$(cat /proc/self/oom_score_adj); echo \"$now\" >/proc/self/oom_score_adj; }",
        ..NONE
    },
    Attempt {
        name: "real time",
        tries: "takes the processor for itself with a real-time priority",
        stopped_by: "seccomp, no capability",
        python: "def go():\n    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))\n    return True",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "higher priority",
        tries: "raises its priority above others",
        stopped_by: "no capability",
        python: "def go():\n    os.setpriority(os.PRIO_PROCESS, 0, -5)\n    return True",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "System V memory",
        tries: "makes shared memory that outlives it",
        stopped_by: "seccomp, ipc namespace",
        python: "def go():\n    made = call(@SYS_shmget@, 0, 4096, 0o1600)\n    libc.syscall(@SYS_shmctl@, made, 0, 0)\n    return True",
        ..NONE
    },
    Attempt {
        name: "System V queues",
        tries: "makes a message queue that outlives it",
        stopped_by: "seccomp, ipc namespace",
        python: "def go():\n    made = call(@SYS_msgget@, 0, 0o1600)\n    libc.syscall(@SYS_msgctl@, made, 0, 0)\n    return True",
        ..NONE
    },
    Attempt {
        name: "POSIX queues",
        tries: "opens a message queue",
        stopped_by: "seccomp, ipc namespace",
        python: "def go():\n    made = call(@SYS_mq_open@, b'nictate', 0o102, 0o600, 0)\n    libc.syscall(@SYS_mq_unlink@, b'nictate')\n    return made + 1",
        ..NONE
    },
];
