"""Attacks with the files that come back: what `Job.collect` names and the job has prepared.

Whatever stands there, what comes back is what the job wrote, or nothing and a reason. A job's files
are read when all of its processes are dead, without following anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

from gadfly._values.job import Ended, JobResult, Limits
from gadfly.testing._attacks._attack import Kind
from gadfly.testing._attacks._stage import Stage, expect, hold, open_folder, secret_file

files = Kind("files")


@contextlib.contextmanager
def _secret() -> Generator[tuple[Path, str]]:
    """Put a file on this machine that everyone may read."""
    with open_folder() as folder, secret_file(folder) as secret:
        yield secret


def _refused(result: JobResult, *names: str) -> None:
    expect(result, Ended.EXITED, exit_code=0)
    hold(not result.files, f"it brought back {sorted(result.files)}")
    hold(set(result.rejected) == set(names), f"it refused {sorted(result.rejected)}")
    hold(all(result.rejected.values()), f"a reason is missing: {result.rejected}")


@files.attack("symbolic links that come back")
async def symbolic_links_that_come_back(stage: Stage) -> None:
    """Links to files, to devices, through /proc and to each other are refused."""
    code = """
import os, sys
os.symlink(sys.argv[1], "file")
os.symlink("/dev/zero", "device")
os.symlink("/proc/self/environ", "proc")
os.symlink("/proc/self/root" + sys.argv[1], "magic")
os.symlink("b", "a"); os.symlink("a", "b")
os.symlink("../" * 30 + sys.argv[1][1:], "up")
os.symlink("nowhere", "dangling")
"""
    names = ("file", "device", "proc", "magic", "a", "b", "up", "dangling")
    with _secret() as (place, _):
        job = stage.job(code, str(place), collect=names)
        _refused(await stage.run(job), *names)


@files.attack("folder that is a link")
async def folder_that_is_a_link(stage: Stage) -> None:
    """A file below a link to a folder is refused, near and far."""
    code = """
import os, sys
os.symlink(os.path.dirname(sys.argv[1]), "near")
os.makedirs("a/b")
os.symlink(os.path.dirname(sys.argv[1]), "a/b/c")
os.symlink("/", "root")
"""
    with _secret() as (place, _):
        names = (f"near/{place.name}", f"a/b/c/{place.name}", f"root{place}")
        _refused(await stage.python(code, str(place), collect=names), *names)


@files.attack("hard links that come back")
async def hard_links_that_come_back(stage: Stage) -> None:
    """A file with a second name is refused; one of the machine cannot be given one."""
    code = """
import os, sys
open("one", "w").write("x")
os.link("one", "two")
for name in (sys.argv[1], "/etc/passwd"):
    try: os.link(name, "far-" + os.path.basename(name))
    except OSError: pass
"""
    with _secret() as (place, text):
        names = ("one", "two", f"far-{place.name}", "far-passwd")
        result = await stage.python(code, str(place), collect=names)
        expect(result, Ended.EXITED, exit_code=0)
        hold(not result.files, f"it brought back {sorted(result.files)}")
        hold({"one", "two"} <= set(result.rejected), f"it refused {sorted(result.rejected)}")
        hold(place.read_text() == text and place.stat().st_nlink == 1, "the file has a new name")


@files.attack("what is no file")
async def what_is_no_file(stage: Stage) -> None:
    """FIFOs, sockets, folders and devices are refused, and nobody waits for them."""
    code = """
import os, socket, stat
os.mkfifo("fifo")
os.mkdir("folder")
try: socket.socket(socket.AF_UNIX).bind("socket")
except OSError: os.mkfifo("socket")
try: os.mknod("device", stat.S_IFCHR | 0o666, os.makedev(1, 5))
except OSError: os.mkfifo("device")
"""
    names = ("fifo", "socket", "folder", "device")
    _refused(await stage.python(code, collect=names), *names)


@files.attack("file that is exchanged")
async def file_that_is_exchanged(stage: Stage) -> None:
    """A daemon that exchanges file and folder for links, as fast as it can, gains nothing.

    Each name comes back as the job wrote it, or is refused, or is just not there: what the daemon
    had in place when it was killed is chance.
    """
    code = """
import os, sys, time
far = os.path.dirname(sys.argv[1])
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.mkdir("kept")
    open(f"kept/{os.path.basename(sys.argv[1])}", "w").write("mine")
    open("kept-file", "w").write("mine")
    os.write(writer, b"x")
    while True:
        for act in (
            lambda: os.link("kept-file", "out"), lambda: os.unlink("out"),
            lambda: os.symlink(sys.argv[1], "out"), lambda: os.unlink("out"),
            lambda: os.rename("kept", "d"), lambda: os.rename("d", "kept"),
            lambda: os.symlink(far, "d"), lambda: os.unlink("d"),
        ):
            try: act()
            except OSError: pass
os.read(reader, 1)
time.sleep(0.05)
"""
    with _secret() as (place, text):
        names = ("out", f"d/{place.name}")
        for _ in range(3):
            result = await stage.python(code, str(place), collect=names)
            expect(result, Ended.EXITED, exit_code=0)
            hold(set(result.files.values()) <= {"mine"}, f"it brought back {result.files}")
            hold(text not in repr(result), "it read a file of the machine")


@files.attack("folder in another's place")
async def folder_in_anothers_place(stage: Stage) -> None:
    """Of a job that puts a link in the place of its folder nothing is read but its own files."""
    code = """
import os, sys
here = os.getcwd()
try:
    os.rename(here, here + "-away")
    os.symlink(os.path.dirname(sys.argv[1]), here)
except OSError:
    pass
"""
    with _secret() as (place, _):
        result = await stage.python(code, str(place), collect=(place.name,))
        expect(result, Ended.EXITED, exit_code=0)
        hold(not result.files, f"it brought back {sorted(result.files)}")


@files.attack("large files that come back")
async def large_files_that_come_back(stage: Stage) -> None:
    """A file above the limit is refused, a sparse one too; one of exactly the limit comes back."""
    code = """
open("large", "wb").write(b"x" * 16385)
open("sparse", "wb").truncate(2**25)
open("fits", "wb").write(b"x" * 16384)
"""
    names, limits = ("large", "sparse", "fits"), Limits(output_kib=16)
    result = await stage.python(code, collect=names, limits=limits)
    expect(result, Ended.EXITED, exit_code=0)
    hold(dict(result.files) == {"fits": "x" * 16_384}, f"it brought back {sorted(result.files)}")
    hold(set(result.rejected) == {"large", "sparse"}, f"it refused {sorted(result.rejected)}")


@files.attack("many files that come back")
async def many_files_that_come_back(stage: Stage) -> None:
    """Two thousand files come back, each as it was written."""
    names = tuple(f"f{number}" for number in range(2000))
    code = "for i in range(2000): open(f'f{i}', 'w').write(str(i))"
    result = await stage.python(code, collect=names)
    expect(result, Ended.EXITED, exit_code=0)
    wanted = {name: name[1:] for name in names}
    hold(dict(result.files) == wanted, f"{len(result.files)} files came back")


@files.attack("a hundred thousand files")
async def a_hundred_thousand_files(stage: Stage) -> None:
    """A job that makes more files than it may is `disk`, and what it left is cleared away."""
    code = """
try:
    for i in range(100_000): open(f"f{i}", "w").close()
except OSError: pass
import time
time.sleep(5)
"""
    names = tuple(f"f{number}" for number in range(100))
    expect(await stage.python(code, collect=names, limits=Limits(disk_mib=16)), Ended.DISK)


@files.attack("odd names that come back")
async def odd_names_that_come_back(stage: Stage) -> None:
    """Files of odd names come back under them: 255 bytes, newlines, dashes, accents."""
    names = ("x" * 255, "a\nb", "-rf", "é" * 127, "*", "a b/c d", "\x1b[2J")
    code = """
import os, sys
os.mkdir("a b")
for name in eval(sys.stdin.read()): open(name, "w").write("here")
"""
    result = await stage.python(code, collect=names, stdin=repr(names))
    expect(result, Ended.EXITED, exit_code=0)
    hold(dict(result.files) == dict.fromkeys(names, "here"), f"it brought {sorted(result.files)}")


@files.attack("names that no folder can hold")
async def names_that_no_folder_can_hold(stage: Stage) -> None:
    """To ask for names that cannot be is no trouble: nothing comes back under them."""
    names = ("x" * 300, "d/" * 3000 + "x", "\ud800", "file/below")
    code = "open('file', 'w').write('x')"
    result = await stage.python(code, collect=names)
    expect(result, Ended.EXITED, exit_code=0)
    hold(not result.files, f"it brought back {sorted(result.files)}")


@files.attack("file that may not be read")
async def file_that_may_not_be_read(stage: Stage) -> None:
    """A file and a folder without permissions are read all the same, or refused; the rest comes.

    Either, because a collector that has to ask as the job's user has no other right.
    """
    code = """
import os
os.mkdir("shut")
open("shut/in", "w").write("mine")
open("locked", "w").write("mine")
open("free", "w").write("mine")
os.chmod("locked", 0)
os.chmod("shut", 0)
"""
    result = await stage.python(code, collect=("locked", "shut/in", "free"))
    expect(result, Ended.EXITED, exit_code=0)
    hold(result.files.get("free") == "mine", f"it brought back {sorted(result.files)}")
    hold(set(result.files.values()) == {"mine"}, f"it brought back {result.files}")
    named = set(result.files) | set(result.rejected)
    hold(named == {"locked", "shut/in", "free"}, f"it speaks of {sorted(named)} only")


@files.attack("file that is no text")
async def file_that_is_no_text(stage: Stage) -> None:
    """A file's bytes come back as they are, those that are no UTF-8 replaced."""
    raw = bytes(range(256)) + b"\r\n\0\xf0\x9f"
    result = await stage.python(f"open('raw', 'wb').write({raw!r})", collect=("raw",))
    expect(result, Ended.EXITED, exit_code=0)
    hold(result.files.get("raw") == raw.decode(errors="replace"), f"it was {result.files!r:.200}")
