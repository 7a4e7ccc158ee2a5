//! What the machine of the test has that an attempt can aim at: a secret file, a service, sockets. Inside, the code is
//! told where these really are; outside, also what stands for places that must not be harmed.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

pub(crate) struct Machine {
    folder: TempDir,
    port: u16,
    name: String,
    python: String,
    _listeners: (TcpListener, UnixListener, UnixListener),
}

macro_rules! system_calls {
    ($($name:ident)*) => { [$((concat!("@", stringify!($name), "@"), libc::$name)),*] };
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["work", "place", "mountpoint"] {
            fs::create_dir(folder.path().join(name)).expect("a folder can be made");
        }
        fs::write(folder.path().join("secret"), "a secret").expect("a file can be written");
        fs::write(folder.path().join("place/binary"), "").expect("a file can be written");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = tcp.local_addr().expect("it has an address").port();
        answer(tcp.try_clone().expect("a socket can be shared"));
        let unix = UnixListener::bind(folder.path().join("socket")).expect("a socket can be made");
        let name = format!("nictate{}", folder.path().display()).replace('/', "-");
        fs::write(format!("/dev/shm/{name}"), "shared").expect("a file can be written");
        let address = SocketAddr::from_abstract_name(&name).expect("the name is short");
        let unnamed = UnixListener::bind_addr(&address).expect("a socket can be made");
        // Not a shim: it is started once for each attempt.
        let ask = ["-c", "import os, sys; print(os.path.realpath(sys.executable), end='')"];
        let python = Command::new("python3").args(ask).output().expect("there is a python3");
        let python = String::from_utf8(python.stdout).expect("its path is text");
        Self { folder, port, name, python, _listeners: (tcp, unix, unnamed) }
    }

    pub(crate) fn python(&self) -> &str {
        &self.python
    }

    pub(crate) fn work(&self) -> String {
        self.path("work")
    }

    /// The code as it is tried inside.
    pub(crate) fn inside(&self, code: &str) -> String {
        let places = [
            ("@WORK@", "/tmp/work"),
            ("@USR@", "/usr"),
            ("@ETC@", "/etc"),
            ("@PYTHON_LIBRARY@", "' + os.path.dirname(os.__file__) + '"),
            ("@PACKAGES@", "/packages"),
            ("@ROOT@", ""),
            ("@BINARY@", "/usr/bin/env"),
            ("@MOUNTPOINT@", "/tmp/work"),
            ("@UNMOUNT@", "/proc"),
            ("@FIRST@", "1"),
            ("@SIGNAL@", "9"),
            ("@METADATA@", "169.254.169.254"),
            ("@METADATA_PORT@", "80"),
            ("@PUBLIC@", "1.1.1.1"),
            ("@PUBLIC_HOST@", "1.1.1.1"),
            ("@PUBLIC_PORT@", "443"),
        ];
        self.fill(code, &places)
    }

    /// The same code where nothing stops it, aimed at what may be harmed.
    pub(crate) fn outside(&self, code: &str) -> String {
        let (place, port) = (self.path("place"), self.port.to_string());
        let public = format!("127.0.0.1:{port}");
        let places = [
            ("@WORK@", self.work()),
            ("@USR@", place.clone()),
            ("@ETC@", place.clone()),
            ("@PYTHON_LIBRARY@", place.clone()),
            ("@PACKAGES@", place.clone()),
            ("@ROOT@", place.clone()),
            ("@BINARY@", format!("{place}/binary")),
            ("@MOUNTPOINT@", self.path("mountpoint")),
            ("@UNMOUNT@", "/proc".to_owned()),
            ("@FIRST@", std::process::id().to_string()),
            ("@SIGNAL@", "0".to_owned()),
            ("@METADATA@", "127.0.0.1".to_owned()),
            ("@METADATA_PORT@", port.clone()),
            ("@PUBLIC@", public),
            ("@PUBLIC_HOST@", "127.0.0.1".to_owned()),
            ("@PUBLIC_PORT@", port),
        ];
        let places: Vec<_> = places.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.fill(code, &places)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(Path::new(name)).display().to_string()
    }

    fn fill(&self, code: &str, places: &[(&str, &str)]) -> String {
        let mut code = code.to_owned();
        for (name, value) in places {
            code = code.replace(name, value);
        }
        let calls = system_calls! {
            SYS_name_to_handle_at SYS_open_by_handle_at SYS_setxattr SYS_ptrace SYS_process_vm_readv
            SYS_process_vm_writev SYS_pidfd_getfd SYS_pidfd_open SYS_shmget SYS_shmctl SYS_msgget SYS_msgctl
            SYS_mq_open SYS_mq_unlink SYS_capset SYS_mount SYS_umount2 SYS_fsopen SYS_open_tree SYS_move_mount
            SYS_mount_setattr SYS_pivot_root SYS_unshare SYS_clone SYS_clone3 SYS_setns SYS_sethostname SYS_setgroups
            SYS_keyctl SYS_add_key SYS_request_key SYS_bpf SYS_perf_event_open SYS_io_uring_setup SYS_io_uring_enter
            SYS_io_setup SYS_userfaultfd SYS_finit_module SYS_reboot SYS_swapon SYS_adjtimex SYS_syslog
            SYS_fanotify_init SYS_quotactl SYS_personality SYS_ioctl SYS_seccomp SYS_move_pages SYS_socket SYS_mlock
        };
        for (name, number) in calls {
            code = code.replace(name, &number.to_string());
        }
        let targets = [
            ("@SECRET@", self.path("secret")),
            ("@SHARED@", self.name.clone()),
            ("@SOCKET@", self.path("socket")),
            ("@ABSTRACT@", self.name.clone()),
            ("@PORT@", self.port.to_string()),
            ("@PID@", std::process::id().to_string()),
        ];
        for (name, value) in targets {
            code = code.replace(name, &value);
        }
        assert!(!code.contains("@SYS_"), "{code}");
        code
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The folder removes itself; this lies outside of it.
        let _ = fs::remove_file(format!("/dev/shm/{}", self.name));
    }
}

/// Answers every request until the test ends.
fn answer(listener: TcpListener) {
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut stream in listener.incoming().flatten() {
            // Who only connects sends nothing; the connection is all that is asked for.
            let _ = stream.set_read_timeout(Some(std::time::Duration::from_millis(50)));
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
}
