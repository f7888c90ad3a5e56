"""The filter of system calls, in real processes; and its program for machines that are not here."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gadfly.worker.inside import seccomp

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(not seccomp.supported(), reason="this kernel takes no seccomp filters"),
]

MACHINES = ("x86_64", "aarch64")
MACHINE = os.uname().machine
NUMBERS = {**seccomp.DENIED, **seccomp.ABSENT, **seccomp.ADDRESSED, **seccomp.EXAMINED}

# The module is loaded alone, as a worker does in an image that knows nothing of Gadfly.
START = """
import ctypes, errno, importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("seccomp", {module!r})
seccomp = importlib.util.module_from_spec(spec)
spec.loader.exec_module(seccomp)
COLUMN = ["x86_64", "aarch64"].index(os.uname().machine)
numbers = {{**seccomp.DENIED, **seccomp.ABSENT, **seccomp.ADDRESSED, **seccomp.EXAMINED}}
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *words):
    "The error of a system call; 0 if there is none."
    number = numbers[name][COLUMN] if isinstance(name, str) else name
    ctypes.set_errno(0)
    libc.syscall(*map(ctypes.c_long, (number, *words)))
    return ctypes.get_errno()

def denied(action, *words):
    try:
        action(*words)
    except PermissionError as error:
        return error.errno == errno.EPERM
    return False
"""


def run(code: str, policy: str = "network=False") -> subprocess.CompletedProcess[str]:
    """Run code in a process and a session of its own, under the filter."""
    program = START.format(module=seccomp.__file__)
    program += f"seccomp.Filter(seccomp.program({policy})).install()\n" + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-I", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
    )


def succeeds(code: str, policy: str = "network=False") -> str:
    """Run code that asserts by itself, and return what it printed."""
    done = run(code, policy)
    assert done.returncode == 0, done.stderr
    return done.stdout


ALONE = "network=False, own_pid=os.getpid()"
POLICIES = pytest.mark.parametrize(
    "policy", ["network=False", "network=True", "network=True, unix=True", ALONE]
)

# ------------------------------------------------------------------ what is denied


@POLICIES
def test_a_denied_call_fails_with_eperm_whatever_its_arguments(policy: str) -> None:
    code = """
        names = [name for name in seccomp.DENIED if numbers[name][COLUMN] is not None]
        print(json.dumps({name: call(name, *[-1] * 6) for name in names}))
    """

    errors = json.loads(succeeds(code, policy))

    assert len(errors) > 70
    assert errors == dict.fromkeys(errors, errno.EPERM)


@POLICIES
def test_a_call_that_libraries_do_without_is_absent(policy: str) -> None:
    code = """
        print(json.dumps({name: call(name, *[-1] * 6) for name in seccomp.ABSENT}))
        print(call(seccomp.NEWEST + 1), call(2000))
    """

    errors, newer = succeeds(code, policy).splitlines()

    assert json.loads(errors) == dict.fromkeys(seccomp.ABSENT, errno.ENOSYS)
    assert newer == f"{errno.ENOSYS} {errno.ENOSYS}"


@pytest.mark.parametrize("flag", [0x20000, *(1 << bit for bit in range(25, 31)), 0x8000])
def test_a_clone_into_a_namespace_or_beside_the_job_is_denied(flag: int) -> None:
    succeeds(f"assert call('clone', {flag} | 17, 0, 0, 0, 0) == errno.EPERM")


@pytest.mark.skipif(MACHINE != "x86_64", reason="x32 is an ABI of x86_64")
def test_a_number_of_the_x32_abi_kills() -> None:
    done = run("call(0x40000000 + 39)")

    assert done.returncode == -signal.SIGSYS


INT_80 = """
import ctypes, mmap
place = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
place.write(bytes.fromhex("b814000000" "cd80" "c3"))  # mov eax, 20 (getpid); int 0x80; ret
address = ctypes.addressof(ctypes.c_char.from_buffer(place))
ctypes.CFUNCTYPE(ctypes.c_int)(address)()
"""


@pytest.mark.skipif(MACHINE != "x86_64", reason="a 32-bit call of x86")
def test_a_call_of_the_32_bit_abi_kills() -> None:
    if subprocess.run([sys.executable, "-c", INT_80], check=False).returncode:
        pytest.skip("this kernel has no 32-bit calls")

    assert run(INT_80).returncode == -signal.SIGSYS


@pytest.mark.skipif(MACHINE != "x86_64", reason="the program of another machine is aarch64's")
def test_a_program_of_another_machine_kills_at_the_first_call() -> None:
    done = run("", "network=False, machine='aarch64'")

    assert done.returncode == -signal.SIGSYS


def test_only_the_ordinary_personality_is_taken() -> None:
    succeeds("""
        assert call("personality", 0xFFFFFFFF) == 0
        assert call("personality", 0) == 0
        assert call("personality", 0x0040000) == errno.EPERM
    """)


def test_nothing_is_typed_into_a_terminal() -> None:
    succeeds("""
        import fcntl, pty, struct, termios
        _, terminal = pty.openpty()
        for request in (termios.TIOCSTI, 0x541C, termios.TIOCSETD):
            assert denied(fcntl.ioctl, terminal, request, b"x" * 8)
            assert call("ioctl", terminal, request | 1 << 40, 0) == errno.EPERM
        assert len(fcntl.ioctl(terminal, termios.TIOCGWINSZ, b"x" * 8)) == 8
    """)


@POLICIES
def test_limits_and_priorities_are_changed_of_the_caller_alone(policy: str) -> None:
    succeeds(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        os.sched_setaffinity(0, os.sched_getaffinity(0))
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        nice = os.nice(0)
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        os.setpriority(os.PRIO_PGRP, 0, nice)
        parent = os.getppid()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert denied(resource.prlimit, parent, resource.RLIMIT_NOFILE, limits)
        assert denied(os.sched_setaffinity, parent, os.sched_getaffinity(0))
        assert denied(os.sched_setscheduler, parent, os.SCHED_BATCH, os.sched_param(0))
        assert denied(os.sched_setparam, parent, os.sched_param(0))
        assert denied(os.setpriority, os.PRIO_PROCESS, parent, nice)
        assert denied(os.setpriority, os.PRIO_USER, 0, nice)
        assert call("sched_setattr", parent, 0, 0) == errno.EPERM
        assert call("ioprio_set", 1, parent, 0) == errno.EPERM
        assert call("ioprio_set", 3, 0, 0) == errno.EPERM
        assert call("ioprio_set", 1, 0, 0) == 0
        assert call("prctl", 62, 2, parent, 0, 0) == errno.EPERM
        """,
        policy,
    )


def test_the_filter_stays_through_exec() -> None:
    code = """
        import subprocess
        inner = "import socket; socket.socket()"
        done = subprocess.run([sys.executable, "-I", "-c", inner], stderr=subprocess.PIPE)
        assert b"PermissionError" in done.stderr
        status = open("/proc/self/status").read()
        assert "NoNewPrivs:\\t1" in status and "Seccomp:\\t2" in status
    """

    succeeds(code)


def test_a_program_that_the_kernel_refuses_is_an_error() -> None:
    code = """
        try:
            seccomp.Filter(bytes(8)).install()
        except OSError as error:
            print(error)
    """

    assert "the seccomp filter was refused: Invalid argument" in succeeds(code)


# ------------------------------------------------------------------ sockets


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ("network=False", set[int]()),
        ("network=False, unix=True", {socket.AF_UNIX}),
        ("network=True", {socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}),
        (
            "network=True, unix=True",
            {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK},
        ),
    ],
)
def test_only_sockets_of_the_allowed_families_are_made(policy: str, allowed: set[int]) -> None:
    code = """
        kinds = (1, 2, 3, 5)
        families = {family: {call("socket", family, kind, 0) for kind in kinds}
                    for family in range(64)}
        print(json.dumps([family for family, errors in families.items() if errors != {1}]))
    """

    assert set(json.loads(succeeds(code, policy))) == allowed


@pytest.mark.parametrize("policy", ["network=True", "network=True, unix=True"])
def test_netlink_is_for_routes_only(policy: str) -> None:
    succeeds(
        """
        assert call("socket", 16, 3, 0) == 0
        assert {call("socket", 16, 3, protocol) for protocol in range(1, 33)} == {errno.EPERM}
        """,
        policy,
    )


def test_without_a_network_a_socket_has_no_address() -> None:
    succeeds("""
        import socket
        one, other = socket.socketpair()
        other.sendall(b"hello")
        assert one.recv(5) == b"hello"
        assert denied(one.connect, "/run/somewhere")
        assert denied(one.bind, "\\0gadfly")
        assert denied(one.listen)
        socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        assert call("socketpair", socket.AF_INET, 1, 0, 0) == errno.EPERM
        assert call("socketpair", 30, 1, 0, 0) == errno.EPERM  # TIPC
    """)


@pytest.mark.parametrize("policy", ["network=False", "network=True"])
def test_no_datagram_reaches_a_socket_file(policy: str, tmp_path: Path) -> None:
    place = str(tmp_path / "log")
    code = f"""
        import socket
        for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            try:
                socket.socketpair(socket.AF_UNIX, kind)[0].sendto(b"forged", {place!r})
            except OSError:
                continue
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(place)
        listener.setblocking(False)

        succeeds(code, policy)

        with pytest.raises(BlockingIOError):
            listener.recv(100)


def test_with_a_network_a_connection_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"""
            import socket
            with socket.create_connection(("127.0.0.1", {server.getsockname()[1]})) as connection:
                connection.sendall(b"hello")
            socket.create_server(("127.0.0.1", 0)).close()
            assert socket.getaddrinfo("localhost", 80)
        """

        succeeds(code, "network=True")

        with server.accept()[0] as connection:
            assert connection.recv(10) == b"hello"


# ------------------------------------------------------------------ signals, without namespaces


def test_alone_a_job_signals_nobody_but_itself() -> None:
    succeeds(
        """
        import ctypes, fcntl, signal, socket, threading
        parent = os.getppid()
        for pid in (parent, -parent, -1, 1):
            assert denied(os.kill, pid, 0)
        assert call("tkill", parent, 0) == errno.EPERM
        assert call("tgkill", parent, parent, 0) == errno.EPERM
        assert call("rt_sigqueueinfo", parent, 0, 0) == errno.EPERM
        assert call("rt_tgsigqueueinfo", parent, parent, 0, 0) == errno.EPERM
        assert denied(signal.pidfd_send_signal, os.pidfd_open(parent), 0)
        one, other = socket.socketpair()
        assert denied(fcntl.fcntl, one, fcntl.F_SETOWN, parent)
        assert call("fcntl", one.fileno(), 15, 0) == errno.EPERM
        for request in (0x8901, 0x8902):
            assert denied(fcntl.ioctl, one, request, b"x" * 4)
        """,
        ALONE,
    )


def test_alone_a_job_signals_itself_and_its_group() -> None:
    succeeds(
        """
        import signal, threading
        caught = []
        signal.signal(signal.SIGUSR1, lambda *_: caught.append(1))
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(0, signal.SIGUSR1)
        os.killpg(os.getpid(), signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        assert len(caught) == 5
        """,
        ALONE,
    )


def test_alone_a_job_aborts_as_ever() -> None:
    assert run("os.abort()", ALONE).returncode == -signal.SIGABRT


def test_alone_a_child_is_not_signalled_by_its_number() -> None:
    succeeds(
        """
        import subprocess
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
            assert denied(child.kill)
        assert child.returncode == 0
        """,
        ALONE,
    )


def test_with_namespaces_a_child_is_signalled() -> None:
    succeeds("""
        import subprocess
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
            child.kill()
        assert child.returncode == -9
    """)


# ------------------------------------------------------------------ ordinary programs

PROGRAMS = {
    "subprocess": """
        import subprocess
        assert subprocess.run(["echo", "hi"], capture_output=True, timeout=60).stdout == b"hi\\n"
        assert subprocess.run("exit 3", shell=True).returncode == 3
    """,
    "threads": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(abs, range(-50, 0))) == list(range(50, 0, -1))
    """,
    "processes": """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(abs, [-1, -2, -3])) == [1, 2, 3]
        pool = context.Pool(2)
        assert pool.map(abs, [-1, -2, -3]) == [1, 2, 3]
        pool.close()
        pool.join()
        queue = context.Queue()
        process = context.Process(target=queue.put, args=("hello",))
        process.start()
        assert queue.get() == "hello"
        process.join()
        assert process.exitcode == 0
    """,
    "asyncio": """
        import asyncio
        async def main():
            process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
            output, _ = await process.communicate(b"hello")
            await asyncio.to_thread(sum, [1, 2])
            await asyncio.sleep(0)
            return output
        assert asyncio.run(main()) == b"hello"
    """,
    "files": """
        import mmap, shutil, sqlite3, tempfile, time
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + "/a", "w+b") as file:
                file.write(b"hello")
                file.flush()
                assert mmap.mmap(file.fileno(), 0)[:] == b"hello"
            shutil.copy(folder + "/a", folder + "/b")
            shutil.copytree(folder, folder + "/c")
            connection = sqlite3.connect(folder + "/d")
            connection.execute("create table t (x)")
            connection.close()
        assert time.time() > 0 < time.perf_counter()
        time.sleep(0)
    """,
}


@POLICIES
@pytest.mark.parametrize("name", PROGRAMS)
def test_ordinary_programs_work(name: str, policy: str) -> None:
    succeeds(PROGRAMS[name], policy)


def test_a_pool_is_ended_by_its_with_statement() -> None:
    succeeds("""
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(abs, [-1, -2, -3]) == [1, 2, 3]
    """)


def test_with_unix_sockets_a_manager_works() -> None:
    code = """
        import multiprocessing
        with multiprocessing.get_context("fork").Manager() as manager:
            numbers = manager.list([1, 2])
            numbers.append(3)
            assert list(numbers) == [1, 2, 3]
    """

    succeeds(code, "network=False, unix=True")


def test_numpy_works() -> None:
    pytest.importorskip("numpy")

    succeeds("import numpy; assert (numpy.ones((200, 200)) @ numpy.ones((200, 200))).sum() == 8e6")


# ------------------------------------------------------------------ the program, by itself

ALLOW, KILL = "allow", "kill"
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def judge(program: bytes, machine: str, number: int, *words: int) -> str | int:
    """Follow a program as the kernel does; an error's number stands for a call that fails."""
    full = [word & 0xFFFFFFFFFFFFFFFF for word in words] + [0] * (6 - len(words))
    seen = struct.pack("<IIQ6Q", number, ARCHITECTURES[machine], 0, *full)
    place, word = 0, 0
    while True:
        code, if_true, if_false, k = struct.unpack_from("=HBBI", program, 8 * place)
        place += 1
        match code:
            case 0x20:
                (word,) = struct.unpack_from("<I", seen, k)
            case 0x54:
                word &= k
            case 0x15:
                place += if_true if word == k else if_false
            case 0x35:
                place += if_true if word >= k else if_false
            case 0x45:
                place += if_true if word & k else if_false
            case 0x06:
                return {0x7FFF0000: ALLOW, 0x80000000: KILL}.get(k) or k - 0x50000
            case _:
                pytest.fail(f"an instruction that this program has no use for: {code:#x}")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("own_pid", [None, 4_000_000])
def test_every_number_is_judged_as_the_table_says(machine: str, own_pid: int | None) -> None:
    program = seccomp.program(network=False, own_pid=own_pid, machine=machine)
    column = MACHINES.index(machine)
    expected: dict[int | None, str | int] = {}
    expected.update({NUMBERS[name][column]: errno.EPERM for name in seccomp.DENIED})
    expected.update({NUMBERS[name][column]: errno.EPERM for name in seccomp.ADDRESSED})
    expected.update({NUMBERS[name][column]: errno.ENOSYS for name in seccomp.ABSENT})
    examined = {numbers[column] for numbers in seccomp.EXAMINED.values()}

    for number in range(seccomp.NEWEST + 100):
        if number not in examined:
            newer = errno.ENOSYS if number > seccomp.NEWEST else ALLOW
            assert judge(program, machine, number) == expected.get(number, newer), number


@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_are_judged_alike_on_every_machine(machine: str) -> None:
    program = seccomp.program(network=True, own_pid=77, machine=machine)

    def of(name: str, *words: int) -> str | int:
        return judge(program, machine, seccomp.EXAMINED[name][MACHINES.index(machine)], *words)

    assert of("clone", 17) == ALLOW
    assert of("clone", 0x003D0F00) == ALLOW  # a thread
    assert of("clone", 0x10000000 | 17) == errno.EPERM
    assert [of("kill", pid) for pid in (77, 0, -77)] == [ALLOW] * 3
    assert [of("kill", pid) for pid in (78, -1, -78)] == [errno.EPERM] * 3
    assert [of("prlimit64", pid) for pid in (0, 77, 78)] == [ALLOW, ALLOW, errno.EPERM]
    assert [of("socket", family) for family in (1, 2, 10, 17)] == [1, ALLOW, ALLOW, 1]
    assert [of("socket", 16, 3, protocol) for protocol in (0, 9)] == [ALLOW, errno.EPERM]
    assert [of("socketpair", 1, kind) for kind in (1, 2, 5)] == [ALLOW, errno.EPERM, ALLOW]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_of_the_other_machine_kills(machine: str) -> None:
    program = seccomp.program(network=True, machine=machine)
    (other,) = {*MACHINES} - {machine}

    assert {judge(program, other, number) for number in range(500)} == {KILL}


def test_x32_is_known_on_x86_64_only() -> None:
    for number in (0x40000000, 0x40000000 + 59, 0xFFFFFFFF):
        assert judge(seccomp.program(network=True, machine="x86_64"), "x86_64", number) == KILL
    aarch64 = seccomp.program(network=True, machine="aarch64")
    assert judge(aarch64, "aarch64", 0x40000000) == errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_no_number_stands_for_two_calls(machine: str) -> None:
    tables = (seccomp.DENIED, seccomp.ABSENT, seccomp.ADDRESSED, seccomp.EXAMINED)
    column = MACHINES.index(machine)
    numbers = [number[column] for table in tables for number in table.values()]
    known = [number for number in numbers if number is not None]

    assert len(known) == len(set(known))
    assert max(known) <= seccomp.NEWEST


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("no kernel headers here")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[machine].read_text())
    headers = {name: int(number) for name, number in found}
    newest = max(number for name, number in headers.items() if name != "syscalls")
    column = MACHINES.index(machine)

    for name, numbers in NUMBERS.items():
        number = numbers[column]
        if number is None or number <= newest:  # newer ones: these headers know nothing of them
            assert headers.get(name) == number, name


def test_an_unknown_machine_has_no_program() -> None:
    with pytest.raises(OSError, match="no seccomp filter for riscv64"):
        seccomp.program(network=False, machine="riscv64")
