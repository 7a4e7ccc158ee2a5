"""The warm Python interpreter. The host starts it once, with one socket as descriptor 3; it loads common modules and
the prelude, and then forks itself for each cell. The fork moves into the cell's namespaces, gives up its rights, is
put under file rules and the filter for system calls, and only then waits for a program.

It has one thread, no secret and no data of any step; what a program could find of it in its memory is this text.
"""

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import traceback

import base64, collections, copy, datetime, decimal, enum, functools, hashlib, hmac, html, io, ipaddress  # noqa: E401
import itertools, math, operator, random, re, statistics, string, textwrap, time, types, typing  # noqa: E401
import urllib.parse, uuid, warnings  # noqa: E401

CONTROL = 3
CONFINED = b"confined"
DESCRIPTORS_MAX = 256
PACKET_BYTES_MAX = 32 * 1024
TRACE_CHARS_MAX = 16 * 1024
WORK = "/tmp/work"

CLONE_NEWPID = 0x20000000
NAMESPACES = (0x10000000, 0x00020000, 0x40000000, 0x08000000, 0x04000000)  # user, mnt, net, ipc, uts
PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_NO_NEW_PRIVS = 38
PR_SET_CHILD_SUBREAPER = 36
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
SECCOMP_MODE_FILTER = 2
SECURE_BITS = 0b11101111
SYS_LANDLOCK_RESTRICT_SELF = 446

libc = ctypes.CDLL(None, use_errno=True)


def checked(what, outcome):
    if outcome < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{what}: {os.strerror(errno)}")
    return outcome


def prctl(what, option, value=0):
    zero = ctypes.c_ulong(0)
    checked(what, libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero))


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def filter_of(code):
    buffer = ctypes.create_string_buffer(code, len(code))
    description = Filter(len(code) // 8, ctypes.addressof(buffer))
    return buffer, description, ctypes.pointer(description)


def read_all(descriptor):
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        return file.read()


def drop_rights(uid, powerless):
    """`powerless` is who has no rights over uids and capabilities outside of a namespace, and so none to drop."""
    os.setsid()
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, DESCRIPTORS_MAX),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_RTPRIO, 0),
        (resource.RLIMIT_SIGPENDING, DESCRIPTORS_MAX),
    ):
        resource.setrlimit(kind, (most, most))
    prctl("refuse new privileges", PR_SET_NO_NEW_PRIVS, 1)
    prctl("clear ambient capabilities", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    capability = 0
    try:
        while True:
            prctl("drop a capability", PR_CAPBSET_DROP, capability)
            capability += 1
    except OSError:
        if capability < 32 and not powerless:
            raise
    try:
        prctl("lock the secure bits", PR_SET_SECUREBITS, SECURE_BITS)
    except OSError:
        if not powerless:
            raise
    try:
        os.setgroups([])
    except OSError:
        pass
    if uid is not None:
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    checked("drop the capabilities", libc.capset(header, nothing))
    # Forgotten by the kernel when the uid changes.
    prctl("tie to the parent", PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(namespaces, step, rules, program, uid):
    """Moves into the cell for good. Afterwards the only descriptors are the three standard ones and the step's socket."""
    try:
        # Killed first when memory is short; here, because the cell's own /proc is read-only.
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass
    for kind, descriptor in zip(NAMESPACES, namespaces):
        checked("enter a namespace", libc.setns(descriptor, kind))
    drop_rights(uid, uid is None)
    if rules is not None:
        checked("take on the file rules", libc.syscall(SYS_LANDLOCK_RESTRICT_SELF, rules, 0))
    os.dup2(step, CONTROL, inheritable=False)
    os.closerange(CONTROL + 1, 4096)
    mode = ctypes.c_ulong(SECCOMP_MODE_FILTER)
    checked("install the system call filter", libc.prctl(ctypes.c_int(PR_SET_SECCOMP), mode, program))


def limit(go, mapped_bytes):
    memory = go["memory_bytes"] + mapped_bytes
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (go["file_bytes"], go["file_bytes"]))
    resource.setrlimit(resource.RLIMIT_NPROC, (go["processes"], go["processes"]))
    resource.setrlimit(resource.RLIMIT_CPU, (go["cpu_s"], go["cpu_s"] + 1))


def parse(payload):
    code, context, count = struct.unpack_from("<QQQ", payload)
    sizes = struct.unpack_from(f"<{2 * count}Q", payload, 24)
    at = 24 + 16 * count
    parts = []
    for size in (code, context, *sizes):
        parts.append(payload[at : at + size])
        at += size
    names = [name.decode() for name in parts[2::2]]
    return parts[0].decode(), parts[1], zip(names, parts[3::2])


def put_files(files):
    for name, content in files:
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(name, "wb") as file:
            file.write(content)


def trace(error):
    """Kind and message in one line, and the frames from the first one of the user's code on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != "<step>":
        frames = frames.tb_next
    message = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[-1]
    text = "".join(traceback.format_exception(type(error), error, frames))
    return json.dumps({"message": message[:TRACE_CHARS_MAX], "traceback": text[-TRACE_CHARS_MAX:]}).encode()


def finish(code):
    """Waits for the program's threads as an interpreter does at its end, and says all that was printed."""
    try:
        threading._shutdown()
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass
    os._exit(code)


def write_all(descriptor, data):
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def run_program(prelude_run, code, context, result):
    try:
        returned = prelude_run(code, context)
        frame = b"N" if returned is None else b"R" + bytes(returned)
    except SystemExit as error:
        status = error.code
        if status is None:
            finish(0)
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
        finish(status & 0xFF)
    except MemoryError:
        frame = b"M"
    except BaseException as error:
        frame = b"E" + trace(error)
    try:
        write_all(result, frame)
        os.close(result)
    except OSError:
        pass
    finish(0)


def be_step(prelude_run, mapped_bytes, work):
    """In the fork, confined: waits for a program, and is it."""
    control = socket.socket(fileno=CONTROL)
    control.send(CONFINED)
    message, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES_MAX, 4)
    if not message:
        os._exit(0)
    control.close()
    go = json.loads(message)
    program, stdout, stderr, result = descriptors
    try:
        code, context, files = parse(read_all(program))
        null = os.open("/dev/null", os.O_RDONLY)
        for descriptor, place in ((null, 0), (stdout, 1), (stderr, 2)):
            os.dup2(descriptor, place)
            os.close(descriptor)
        os.chdir(work)
        put_files(files)
        if go["packages"]:
            sys.path.insert(0, go["packages"])
        if go["guarded"]:
            for name in ("http_proxy", "https_proxy"):
                os.environ[name] = "http://127.0.0.1:3128"
        limit(go, mapped_bytes)
    except BaseException as error:
        write_all(result, b"F" + str(error).encode())
        os._exit(1)
    run_program(prelude_run, code, context, result)


def load(prelude):
    names = {"__name__": "prelude"}
    exec(compile(prelude, "<prelude>", "exec"), names)
    return names["run"]


def reap(control):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        ended = {"Signaled": os.WTERMSIG(status)} if os.WIFSIGNALED(status) else {"Exited": os.WEXITSTATUS(status)}
        control.send(json.dumps({"Ended": {"pid": pid, "status": ended}}).encode())


def main():
    control = socket.socket(fileno=CONTROL)
    _, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES_MAX, 4)
    prelude, *filters = (read_all(descriptor) for descriptor in descriptors)
    filters = [filter_of(code) for code in filters]
    prelude_run = load(prelude.decode())
    os.environ.update({"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": WORK, "TMPDIR": "/tmp", "LANG": "C.UTF-8"})
    sys.stdout.reconfigure(line_buffering=True)
    sys.argv = ["step"]
    with open("/proc/self/statm") as file:
        mapped_bytes = int(file.read().split()[0]) * resource.getpagesize()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    gc.collect()
    gc.freeze()
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if woken in ready:
            os.read(woken, 4096)
            reap(control)
        if control.fileno() not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES_MAX, 8)
        if not message:
            os._exit(0)
        order = json.loads(message)
        rules = descriptors[-1] if order["rules"] else None
        *namespaces, step = descriptors[:-1] if order["rules"] else descriptors
        try:
            if namespaces:
                # Counts for the next fork only; this process stays where it is.
                checked("enter the pid namespace", libc.setns(namespaces.pop(), CLONE_NEWPID))
            pid = os.fork()
        except OSError as error:
            control.send(json.dumps({"Refused": {"cell": order["cell"], "why": str(error)}}).encode())
            pid = -1
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.detach()
                work = WORK
                if order["folder"]:
                    work = os.path.join(order["folder"], "work")
                    prctl("inherit orphans", PR_SET_CHILD_SUBREAPER, 1)
                    os.environ.update({"HOME": work, "TMPDIR": order["folder"]})
                confine(namespaces, step, rules, filters[order["filter"]][2], order["uid"])
                be_step(prelude_run, mapped_bytes, work)
            except BaseException as error:
                os.write(2, f"a program's process: {error}\n".encode())
            finally:
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)
        if pid > 0:
            control.send(json.dumps({"Forked": {"cell": order["cell"], "pid": pid}}).encode())


main()
