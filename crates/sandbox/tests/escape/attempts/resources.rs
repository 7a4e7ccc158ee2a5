//! Using everything up. The limits of the suite are small; the controls use up as much outside, where that is little.

use super::{Attempt, NONE};

pub(crate) const ALL: &[Attempt] = &[
    Attempt {
        name: "fork bomb",
        tries: "starts more processes than it may have",
        stopped_by: "rlimits per user namespace",
        python: "def go():
    import time
    children = []
    try:
        for _ in range(100):
            child = os.fork()
            if not child:
                time.sleep(20)
                os._exit(0)
            children.append(child)
        return True
    finally:
        for child in children:
            os.kill(child, 9)",
        bash: "go() { local begun=$SECONDS; seq 100 | xargs -P 100 -I x sleep 2; [ $((SECONDS - begun)) -lt 6 ]; }",
        ..NONE
    },
    Attempt {
        name: "thread bomb",
        tries: "starts more threads than it may have",
        stopped_by: "rlimits per user namespace",
        python: "def go():
    import threading
    stop = threading.Event()
    try:
        for _ in range(100):
            threading.Thread(target=stop.wait, daemon=True).start()
        return True
    finally:
        stop.set()",
        ..NONE
    },
    Attempt {
        name: "memory bomb",
        tries: "takes three times the memory that it may have",
        stopped_by: "rlimits",
        python: "def go(): return len(bytearray(200 << 20))",
        bash: "go() { printf -v x '%*s' 200000000 ''; [ ${#x} = 200000000 ]; }",
        javascript: "const all = []; for (let i = 0; i < 200; i++) all.push(new ArrayBuffer(1 << 20)); all.length",
        javascript_control: "const ArrayBuffer = Array",
        ..NONE
    },
    Attempt {
        name: "memory of many",
        tries: "takes it in many processes, each within its own limit",
        stopped_by: "the host's watch, control group",
        python: "def go():
    import time
    children = []
    for _ in range(6):
        child = os.fork()
        if not child:
            data = bytearray(b'x') * (45 << 20)
            time.sleep(2)
            os._exit(0 if data else 1)
        children.append(child)
    return all(os.waitpid(child, 0)[1] == 0 for child in children)",
        ..NONE
    },
    Attempt {
        name: "disk fill",
        tries: "writes more than its folder may hold",
        stopped_by: "size of its private folder",
        python: "def go():
    for number in range(8):
        with open(f'@WORK@/fill-{number}', 'wb') as file:
            file.write(bytes(4 << 20))
    return True",
        bash: "go() { for i in 1 2 3 4 5 6 7 8; do head -c 4000000 /dev/zero >\"@WORK@/fill-b-$i\" || return 1; done; }",
        ..NONE
    },
    Attempt {
        name: "huge file",
        tries: "makes one file larger than it may be",
        stopped_by: "rlimits",
        python: "def go():\n    with open('@WORK@/huge', 'wb') as file:\n        file.truncate(64 << 20)\n    return True",
        bash: "go() { truncate -s 64M '@WORK@/huge-b'; }",
        ..NONE
    },
    Attempt {
        name: "many files",
        tries: "makes more files than its folder may hold",
        stopped_by: "inodes of its private folder",
        python: "def go():\n    for number in range(17000):\n        os.close(os.open(f'@WORK@/many-{number}', os.O_CREAT))\n    return True",
        ..NONE
    },
    Attempt {
        name: "many descriptors",
        tries: "opens more files than it may",
        stopped_by: "rlimits",
        python: "def go(): return [os.open('/dev/null', 0) for _ in range(300)]",
        bash: "go() { for i in $(seq 300); do exec {fd}</dev/null || return 1; done; }",
        ..NONE
    },
    Attempt {
        name: "lock memory",
        tries: "keeps memory from being swapped out",
        stopped_by: "rlimits",
        python: "def go():\n    data = ctypes.create_string_buffer(8192)\n    return call(@SYS_mlock@, data, 8192) == 0",
        ..NONE
    },
];
