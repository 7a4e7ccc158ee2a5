//! The network: everything that has an address. Where a target may not exist on the machine of the test, the control
//! aims the same code at one that does.

use super::{Attempt, Control, NONE};

pub(crate) const ALL: &[Attempt] = &[
    Attempt {
        name: "loopback",
        tries: "connects to a service on the machine's own address",
        stopped_by: "network namespace, seccomp",
        python: "def go():\n    import socket\n    return socket.create_connection(('127.0.0.1', @PORT@), 2)",
        bash: "go() { exec 9<>/dev/tcp/127.0.0.1/@PORT@; }",
        javascript: "fetch('http://127.0.0.1:@PORT@')",
        javascript_control: "globalThis.fetch = () => 1",
        ..NONE
    },
    Attempt {
        name: "metadata service",
        tries: "asks the cloud for its credentials",
        stopped_by: "network namespace, seccomp",
        python: "def go():\n    import socket\n    return socket.create_connection(('@METADATA@', @METADATA_PORT@), 2)",
        bash: "go() { exec 9<>/dev/tcp/@METADATA@/@METADATA_PORT@; }",
        ..NONE
    },
    Attempt {
        name: "the internet",
        tries: "connects to a public address",
        stopped_by: "network namespace, seccomp",
        python: "def go():\n    import urllib.request\n    return urllib.request.urlopen('http://@PUBLIC@/', timeout=2).status",
        bash: "go() { exec 9<>/dev/tcp/@PUBLIC_HOST@/@PUBLIC_PORT@; }",
        ..NONE
    },
    Attempt {
        name: "datagrams",
        tries: "sends a datagram, as to a name server",
        stopped_by: "network namespace, seccomp",
        python: "def go():\n    import socket\n    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @PORT@))",
        bash: "go() { echo x >/dev/udp/127.0.0.1/@PORT@; }",
        ..NONE
    },
    Attempt {
        name: "IPv6",
        tries: "makes a socket of the other version",
        stopped_by: "network namespace, seccomp",
        python: "def go(): return reached(@SYS_socket@, 10, 1, 0)",
        ..NONE
    },
    Attempt {
        name: "listen",
        tries: "waits for connections from others",
        stopped_by: "network namespace, seccomp",
        python: "def go():\n    import socket\n    return socket.create_server(('127.0.0.1', 0))",
        ..NONE
    },
    Attempt {
        name: "raw packets",
        tries: "makes a socket for whole packets",
        stopped_by: "seccomp, no capability",
        python: "def go(): return call(@SYS_socket@, 17, 3, 0) + 1",
        control: Control::Namespaces,
        ..NONE
    },
    Attempt {
        name: "netlink",
        tries: "talks to the kernel about interfaces and routes",
        stopped_by: "seccomp",
        python: "def go(): return call(@SYS_socket@, 16, 3, 0) + 1",
        ..NONE
    },
    Attempt {
        name: "vsock",
        tries: "talks to the machine that runs this machine",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_socket@, 40, 1, 0)",
        ..NONE
    },
    Attempt {
        name: "kernel crypto",
        tries: "makes a socket to the kernel's ciphers",
        stopped_by: "seccomp",
        python: "def go(): return reached(@SYS_socket@, 38, 5, 0)",
        ..NONE
    },
    Attempt {
        name: "socket of a service",
        tries: "connects to a Unix socket by its path, as of Docker",
        stopped_by: "mount namespace",
        python: "def go():\n    import socket\n    return socket.socket(socket.AF_UNIX).connect('@SOCKET@') is None",
        ..NONE
    },
    Attempt {
        name: "abstract socket",
        tries: "connects to a Unix socket that has no path",
        stopped_by: "network namespace, Landlock",
        python: "def go():\n    import socket\n    return socket.socket(socket.AF_UNIX).connect(b'\\0@ABSTRACT@') is None",
        ..NONE
    },
];
