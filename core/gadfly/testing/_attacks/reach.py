"""Attacks on everything outside: files, other processes, the network, the kernel, devices.

Each program prints what it reached, and must print nothing. Where reaching would do harm, a form is
used that does none: an open without a write, a value that is the present one, an argument that
fails after the permission was checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
from pathlib import Path

from gadfly._values.job import Ended, Level
from gadfly.testing._attacks._attack import Kind
from gadfly.testing._attacks._programs import SYSCALLS
from gadfly.testing._attacks._stage import Stage, expect, hold, open_folder, secret_file

reach = Kind("reach")

_SIGSEGV, _SIGSYS = 11, 31


# ---------------------------------------------------------------------- files

_WRITE = """
import os, sys
def write(folder, name):
    '''Make a file and take it away again; print the folder where that is possible.'''
    place = os.path.join(folder, name)
    try:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except OSError:
        return
    print(folder)
    os.unlink(place)
"""


@reach.attack("writes to the system", Level.PROCESS)
async def writes_to_the_system(stage: Stage) -> None:
    """No folder of the system, of the interpreter or of its packages can be written."""
    code = """
import sysconfig
folders = {
    "/", "/etc", "/usr", "/usr/bin", "/usr/lib", "/usr/local/lib", "/lib", "/bin", "/home", "/root",
    "/var", "/var/lib", "/opt", "/srv", "/boot", "/sys", "/proc", "/proc/sys/kernel", "/proc/1",
    "/sys/fs/cgroup", "/dev", os.path.dirname(os.__file__), os.path.dirname(sys.executable),
    os.path.join(os.path.dirname(os.__file__), "__pycache__"), *sysconfig.get_paths().values(),
    *filter(os.path.isabs, sys.path),
}
for folder in sorted(folders): write(folder, sys.argv[1])
"""
    await stage.refused(_WRITE + code, stage.word)


@reach.attack("changes the system's files", Level.PROCESS)
async def changes_the_systems_files(stage: Stage) -> None:
    """No file of the system or of the interpreter can be opened to write, cut or relabelled."""
    code = """
import os, sys, sysconfig
cached = getattr(os, "__cached__", os.__file__)
for path in ("/etc/passwd", "/etc/hosts", "/etc/ld.so.cache", os.__file__, cached, sys.executable):
    for flags in (os.O_WRONLY, os.O_RDWR):
        try:
            os.close(os.open(path, flags))
            print("opened", path)
        except OSError:
            pass
    for act in (os.chmod, os.utime, os.truncate):
        status = os.stat(path) if os.path.exists(path) else None
        if status is None: continue
        same = {os.chmod: status.st_mode & 0o7777, os.utime: (status.st_atime, status.st_mtime),
                os.truncate: status.st_size}[act]
        try:
            act(path, same)
            print(act.__name__, path)
        except OSError:
            pass
"""
    await stage.refused(code)


@reach.attack("writes where everyone may", Level.PROCESS)
async def writes_where_everyone_may(stage: Stage) -> None:
    """What is written to /tmp, /var/tmp, /dev/shm, /run and the home folder is nowhere outside."""
    code = """
import os, sys
for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", sys.argv[2],
               os.path.expanduser("~"), "..", "../.."):
    try: open(os.path.join(folder, sys.argv[1]), "w").close()
    except OSError: pass
"""
    name = f"{stage.word}-planted"
    with open_folder(0o777) as bait:
        result = await stage.python(code, name, str(bait))
        planted = _taken_away(name, bait)
    hold(not planted, f"it wrote {', '.join(planted)}")
    expect(result, Ended.EXITED, exit_code=0, stdout="")


def _taken_away(name: str, bait: Path) -> list[str]:
    """Look for a file in the folders that everyone may write; remove and return what is there."""
    folders = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", bait, Path.home())  # noqa: S108
    found = [place for folder in folders if (place := Path(folder, name)).exists()]
    for place in found:
        place.unlink()
    return list(map(str, found))


@reach.attack("reads the user's files", Level.PROCESS)
async def reads_the_users_files(stage: Stage) -> None:
    """Files that lie open in the user's home or a temporary folder cannot be read.

    Neither by path, nor through /proc, nor by climbing.
    """
    code = """
import os, sys
for path in sys.argv[1:3]:
    ways = [path, "../" * 40 + path[1:]]
    ways += [f"/proc/{pid}/root{path}" for pid in ("self", 1, os.getppid())]
    ways += [f"/proc/{pid}/cwd/{'../' * 40}{path[1:]}" for pid in ("self", 1, os.getppid())]
    ways += [f"/proc/self/fd/{fd}/{'../' * 40}{path[1:]}" for fd in range(64)]
    for way in ways:
        try:
            with open(way) as file:
                print(way, file.read())
        except OSError:
            pass
"""
    with open_folder() as folder:
        home = Path.home() if os.access(Path.home(), os.W_OK) else folder
        with secret_file(home) as (near, _), secret_file(folder) as (far, _):
            await stage.refused(code, str(near), str(far))


@reach.attack("reads keys and passwords", Level.PROCESS)
async def reads_keys_and_passwords(stage: Stage) -> None:
    """Password hashes, keys, tokens and histories of every user are out of reach."""
    code = """
import glob, os
homes = {"/root", "/home/*"}
try: homes |= {line.split(":")[5] for line in open("/etc/passwd")}
except OSError: pass
names = (".ssh", ".aws", ".gnupg", ".netrc", ".docker/config.json", ".kube", ".bash_history",
         ".git-credentials", ".pypirc", ".gitconfig")
places = ["/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh/ssh_host_*_key",
          "/var/run/secrets/kubernetes.io/serviceaccount/token", "/run/secrets/*"]
places += [os.path.join(home, name) for home in homes if home not in ("/", os.environ.get("HOME"))
           for name in names]
for pattern in places:
    for path in glob.glob(pattern):
        try:
            os.close(os.open(path, os.O_RDONLY))
            print(path)
        except OSError:
            pass
"""
    await stage.refused(code)


@reach.attack("names a folder by its number", Level.PROCESS)
async def names_a_folder_by_its_number(stage: Stage) -> None:
    """No descriptor leads out of the job, and none but its three streams is there."""
    holder = os.open("/", os.O_RDONLY)
    os.set_inheritable(holder, True)  # noqa: FBT003 - its name says it
    code = """
import os
fds = sorted(int(name) for name in os.listdir("/proc/self/fd"))
extra = [fd for fd in fds if fd > 2]
for fd in extra:
    try: print(fd, os.readlink(f"/proc/self/fd/{fd}"))
    except OSError: pass
for fd in (0, 1, 2):
    try:
        os.close(os.open("..", os.O_RDONLY, dir_fd=fd))
        print(fd, "is a folder")
    except OSError:
        pass
"""
    try:
        await stage.refused(code)
    finally:
        os.close(holder)


# ---------------------------------------------------------------------- other processes


@reach.attack("reads other processes", Level.FAST)
async def reads_other_processes(stage: Stage) -> None:
    """The command line, environment, folders and memory of a process of the machine are hidden."""
    code = """
import os, sys
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("cmdline", "environ", "comm"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                if sys.argv[1].encode()[::-1] in file.read(): print(pid, name)
        except OSError:
            pass
"""
    secret = f"s{secrets.token_hex(12)}"
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-I", "-S", "-c", "input()", secret)
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, env={"SECRET": secret})
    try:
        await stage.refused(code, secret[::-1])
    finally:
        await process.communicate(b"\n")


_OTHERS = """
import os
OTHERS = {1, os.getppid()} - {0, os.getpid()}
"""


@reach.attack("opens its parent's secrets", Level.PROCESS)
async def opens_its_parents_secrets(stage: Stage) -> None:
    """Memory, environment, folders and descriptors of the parent and of process 1 are shut."""
    code = """
for pid in OTHERS:
    for name in ("mem", "environ", "root/etc", "cwd/.", "maps", "auxv", "syscall"):
        try:
            path = f"/proc/{pid}/{name}"
            fd = os.open(path, os.O_RDONLY)
            if name in ("root/etc", "cwd/.") or os.read(fd, 1): print(path)
        except OSError:
            pass
    for name in ("fd", "map_files", "fdinfo"):
        try: print(pid, name, os.listdir(f"/proc/{pid}/{name}")[:9])
        except OSError: pass
    for fd in range(64):
        try:
            os.close(os.open(f"/proc/{pid}/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK))
            print(pid, "descriptor", fd)
        except OSError:
            pass
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
        print(pid, "memory for writing")
    except OSError:
        pass
"""
    await stage.refused(_OTHERS + code)


@reach.attack("traces its parent", Level.PROCESS)
async def traces_its_parent(stage: Stage) -> None:
    """Ptrace and the calls that read or write another's memory do not reach the parent."""
    code = """
import struct
buffer = ctypes.create_string_buffer(8)
local = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(buffer), 8))
remote = ctypes.create_string_buffer(struct.pack("QQ", 4096, 8))
for pid in OTHERS:
    attempt(f"ptrace {pid}", "ptrace", 0x4206, pid, 0, 0)
    attempt(f"readv {pid}", "process_vm_readv", pid, local, 1, remote, 1, 0)
    attempt(f"writev {pid}", "process_vm_writev", pid, local, 1, remote, 1, 0)
    attempt(f"kcmp {pid}", "kcmp", pid, os.getpid(), 0, 0, 0)
    attempt(f"move_pages {pid}", "move_pages", pid, 0, 0, 0, 0, 0)
"""
    await stage.refused(SYSCALLS + _OTHERS + code)


@reach.attack("takes its parent's descriptors", Level.PROCESS)
async def takes_its_parents_descriptors(stage: Stage) -> None:
    """pidfd_getfd gets nothing out of the parent and out of process 1."""
    code = """
for pid in OTHERS:
    pidfd = syscall("pidfd_open", pid, 0)
    if pidfd >= 0:
        for fd in range(16): attempt(f"{pid}: {fd}", "pidfd_getfd", pidfd, fd, 0)
"""
    await stage.refused(SYSCALLS + _OTHERS + code)


@reach.attack("governs its parent", Level.PROCESS)
async def governs_its_parent(stage: Stage) -> None:
    """Limits, processors and priority of the parent and of process 1 are not the job's to set."""
    code = """
import resource
for pid in OTHERS:
    old = ctypes.create_string_buffer(16)
    if not attempt(f"limits {pid}", "prlimit64", pid, resource.RLIMIT_NOFILE, 0, old):
        attempt(f"new limits {pid}", "prlimit64", pid, resource.RLIMIT_NOFILE, old, 0)
    try: mask = sum(1 << number for number in os.sched_getaffinity(pid))
    except OSError: mask = sum(1 << number for number in os.sched_getaffinity(0))
    raw = ctypes.create_string_buffer(mask.to_bytes(128, "little"), 128)
    attempt(f"processors {pid}", "sched_setaffinity", pid, 128, raw)
    try:
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid))
        print("priority", pid)
    except OSError:
        pass
    try:
        fd = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY)
        os.write(fd, open(f"/proc/{pid}/oom_score_adj", "rb").read())
        print("oom_score_adj", pid)
    except OSError:
        pass
"""
    await stage.refused(SYSCALLS + _OTHERS + code)


# ---------------------------------------------------------------------- network

_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


@reach.attack("TCP to this machine", Level.PROCESS)
async def tcp_to_this_machine(stage: Stage) -> None:
    """A listener on the machine's loopback, IPv4 or IPv6, is not reached."""
    code = """
import socket, sys
for family, host, port in eval(sys.argv[1]):
    for way in ("connect", "connect_ex", "sendto"):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as client:
                client.settimeout(1)
                if way == "sendto": client.sendto(b"x", 0x20000000, (host, port))
                elif getattr(client, way)((host, port)): continue
                print(way, host, port)
        except OSError:
            pass
"""
    with contextlib.ExitStack() as stack:
        listeners: list[socket.socket] = []
        for family, host in _LOOPBACKS:
            with contextlib.suppress(OSError):  # no IPv6 here
                listeners.append(
                    stack.enter_context(socket.create_server((host, 0), family=family))
                )
        addresses = [(int(one.family), *one.getsockname()[:2]) for one in listeners]
        await stage.refused(code, repr(addresses))
        for listener in listeners:
            listener.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                raise AssertionError("the listener was reached")


@reach.attack("UDP to this machine", Level.PROCESS)
async def udp_to_this_machine(stage: Stage) -> None:
    """No datagram arrives at the machine's loopback."""
    code = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.sendto(b"x", ("127.0.0.1", int(sys.argv[1])))
"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0)
        result = await stage.python(code, str(listener.getsockname()[1]))
        with contextlib.suppress(BlockingIOError):
            listener.recv(1)
            raise AssertionError("a datagram arrived")
    hold(result.ended in {Ended.EXITED, Ended.NETWORK}, f"it ended with {result.ended}")


@reach.attack("the world outside", Level.PROCESS)
async def the_world_outside(stage: Stage) -> None:
    """No packet leaves for the Internet, the cloud's metadata or a name server."""
    code = """
import re, socket
targets = [("tcp", "169.254.169.254", 80), ("tcp", "1.1.1.1", 443), ("udp", "8.8.8.8", 53)]
try: targets += [("udp", host, 53) for host in
                 re.findall(r"nameserver\\s+([\\d.]+)", open("/etc/resolv.conf").read())]
except OSError: pass
for kind, host, port in targets:
    try:
        with socket.socket(socket.AF_INET, {"tcp": socket.SOCK_STREAM,
                                            "udp": socket.SOCK_DGRAM}[kind]) as client:
            client.settimeout(0.5)
            client.connect((host, port))
            client.send(b"x")
            print(kind, host)
    except OSError:
        pass
"""
    await stage.refused(code)


@reach.attack("unix sockets of the machine", Level.PROCESS)
async def unix_sockets_of_the_machine(stage: Stage) -> None:
    """Sockets with a path, abstract ones, and those of docker, X11 and D-Bus are not reached."""
    code = """
import glob, socket, sys
places = ["/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock",
          "/run/containerd/containerd.sock", *glob.glob("/run/**/*.sock", recursive=True),
          *glob.glob("/run/dbus/*"), *glob.glob("/tmp/.X11-unix/*"), "\\0/tmp/.X11-unix/X0",
          "\\0" + sys.argv[1], sys.argv[2]]
for place in places:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(socket.AF_UNIX, kind) as client:
                client.settimeout(1)
                client.connect(place)
                print(ascii(place))
        except OSError:
            pass
"""
    with (
        open_folder() as folder,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as named,
    ):
        place = f"{folder}/socket"
        named.bind(place)
        os.chmod(place, 0o777)  # noqa: PTH101, S103 - bait, and it blocks for no time
        if sys.platform == "linux":
            abstract.bind(f"\0{stage.word}")
            abstract.listen()
        named.listen()
        await stage.refused(code, stage.word, place)


@reach.attack("sockets of the kernel", Level.PROCESS)
async def sockets_of_the_kernel(stage: Stage) -> None:
    """Raw, packet, netlink, vsock, crypto, Bluetooth and CAN sockets are not to be had."""
    code = """
import socket
for name, family, kind, protocol in (
    ("raw", 2, 3, 1), ("raw 6", 10, 3, 58), ("packet", 17, 3, 768), ("netlink", 16, 3, 0),
    ("audit", 16, 3, 9), ("vsock", 40, 1, 0), ("crypto", 38, 5, 0), ("bluetooth", 31, 3, 1),
    ("can", 29, 3, 1), ("xdp", 44, 3, 0), ("tipc", 30, 1, 0), ("rds", 21, 5, 0), ("smc", 43, 1, 0),
    ("key", 15, 3, 2), ("qipcrtr", 42, 2, 0), ("alg", 38, 5, 0),
):
    try:
        socket.socket(family, kind, protocol).close()
        print(name)
    except OSError:
        pass
"""
    await stage.refused(code)


@reach.attack("what a program needs inside itself", Level.UNSAFE)
async def what_a_program_needs_inside_itself(stage: Stage) -> None:
    """Pipes, socket pairs, threads and child processes that speak with their parent all work."""
    code = """
import multiprocessing, os, socket, subprocess, sys, threading
def child(pipe):
    pipe.send(pipe.recv() * 2)
a, b = socket.socketpair()
a.sendall(b"x"); print(b.recv(1))
context = multiprocessing.get_context("fork")
near, far = context.Pipe()
process = context.Process(target=child, args=(far,)); process.start()
near.send(21); print(near.recv()); process.join(); print(process.exitcode)
done = []
thread = threading.Thread(target=done.append, args=(1,)); thread.start(); thread.join(); print(done)
print(subprocess.run(["echo", "hello"], capture_output=True, text=True, check=True).stdout, end="")
print(len(os.urandom(8)), open("/dev/null").read() == "", len(open("/dev/zero", "rb").read(3)))
"""
    answer = "b'x'\n42\n0\n[1]\nhello\n8 True 3\n"
    expect(await stage.python(code), Ended.EXITED, exit_code=0, stdout=answer)


# ---------------------------------------------------------------------- the kernel


@reach.attack("new namespaces", Level.PROCESS)
async def new_namespaces(stage: Stage) -> None:
    """No namespace can be made or entered: by unshare, setns, clone or clone3."""
    code = """
import struct, time
KINDS = dict(user=0x10000000, mount=0x20000, pid=0x20000000, net=0x40000000, ipc=0x8000000,
             uts=0x4000000, cgroup=0x2000000, time=0x80)
for kind, flag in KINDS.items():
    if os.fork() == 0:
        if syscall("unshare", flag) >= 0: print("unshare", kind, flush=True)
        os._exit(0)
    os.wait()
for kind in ("user", "mnt", "pid", "net", "ipc", "uts"):
    try: fd = os.open(f"/proc/1/ns/{kind}", os.O_RDONLY)
    except OSError: continue
    if os.fork() == 0:
        got = syscall("setns", fd, 0)
        if got == 0: print("setns", kind, flush=True)
        os._exit(0)
    os.wait()
for kind in ("user", "mount", "pid", "net"):
    for form in ("clone", "clone3"):
        if form == "clone":
            words = (KINDS[kind] | 17, 0, 0, 0, 0)
        else:
            packed = struct.pack("11Q", KINDS[kind], 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
            words = (ctypes.create_string_buffer(packed), 64)
        pid = syscall(form, *words)
        if pid == 0: os._exit(0)
        if pid > 0: print(form, kind, flush=True); os.waitpid(pid, 0)
"""
    await stage.refused(SYSCALLS + code)


@reach.attack("mounts", Level.PROCESS)
async def mounts(stage: Stage) -> None:
    """Nothing can be mounted, unmounted or made the root, by the old calls or the new ones."""
    code = """
attempt("mount", "mount", b"none", b".", b"gadfly-no-such-type", 0, 0)
attempt("bind", "mount", b".", b".", 0, 4096, 0)
attempt("umount", "umount2", b".", 8)
attempt("pivot_root", "pivot_root", b".", b".")
attempt("chroot", "chroot", b".")
attempt("open_tree", "open_tree", -100, b".", 1)
attempt("fsopen", "fsopen", b"tmpfs", 0)
"""
    await stage.refused(SYSCALLS + code)


@reach.attack("keyrings", Level.PROCESS)
async def keyrings(stage: Stage) -> None:
    """The kernel's keyrings take and give nothing."""
    code = """
for ring in (-1, -2, -3, -4, -5):
    attempt(f"add_key {ring}", "add_key", b"user", b"gadfly-attack", b"x", 1, ring)
    attempt(f"keyctl {ring}", "keyctl", 0, ring, 0, 0, 0)
attempt("request_key", "request_key", b"user", b"gadfly-attack", 0, 0)
"""
    await stage.refused(SYSCALLS + code)


@reach.attack("programs in the kernel", Level.PROCESS)
async def programs_in_the_kernel(stage: Stage) -> None:
    """The calls bpf, perf_event_open, userfaultfd and io_uring are refused."""
    code = """
import struct
array = ctypes.create_string_buffer(struct.pack("IIII", 2, 4, 4, 1), 128)
attempt("bpf", "bpf", 0, array, 72)
event = ctypes.create_string_buffer(struct.pack("IIQQQQQ", 1, 128, 0, 0, 0, 0, 0x61), 128)
attempt("perf_event_open", "perf_event_open", event, 0, -1, -1, 0)
attempt("userfaultfd", "userfaultfd", 1)
attempt("io_uring", "io_uring_setup", 1, ctypes.create_string_buffer(120))
"""
    await stage.refused(SYSCALLS + code)


@reach.attack("the machine itself", Level.PROCESS)
async def the_machine_itself(stage: Stage) -> None:
    """Modules, kexec, reboot, swap, host name, kernel log and files by handle are refused."""
    code = """
import struct
name = os.uname().nodename.encode()
attempt("init_module", "init_module", 0, 0, b"")
attempt("kexec_load", "kexec_load", 0, 0, 0, 0xffff)
attempt("reboot", "reboot", 0, 0, 0, 0)
attempt("swapon", "swapon", b"/gadfly-no-such-file", 0)
attempt("sethostname", "sethostname", name, len(name))
attempt("kernel log", "syslog", 3, ctypes.create_string_buffer(4096), 4096)
handle = ctypes.create_string_buffer(struct.pack("Ii", 8, 1), 32)
attempt("open_by_handle_at", "open_by_handle_at", -100, handle, 0)
"""
    await stage.refused(SYSCALLS + code)


@reach.attack("predictable memory", Level.PROCESS)
async def predictable_memory(stage: Stage) -> None:
    """The layout of memory cannot be made predictable for programs that the job starts."""
    await stage.refused(
        f"{SYSCALLS}\nattempt('personality', 'personality', 0x0040000 | 0x0400000)\n"
    )


@reach.attack("another system call interface", Level.PROCESS)
async def another_system_call_interface(stage: Stage) -> None:
    """What is refused to ordinary system calls is refused to 32-bit and x32 ones.

    Or the job dies of the attempt, by SIGSYS or SIGSEGV: kernels without those interfaces, and
    filters that know only one, end it.
    """
    code = """
import mmap, struct
if os.uname().machine == "x86_64":
    def old(number, first, second=0, third=0):
        '''Call the kernel through int 0x80.'''
        code = b"\\x53"  # push rbx; then eax, ebx, ecx, edx
        for register, value in zip(b"\\xb8\\xbb\\xb9\\xba", (number, first, second, third)):
            code += struct.pack("<BI", register, value)
        code += b"\\xcd\\x80\\x5b\\xc3"  # int 0x80; pop rbx; ret
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(code)
        start = ctypes.addressof(ctypes.c_char.from_buffer(page))
        return ctypes.CFUNCTYPE(ctypes.c_int)(start)()
    for name, native, forms in (
        ("namespace", ("unshare", 0x10000000), [lambda: old(310, 0x10000000)]),
        ("keyring", ("keyctl", 0, -2, 1), [lambda: old(288, 0, 0xfffffffe, 1)]),
        ("socket", ("socket", 2, 1, 0), [lambda: old(359, 2, 1, 0)]),
        ("vsock", ("socket", 40, 1, 0), [lambda: old(359, 40, 1, 0)]),
    ):
        NR.setdefault("socket", 41)
        for call in (native, *forms):
            reader, writer = os.pipe()
            pid = os.fork()
            if pid == 0:
                if callable(call): got = call()
                else: got = syscall(*call)
                os.write(writer, b"y" if got >= 0 else b"n")
                os._exit(0)
            os.close(writer)
            answer = os.read(reader, 1)
            os.close(reader)
            os.waitpid(pid, 0)
            if call is native: allowed = answer == b"y"
            elif answer == b"y" and not allowed: print(name, "by int 0x80", flush=True)
    NR["x32 getpid"] = 0x40000000 + 39
    if os.fork() == 0:
        if syscall("x32 getpid") > 0: print("x32", flush=True)
        os._exit(0)
    os.wait()
"""
    result = await stage.python(SYSCALLS + code)
    hold(not result.stdout, f"it reached: {', '.join(result.stdout.splitlines())}")
    if not (result.ended is Ended.SIGNALED and result.signal in {_SIGSEGV, _SIGSYS}):
        expect(result, Ended.EXITED, exit_code=0)


@reach.attack("settings of the kernel", Level.PROCESS)
async def settings_of_the_kernel(stage: Stage) -> None:
    """Nothing in /proc/sys, /sys and the control groups can be written, and no group be made."""
    code = """
import glob, os, sys
places = ["/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
          "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/file-max",
          "/proc/sys/kernel/ns_last_pid", "/sys/kernel/uevent_helper", "/sys/power/state",
          "/proc/1/oom_score_adj", "/proc/1/comm", "/proc/bus/pci/00/00.0",
          *glob.glob("/sys/fs/cgroup/**/cgroup.procs", recursive=True)[:200],
          *glob.glob("/sys/fs/cgroup/**/*.max", recursive=True)[:200],
          *glob.glob("/sys/fs/cgroup/**/*limit_in_bytes", recursive=True)[:200],
          *glob.glob("/sys/kernel/mm/*/*")[:100], *glob.glob("/proc/sys/kernel/*")[:200]]
for place in places:
    try:
        os.close(os.open(place, os.O_WRONLY))
        print(place)
    except OSError:
        pass
for folder in ("/sys/fs/cgroup", *glob.glob("/sys/fs/cgroup/*/")):
    try:
        os.mkdir(f"{folder}/{sys.argv[1]}")
        os.rmdir(f"{folder}/{sys.argv[1]}")
        print(folder)
    except OSError:
        pass
"""
    await stage.refused(code, stage.word)


@reach.attack("devices", Level.PROCESS)
async def devices(stage: Stage) -> None:
    """No device but the harmless ones can be opened or made; random numbers can be read."""
    code = """
import os, stat
HARMLESS = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "stdin", "stdout", "stderr"}
ACTS_WHEN_OPENED = ("watchdog", "st", "nst")
for folder, _, names in os.walk("/dev"):
    for name in names:
        path = os.path.join(folder, name)
        if folder.startswith(("/dev/fd", "/dev/shm", "/dev/pts", "/dev/mqueue")): continue
        if name in HARMLESS or name.startswith(ACTS_WHEN_OPENED): continue
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                print(path)
        except OSError:
            pass
for path in ("/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/sda", "/dev/vda",
             "/dev/net/tun", "/dev/loop-control", "/dev/vhost-net", "/dev/port", "/proc/kcore",
             "/dev/userfaultfd", "/proc/kmsg"):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        print(path)
    except OSError:
        pass
for kind, major, minor in ((stat.S_IFBLK, 8, 0), (stat.S_IFBLK, 254, 0), (stat.S_IFCHR, 1, 1)):
    try:
        os.mknod("device", kind | 0o600, os.makedev(major, minor))
        os.unlink("device")
        print("mknod", major, minor)
    except OSError:
        pass
assert len(open("/dev/urandom", "rb").read(8)) == 8
"""
    await stage.refused(code)


@reach.attack("the terminal", Level.UNSAFE)
async def the_terminal(stage: Stage) -> None:
    """There is no terminal to type into (TIOCSTI) or to take over."""
    code = """
import fcntl, os
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
places = [0, 1, 2]
try: places.append(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
except OSError: pass
for fd in places:
    if os.isatty(fd): print("terminal", fd)
    for request in (TIOCSTI, TIOCLINUX):
        try:
            fcntl.ioctl(fd, request, b" ")
            print("typed", fd)
        except OSError:
            pass
"""
    await stage.refused(code)


# ---------------------------------------------------------------------- privileges


@reach.attack("privileges", Level.PROCESS)
async def privileges(stage: Stage) -> None:
    """A job has no capability, can gain none, and is not root to anyone."""
    code = """
import ctypes, os
libc = ctypes.CDLL(None)
if libc.prctl(39, 0, 0, 0, 0) != 1: print("new privileges may be gained")
for line in open("/proc/self/status"):
    name, _, value = line.partition(":")
    if name in ("CapInh", "CapPrm", "CapEff", "CapAmb") and int(value, 16): print(line.strip())
for act in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]),
            lambda: os.chown(".", 0, 0)):
    try: before = os.getresuid(), os.getresgid(), sorted(os.getgroups()), os.stat(".").st_uid; act()
    except OSError: continue
    if (os.getresuid(), os.getresgid(), sorted(os.getgroups()), os.stat(".").st_uid) != before:
        print("became another")
"""
    await stage.refused(code)


@reach.attack("programs that give privileges", Level.PROCESS)
async def programs_that_give_privileges(stage: Stage) -> None:
    """Programs that are set to run as root (su, passwd, mount, ...) run as the job's user."""
    code = """
import glob, os, stat, subprocess, sys, time
found = [path for folder in ("/bin", "/usr/bin", "/usr/sbin", "/usr/lib/openssh")
         for path in glob.glob(f"{folder}/*")
         if os.path.exists(path) and os.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID)]
mine = [line for line in open("/proc/self/status") if line[:3] in ("Uid", "Gid")]
for path in [p for p in found if os.path.basename(p) in ("su", "passwd", "newgrp", "chsh")][:3]:
    try: process = subprocess.Popen([path], stdin=-1, stdout=-3, stderr=-3)
    except OSError: continue
    for _ in range(20):
        if process.poll() is not None: break
        try: lines = [x for x in open(f"/proc/{process.pid}/status") if x[:3] in ("Uid", "Gid")]
        except OSError: break
        if lines and lines != mine: print(path, lines); break
        time.sleep(0.002)
    process.stdin.close()
    try: process.kill()
    except OSError: pass
    process.wait()
"""
    await stage.refused(code)


@reach.attack("core files", Level.UNSAFE)
async def core_files(stage: Stage) -> None:
    """A crash writes no core file, even where the job asks for one."""
    code = """
import os, resource
try: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
except (ValueError, OSError): pass
if os.fork() == 0: os.abort()
status = os.wait()[1]
if os.WCOREDUMP(status): print("a core was dumped")
for name in os.listdir(): print(name)
"""
    await stage.refused(code)


@reach.attack("kernel addresses", Level.PROCESS)
async def kernel_addresses(stage: Stage) -> None:
    """The kernel's addresses cannot be read."""
    code = """
import os
for path in ("/proc/kallsyms", "/proc/modules", "/proc/self/stack", "/proc/1/stack"):
    try: lines = open(path).read().splitlines()[:200]
    except OSError: continue
    shown = [line for line in lines if "0x" in line and "0x0000000000000000" not in line]
    if path == "/proc/kallsyms": shown = [line for line in lines if int(line.split()[0], 16)]
    if shown: print(path, shown[0])
"""
    await stage.refused(code)


@reach.attack("the environment", Level.UNSAFE)
async def the_environment(stage: Stage) -> None:
    """Nothing of the host's environment is in the job's, nor in what its own /proc says."""
    code = """
import os
text = repr(os.environ) + open("/proc/self/environ", errors="replace").read()
import sys
if sys.argv[1][::-1] in text: print("a variable of the host")
"""
    secret = secrets.token_hex(12)
    os.environ["GADFLY_ATTACK"] = secret
    try:
        await stage.refused(code, secret[::-1])
    finally:
        del os.environ["GADFLY_ATTACK"]
