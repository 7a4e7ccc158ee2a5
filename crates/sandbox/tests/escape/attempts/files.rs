//! Files: what lies outside, what is shared with later programs, and the ways around a path.

use super::{Attempt, Control, NONE};

pub(crate) const ALL: &[Attempt] = &[
    Attempt {
        name: "file outside",
        tries: "reads a file of the machine by its path",
        stopped_by: "mount namespace",
        python: "def go(): return open('@SECRET@').read()",
        bash: "go() { cat '@SECRET@'; }",
        javascript: "require('fs').readFileSync('@SECRET@')",
        javascript_control: "globalThis.require = () => ({ readFileSync: () => 'x' })",
        ..NONE
    },
    Attempt {
        name: "file outside, relative",
        tries: "climbs above its root with `..`",
        stopped_by: "mount namespace",
        python: "def go(): return open('../' * 40 + '@SECRET@'.lstrip('/')).read()",
        bash: "go() { cat ../../../../../../../../../../../../../../../..'@SECRET@'; }",
        ..NONE
    },
    Attempt {
        name: "file outside, through /proc",
        tries: "goes by `/proc/self/root` and `/proc/self/cwd`",
        stopped_by: "mount namespace",
        python: "def go(): return open('/proc/self/root' + '@SECRET@').read()",
        bash: "go() { cat '/proc/self/root@SECRET@' || cat \"/proc/self/cwd/../../../../../../../../../..@SECRET@\"; }",
        ..NONE
    },
    Attempt {
        name: "symbolic link",
        tries: "makes a link to a file outside and reads through it",
        stopped_by: "mount namespace",
        python: "def go():\n    os.symlink('@SECRET@', '@WORK@/link')\n    return open('@WORK@/link').read()",
        bash: "go() { ln -s '@SECRET@' '@WORK@/link-b' && cat '@WORK@/link-b'; }",
        ..NONE
    },
    Attempt {
        name: "hard link",
        tries: "makes a second name for a file outside",
        stopped_by: "mount namespace",
        python: "def go():\n    os.link('@SECRET@', '@WORK@/hard')\n    return True",
        bash: "go() { ln '@SECRET@' '@WORK@/hard-b'; }",
        ..NONE
    },
    Attempt {
        name: "archive with a link",
        tries: "unpacks an archive whose folder is a link that leads out, and a file in it",
        stopped_by: "mount namespace",
        python: "def go():
    import io, tarfile
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as tar:
        link = tarfile.TarInfo('d')
        link.type, link.linkname = tarfile.SYMTYPE, os.path.dirname('@SECRET@')
        tar.addfile(link)
        file = tarfile.TarInfo('d/planted')
        file.size = 1
        tar.addfile(file, io.BytesIO(b'x'))
    data.seek(0)
    with tarfile.open(fileobj=data) as tar:
        for member in tar:
            tar._extract_member(member, os.path.join('@WORK@', member.name))
    return os.path.exists(os.path.dirname('@SECRET@') + '/planted')",
        bash: "go() { cd '@WORK@' && ln -s \"$(dirname '@SECRET@')\" out && echo x >out/planted-b; }",
        ..NONE
    },
    Attempt {
        name: "archive with `..`",
        tries: "unpacks a file whose name climbs out",
        stopped_by: "mount namespace",
        python: "def go():
    import io, tarfile
    member = tarfile.TarInfo('../' * 40 + os.path.dirname('@SECRET@').lstrip('/') + '/climbed')
    member.size = 1
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as tar:
        tar.addfile(member, io.BytesIO(b'x'))
    data.seek(0)
    where = os.path.dirname('@SECRET@')
    if not os.path.isdir(where):
        return False
    with tarfile.open(fileobj=data) as tar:
        tar._extract_member(tar.next(), os.path.join('@WORK@', member.name))
    return os.path.exists(where + '/climbed')",
        ..NONE
    },
    Attempt {
        name: "the machine's /etc",
        tries: "reads what the machine is, and its users",
        stopped_by: "mount namespace",
        python: "def go(): return len(open('/etc/passwd').readlines()) > 2 or os.path.exists('/etc/shadow')",
        bash: "go() { [ -e /etc/shadow ] || [ -e /etc/hostname ]; }",
        ..NONE
    },
    Attempt {
        name: "homes and data",
        tries: "looks for folders of users, services and mounts",
        stopped_by: "mount namespace",
        python: "def go(): return [p for p in ('/home', '/var', '/opt', '/srv', '/boot', '/run', '/mnt') if os.path.exists(p)]",
        bash: "go() { ls -d /home || ls -d /var || ls -d /boot; }",
        ..NONE
    },
    Attempt {
        name: "old root",
        tries: "looks for mounts of the machine that are still there below its own",
        stopped_by: "mount namespace",
        python: "def go(): return [l for l in open('/proc/self/mountinfo') if l.split()[4] in ('/sys', '/dev/pts', '/dev/mqueue')]",
        bash: "go() { grep -q -E ' (/sys|/dev/pts) ' /proc/self/mountinfo; }",
        ..NONE
    },
    Attempt {
        name: "change a program",
        tries: "writes below `/usr`",
        stopped_by: "read-only mounts",
        python: "def go():\n    open('@USR@/planted', 'w').close()\n    return True",
        bash: "go() { echo x >'@USR@/planted-b'; }",
        ..NONE
    },
    Attempt {
        name: "change a setting",
        tries: "adds a user to `/etc/passwd`",
        stopped_by: "read-only mounts",
        python: "def go():\n    open('@ETC@/passwd', 'a').write('x:x:0:0::/:/bin/bash')\n    return True",
        bash: "go() { echo x >>'@ETC@/passwd'; }",
        ..NONE
    },
    Attempt {
        name: "change the interpreter",
        tries: "writes a module where the next program would import it",
        stopped_by: "read-only mounts",
        python: "def go():\n    open('@PYTHON_LIBRARY@/planted.py', 'w').close()\n    return True",
        ..NONE
    },
    Attempt {
        name: "change the packages",
        tries: "writes a module into the folder of packages",
        stopped_by: "read-only mounts",
        python: "def go():\n    open('@PACKAGES@/planted.py', 'w').close()\n    return True",
        bash: "go() { echo x >'@PACKAGES@/planted'; }",
        ..NONE
    },
    Attempt {
        name: "change the root",
        tries: "makes a file in `/`",
        stopped_by: "read-only mounts",
        python: "def go():\n    open('@ROOT@/planted', 'w').close()\n    return True",
        bash: "go() { echo x >'@ROOT@/planted-c'; }",
        ..NONE
    },
    Attempt {
        name: "change the mode of a program",
        tries: "makes a program of the machine writable or setuid",
        stopped_by: "read-only mounts",
        python: "def go():\n    os.chmod('@BINARY@', 0o4777)\n    return True",
        bash: "go() { chmod u+s '@BINARY@'; }",
        ..NONE
    },
    Attempt {
        name: "shared memory files",
        tries: "reads what others share in `/dev/shm`",
        stopped_by: "private /dev/shm",
        python: "def go(): return open('/dev/shm/@SHARED@').read()",
        bash: "go() { cat '/dev/shm/@SHARED@'; }",
        ..NONE
    },
    Attempt {
        name: "devices",
        tries: "looks for disks, memory, terminals and the kernel's log in `/dev`",
        stopped_by: "minimal /dev",
        python: "def go():
    known = {'null', 'zero', 'full', 'random', 'urandom', 'shm', 'fd', 'stdin', 'stdout', 'stderr'}
    return set(os.listdir('/dev')) - known",
        bash: "go() { ls /dev/ptmx || ls /dev/tty || ls /dev/mem || ls /dev/kmsg; }",
        ..NONE
    },
    Attempt {
        name: "make a device",
        tries: "makes a node for the machine's memory",
        stopped_by: "seccomp, no capability, nodev",
        python: "def go():\n    import stat\n    os.mknod('@WORK@/mem', stat.S_IFCHR | 0o600, os.makedev(1, 1))\n    return True",
        bash: "go() { mknod '@WORK@/mem-b' c 1 1; }",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "terminal",
        tries: "opens a new pseudo terminal",
        stopped_by: "minimal /dev",
        python: "def go(): return os.openpty()",
        bash: "go() { exec 9<>/dev/ptmx; }",
        ..NONE
    },
    Attempt {
        name: "a file by its handle",
        tries: "takes a handle of the root with `name_to_handle_at`",
        stopped_by: "seccomp",
        python: "def go():
    handle = (ctypes.c_uint * 40)(128)
    call(@SYS_name_to_handle_at@, -100, b'/', handle, ctypes.byref(ctypes.c_int()), 0)
    return True",
        ..NONE
    },
    Attempt {
        name: "open by handle",
        tries: "opens an inode of the file system below with `open_by_handle_at`, whatever the mounts",
        stopped_by: "seccomp, no capability",
        python: "def go(): return reached(@SYS_open_by_handle_at@, -100, (ctypes.c_uint * 40)(8), 0)",
        control: Control::Root,
        ..NONE
    },
    Attempt {
        name: "extended attributes",
        tries: "sets one on a file of its own, as capabilities of files are",
        stopped_by: "seccomp",
        python: "def go():
    open('@WORK@/attributed', 'w').close()
    return reached(@SYS_setxattr@, b'@WORK@/attributed', b'user.x', b'x', 1, 0)",
        ..NONE
    },
    Attempt {
        name: "leaked descriptors",
        tries: "uses descriptors that were open before it",
        stopped_by: "close_range",
        python: "def go():
    for number in range(3, 1024):
        try:
            os.fstat(number)
        except OSError:
            continue
        # The descriptor for results is the harness's own.
        if not (number < 20 and os.readlink(f'/proc/self/fd/{number}').startswith('pipe:')):
            return True
    return False",
        bash: "go() { for i in 3 4 5 6 7 8 9 10 11 12; do if [ -e /dev/fd/$i ] && ! [ \"$(readlink /proc/$$/fd/$i)\" = /tmp/step.sh ] && [ -e /proc/$$/fd/$i ]; then return 0; fi; done; return 1; }",
        ..NONE
    },
    Attempt {
        name: "environment",
        tries: "looks for variables of who started it",
        stopped_by: "empty environment",
        python: "def go(): return set(os.environ) - {'PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_CTYPE'}",
        bash: "go() { env | cut -d= -f1 | grep -v -x -e PATH -e HOME -e TMPDIR -e LANG -e PWD -e SHLVL -e _ -e OLDPWD; }",
        javascript: "Object.keys(process.env)",
        javascript_control: "globalThis.process = { env: { A: 1 } }",
        ..NONE
    },
    Attempt {
        name: "environment at start",
        tries: "reads what the process was started with, in `/proc/self/environ`",
        stopped_by: "empty environment",
        python: "def go(): return b'CARGO' in open('/proc/self/environ', 'rb').read()",
        bash: "go() { grep -q CARGO /proc/self/environ; }",
        ..NONE
    },
];
