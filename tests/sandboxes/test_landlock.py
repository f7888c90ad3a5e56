"""What landlock's rules leave in reach, in real processes; skips what this kernel cannot rule."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from gadfly.worker.inside import landlock

ABI = landlock.abi()

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(ABI == 0, reason="this kernel has no landlock"),
]


def needs(version: int) -> pytest.MarkDecorator:
    return pytest.mark.skipif(version > ABI, reason=f"landlock {ABI} here, needs {version}")


# What Python itself reads. The module is loaded alone, as a worker does in a foreign image.
SYSTEM = ["/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", sys.prefix, sys.base_prefix]
START = """
import errno, importlib.util, os, sys
spec = importlib.util.spec_from_file_location("landlock", {module!r})
landlock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(landlock)

def rules(readable=(), writable=(), network=False):
    return landlock.Rules([*{system!r}, *readable], writable, network=network)

def denied(action, *words, **options):
    try:
        action(*words, **options)
    except PermissionError as error:
        return error.errno == errno.EACCES
    return False

def in_a_child(action):
    "Whether the action came to its end, in a process of its own."
    pid = os.fork()
    if pid == 0:
        try:
            action()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

work, outside = sys.argv[1:]
"""


@dataclass(frozen=True)
class Folders:
    """A job's work folder, and a folder that is none of its business; each with a file."""

    work: Path
    outside: Path

    def succeeds(self, code: str, *, start: str = "rules().enforce([work])") -> str:
        """Run code that asserts by itself, with `work` and `outside`; return what it printed."""
        program = START.format(module=landlock.__file__, system=SYSTEM)
        program += start + "\n" + textwrap.dedent(code)
        done = subprocess.run(
            [sys.executable, "-I", "-c", program, self.work, self.outside],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    for name in ("work", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    return Folders(tmp_path / "work", tmp_path / "outside")


# ------------------------------------------------------------------ files


def test_nothing_outside_is_read_listed_or_changed(folders: Folders) -> None:
    folders.succeeds("""
        assert denied(open, outside + "/file")
        assert denied(os.listdir, outside)
        assert denied(os.listdir, "/")
        assert denied(open, outside + "/file", "a")
        assert denied(open, outside + "/new", "w")
        assert denied(os.mkdir, outside + "/new")
        assert denied(os.symlink, "/", outside + "/new")
        assert denied(os.mkfifo, outside + "/new")
        assert denied(os.remove, outside + "/file")
        assert denied(os.rename, outside + "/file", outside + "/new")
        assert denied(os.rmdir, outside)
    """)

    assert [place.name for place in folders.outside.iterdir()] == ["file"]
    assert (folders.outside / "file").read_text() == "outside"


def test_nothing_outside_is_executed(folders: Folders) -> None:
    folders.succeeds("""
        import shutil, subprocess
        program = shutil.copy("/bin/true", work + "/true")
        assert subprocess.run([program]).returncode == 0
    """)
    (folders.work / "true").rename(folders.outside / "true")

    folders.succeeds("""
        import subprocess
        assert denied(subprocess.run, [outside + "/true"])
    """)


def test_what_is_readable_is_not_changed(folders: Folders) -> None:
    folders.succeeds(
        """
        assert open(outside + "/file").read() == "outside"
        assert os.listdir(outside) == ["file"]
        assert denied(open, outside + "/file", "a")
        assert denied(open, outside + "/new", "w")
        assert denied(os.remove, outside + "/file")
        assert denied(os.truncate, outside + "/file", 0) or landlock.abi() < 3
        """,
        start="rules([outside]).enforce([work])",
    )


def test_everything_is_done_in_the_work_folder(folders: Folders) -> None:
    folders.succeeds("""
        import shutil
        os.makedirs(work + "/a/b")
        with open(work + "/a/b/c", "w") as file:
            file.write("hello")
        os.truncate(work + "/a/b/c", 4)
        assert open(work + "/a/b/c").read() == "hell"
        open(work + "/file", "w").close()
        os.symlink("c", work + "/a/b/d")
        os.mkfifo(work + "/a/b/e")
        os.rename(work + "/a/b/c", work + "/a/b/f")
        assert sorted(os.listdir(work + "/a/b")) == ["d", "e", "f"]
        shutil.rmtree(work + "/a")
        assert os.listdir(work) == ["file"]
    """)


@needs(2)
def test_files_move_between_folders_inside_the_work_folder(folders: Folders) -> None:
    folders.succeeds("""
        os.mkdir(work + "/a")
        os.mkdir(work + "/b")
        os.rename(work + "/file", work + "/a/file")
        os.link(work + "/a/file", work + "/b/linked")
        os.rename(work + "/a", work + "/b/a")
        assert open(work + "/b/a/file").read() == "work"
    """)


def test_no_file_moves_or_is_linked_over_the_border(folders: Folders) -> None:
    folders.succeeds(
        """
        for one, other in ((work, outside), (outside, work)):
            for action in (os.rename, os.link):
                try:
                    action(one + "/file", other + "/new")
                except OSError as error:
                    assert error.errno in (errno.EACCES, errno.EXDEV)
                else:
                    raise AssertionError((action, one, other))
        """,
        start="rules([outside]).enforce([work])",
    )


@needs(3)
def test_nothing_outside_is_truncated(folders: Folders) -> None:
    folders.succeeds('assert denied(os.truncate, outside + "/file", 0)')

    assert (folders.outside / "file").read_text() == "outside"


def test_devices_are_made_by_nobody(folders: Folders) -> None:
    folders.succeeds("""
        import stat
        for kind in (stat.S_IFCHR, stat.S_IFBLK):
            try:
                os.mknod(work + "/device", kind | 0o666, os.makedev(1, 3))
            except PermissionError:
                continue
            raise AssertionError(kind)
    """)


def test_a_device_is_written_that_may_be(folders: Folders) -> None:
    folders.succeeds(
        """
        open("/dev/null", "w").write("hello")
        assert open("/dev/null").read() == ""
        assert open("/dev/zero", "rb", 0).read(1) == b"\\0"
        assert denied(open, "/dev/zero", "wb")
        assert denied(open, "/dev/full", "wb")
        """,
        start='rules(["/dev/zero"], ["/dev/null"]).enforce([work])',
    )


@needs(5)
@pytest.mark.parametrize("named", ["terminal", "'/dev/pts'"])
def test_a_device_is_not_configured(folders: Folders, named: str) -> None:
    code = f"""
        import fcntl, pty, termios
        opened = pty.openpty()[1]
        terminal = os.ttyname(opened)
        rules((), [{named}]).enforce([work])
        with open(terminal, "r+b", 0) as again:
            assert denied(fcntl.ioctl, again, termios.TIOCSWINSZ, b"x" * 8)
    """

    folders.succeeds(code, start="")


def test_single_files_are_readable_or_writable(folders: Folders) -> None:
    (folders.outside / "mine").write_text("")

    folders.succeeds(
        """
        assert open(outside + "/file").read() == "outside"
        open(outside + "/mine", "w").write("mine")
        assert denied(open, outside + "/file", "a")
        assert denied(os.remove, outside + "/mine")
        assert denied(os.listdir, outside)
        """,
        start='rules([outside + "/file"], [outside + "/mine"]).enforce([work])',
    )

    assert (folders.outside / "mine").read_text() == "mine"


def test_a_symbolic_link_leads_nowhere_else(folders: Folders) -> None:
    folders.succeeds("""
        os.symlink(outside + "/file", work + "/link")
        assert denied(open, work + "/link")
    """)


def test_paths_that_do_not_exist_are_left_out(folders: Folders) -> None:
    folders.succeeds(
        'assert open(work + "/file").read() == "work"',
        start='rules(["/no/such/place"], [work + "/file/below"]).enforce([work])',
    )


def test_a_work_folder_that_does_not_exist_is_an_error(folders: Folders) -> None:
    code = """
        try:
            rules().enforce([work + "/nowhere"])
        except FileNotFoundError:
            open(outside + "/file").close()
            print("not bound")
    """

    assert folders.succeeds(code, start="") == "not bound\n"


# ------------------------------------------------------------------ one job after another


def test_what_one_job_may_change_stays_closed_to_the_next(folders: Folders) -> None:
    folders.succeeds(
        """
        shared = rules()

        def job(own, other):
            shared.enforce([own])
            open(own + "/file").close()
            open(own + "/made", "w").close()
            assert denied(open, other + "/file")
            assert denied(open, other + "/new", "w")

        assert in_a_child(lambda: job(work, outside))
        assert in_a_child(lambda: job(outside, work))
        assert in_a_child(lambda: job(work, outside))
        assert sorted(os.listdir(outside)) == ["file", "made"]  # nothing binds the parent
        """,
        start="",
    )


def test_no_descriptor_stays_behind(folders: Folders) -> None:
    code = """
        before = os.listdir("/proc/self/fd")
        rules(["/etc/passwd"], ["/dev/null"]).enforce([work])
        assert os.listdir("/proc/self/fd") == before, os.listdir("/proc/self/fd")
        for number in range(3, 100):
            try:
                os.fstat(number)
            except OSError:
                continue
            raise AssertionError(number)
    """

    folders.succeeds(code, start="")


def test_paths_are_looked_up_when_the_rules_are_entered(folders: Folders) -> None:
    code = """
        given = rules([outside + "/later"])
        os.closerange(3, 100)
        open(outside + "/later", "w").close()
        given.enforce([work])
        open(outside + "/later").close()
    """

    folders.succeeds(code, start="")


def test_the_rules_stay_through_exec_and_forbid_privileges(folders: Folders) -> None:
    folders.succeeds("""
        import subprocess
        assert "NoNewPrivs:\\t1" in open("/proc/self/status").read()
        done = subprocess.run(["cat", outside + "/file"], capture_output=True)
        assert b"Permission denied" in done.stderr and not done.stdout
    """)


# ------------------------------------------------------------------ beyond files


@needs(4)
def test_without_a_network_nothing_is_connected_or_bound(folders: Folders) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        folders.succeeds(f"""
            import socket
            assert denied(socket.create_connection, {server.getsockname()!r})
            assert denied(socket.create_server, ("127.0.0.1", 0))
        """)


def test_with_a_network_tcp_is_left_alone(folders: Folders) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        folders.succeeds(
            f"""
            import socket
            socket.create_connection({server.getsockname()!r}).close()
            socket.create_server(("127.0.0.1", 0)).close()
            """,
            start="rules(network=True).enforce([work])",
        )


@needs(6)
def test_signals_stay_below_the_job(folders: Folders) -> None:
    folders.succeeds("""
        import signal, subprocess, threading
        for pid in (os.getppid(), 1):
            try:
                os.kill(pid, 0)
            except PermissionError:
                continue
            raise AssertionError(pid)
        os.kill(os.getpid(), 0)
        signal.pthread_kill(threading.main_thread().ident, 0)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
            child.kill()
        assert child.returncode == -9
    """)


@needs(6)
def test_abstract_sockets_of_others_are_out_of_reach(folders: Folders) -> None:
    name = f"\0gadfly-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
        listener.listen()

        folders.succeeds(f"""
            import socket
            try:
                socket.socket(socket.AF_UNIX).connect({name!r})
            except PermissionError:
                pass
            else:
                raise AssertionError("connected")
            own = socket.socket(socket.AF_UNIX)
            own.bind({name + "-own"!r})
            own.listen()
            socket.socket(socket.AF_UNIX).connect({name + "-own"!r})
        """)


def test_the_memory_and_environment_of_others_are_out_of_reach(folders: Folders) -> None:
    code = """
        import subprocess
        if os.getuid() == 0:  # whose capabilities reach everything
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        with subprocess.Popen(["cat"], env={"SECRET": "1"}, **options) as other:
            other.stdin.write(b"x")
            other.stdout.read(1)  # it runs
            places = [f"/proc/{other.pid}/{name}" for name in ("environ", "maps", "mem")]
            for place in places:
                open(place, "rb", 0).close()
            assert open(places[0], "rb", 0).read() == b"SECRET=1\\0"
            rules().enforce()
            assert all(denied(open, place, "rb", 0) for place in places)
            assert denied(os.readlink, f"/proc/{other.pid}/cwd")
    """

    folders.succeeds(code, start="")


# ------------------------------------------------------------------ kernels


@pytest.mark.parametrize("version", range(1, ABI + 1))
def test_the_rules_of_an_older_kernel_are_taken(folders: Folders, version: int) -> None:
    folders.succeeds(
        """
        open(work + "/new", "w").close()
        open("/dev/null", "w").close()
        assert denied(open, outside + "/file")
        """,
        start=f"""
landlock.abi = lambda: {version}
rules(["/etc/passwd"], ["/dev/null"]).enforce([work])
""",
    )


def test_a_newer_kernel_rules_socket_files_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ruled: dict[int, bytes] = {}
    for version in (8, 9, 12):
        monkeypatch.setattr(landlock, "abi", lambda version=version: version)
        ruled[version] = landlock.Rules([], network=False)._ruleset

    assert int.from_bytes(ruled[8][:8], sys.byteorder) == 0xFFFF
    assert int.from_bytes(ruled[9][:8], sys.byteorder) == 0x1FFFF
    assert ruled[12] == ruled[9]


def test_a_kernel_without_landlock_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 0)

    with pytest.raises(OSError, match="this kernel has no landlock"):
        landlock.Rules(["/usr"], network=False).enforce()
