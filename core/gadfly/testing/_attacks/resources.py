"""Attacks on what the machine has: processes, memory, time, output, disk, descriptors.

Each limit has its own end. Two ends are accepted only where the kernel may refuse what is asked for
before the limit is reached: then the program goes on, with little, and ends by itself.
"""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import replace
from pathlib import Path

from gadfly._values.job import Ended, JobResult, Level, Limits
from gadfly.testing._attacks._attack import Kind
from gadfly.testing._attacks._programs import DEAF, HEADLESS, HIDDEN, SYSCALLS, TOKENS
from gadfly.testing._attacks._stage import Stage, expect, expect_bounded, hold

resources = Kind("resources")

_FEW = Limits(processes=16)
_SMALL = Limits(memory_mib=128)
_STAY = "\nimport time\ntime.sleep(5)\n"


# ---------------------------------------------------------------------- processes


@resources.attack("fork bomb")
async def fork_bomb(stage: Stage) -> None:
    """A process that forks and forks ends with `processes`."""
    code = """
import os, time
for _ in range(300):
    try:
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
    except OSError:
        pass
"""
    expect(await stage.python(code + _STAY, limits=_FEW), Ended.PROCESSES)


@resources.attack("fork bomb of a family")
async def fork_bomb_of_a_family(stage: Stage) -> None:
    """A family in which every member forks ends with `processes`."""
    code = f"{TOKENS}\nwhile fork() is not None: pass\n{_STAY}"
    expect(await stage.python(code, limits=_FEW), Ended.PROCESSES)


@resources.attack("fork bomb of daemons")
async def fork_bomb_of_daemons(stage: Stage) -> None:
    """Processes that leave session, group and parent still count: `processes`."""
    code = """
import os, time
for _ in range(60):
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(5)
            os._exit(0)
        os.wait()
    except OSError:
        pass
"""
    expect(await stage.python(code + _STAY, limits=_FEW), Ended.PROCESSES)


@resources.attack("fork bomb by clone3")
async def fork_bomb_by_clone3(stage: Stage) -> None:
    """Processes that are born by clone3 count (`processes`), or clone3 is refused.

    It may be refused because no filter can look into its argument.
    """
    code = """
import struct, time
arguments = ctypes.create_string_buffer(struct.pack("11Q", 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0))
born = 0
for _ in range(300):
    pid = syscall("clone3", arguments, 64)
    if pid == 0:
        time.sleep(5)
        os._exit(0)
    born += pid > 0
if born:
    time.sleep(5)
print(born)
"""
    result = await stage.python(SYSCALLS + code, limits=_FEW)
    expect_bounded(result, Ended.PROCESSES, at_most=0)


@resources.attack("fork bomb by vfork")
async def fork_bomb_by_vfork(stage: Stage) -> None:
    """Programs that are spawned (vfork and exec) count: `processes`."""
    code = """
import os
for _ in range(200):
    try: os.posix_spawnp("sleep", ["sleep", "5"], os.environ)
    except OSError: pass
"""
    expect(await stage.python(code + _STAY, limits=_FEW), Ended.PROCESSES)


@resources.attack("thread bomb")
async def thread_bomb(stage: Stage) -> None:
    """Threads count as processes: `processes`."""
    code = """
import threading, time
for _ in range(200):
    try: threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    except RuntimeError: pass
"""
    expect(await stage.python(code + _STAY, limits=_FEW), Ended.PROCESSES)


@resources.attack("zombie flood")
async def zombie_flood(stage: Stage) -> None:
    """Dead processes that nobody has waited for count: `processes`."""
    code = """
import os
for _ in range(300):
    try:
        if os.fork() == 0: os._exit(0)
    except OSError:
        pass
"""
    expect(await stage.python(code + _STAY, limits=_FEW), Ended.PROCESSES)


@resources.attack("many short processes")
async def many_short_processes(stage: Stage) -> None:
    """Processes that follow each other are no bomb, however many: the job ends by itself."""
    code = """
import os
for _ in range(150):
    if os.fork() == 0: os._exit(0)
    os.wait()
print("done")
"""
    # Time is not what is tried here, and a fork takes a tenth of a second where it is dear.
    limits = replace(_FEW, wall_seconds=90, cpu_seconds=90)
    expect(await stage.python(code, limits=limits), Ended.EXITED, exit_code=0, stdout="done\n")


# ---------------------------------------------------------------------- memory


@resources.attack("memory bomb")
async def memory_bomb(stage: Stage) -> None:
    """Memory that is filled beyond the limit is `memory`; the peak is less than twice the limit.

    Twice, because memory may be watched from outside where no control group holds it.
    """
    code = """
import time
held = []
try:
    for _ in range(500):
        held.append(b"x" * 2**20)
        time.sleep(0.001)
except MemoryError: pass
"""
    result = await stage.python(code + _STAY, limits=_SMALL)
    expect(result, Ended.MEMORY)
    hold(result.peak_memory_mib < 256, f"the peak was {result.peak_memory_mib:.0f} MiB")


@resources.attack("memory bomb at full speed")
async def memory_bomb_at_full_speed(stage: Stage) -> None:
    """Memory that is filled as fast as it can be is `memory`."""
    code = """
held = []
try:
    for _ in range(60): held.append(b"x" * (10 * 2**20))
except MemoryError: pass
"""
    expect(await stage.python(code + _STAY, limits=_SMALL), Ended.MEMORY)


@resources.attack("memory bomb of many children")
async def memory_bomb_of_many_children(stage: Stage) -> None:
    """Children that are small each are counted together: `memory`."""
    code = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = b"x" * 40_000_000
        time.sleep(5)
        os._exit(0)
"""
    expect(await stage.python(code + _STAY, limits=_SMALL), Ended.MEMORY)


@resources.attack("memory bomb that hides itself")
async def memory_bomb_that_hides_itself(stage: Stage) -> None:
    """Processes that nobody may look into are counted: `memory`."""
    code = f"""{HIDDEN}
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = b"x" * 40_000_000
        time.sleep(5)
        os._exit(0)
"""
    expect(await stage.python(code + _STAY, limits=_SMALL), Ended.MEMORY)


@resources.attack("memory bomb behind a dead main thread")
async def memory_bomb_behind_a_dead_main_thread(stage: Stage) -> None:
    """Memory of processes whose main thread has ended counts: `memory`."""
    code = f"""{HEADLESS}
def fill():
    time.sleep(0.05)
    held = b"x" * 60_000_000
    time.sleep(5)
for _ in range(7):
    if os.fork() == 0: break
go_on_without_main(fill)
"""
    expect(await stage.python(code, limits=_SMALL), Ended.MEMORY)


@resources.attack("memory bomb in shared mappings")
async def memory_bomb_in_shared_mappings(stage: Stage) -> None:
    """Shared anonymous memory counts: `memory`."""
    code = """
import mmap
held = mmap.mmap(-1, 400 * 2**20)
for at in range(0, len(held), 2**20): held[at:at + 2**20] = b"x" * 2**20
"""
    result = await stage.python(code + _STAY, limits=_SMALL)
    if result.ended is Ended.EXITED and "Error" in result.stderr:
        return  # the mapping itself was refused: it is more than twice the limit
    expect(result, Ended.MEMORY)


@resources.attack("memory in memory files", Level.PROCESS)
async def memory_in_memory_files(stage: Stage) -> None:
    """Memory files that nobody has mapped are bounded: `memory` or `disk`, or they are refused.

    They are memory that looks like files, so either limit may be what holds them.
    """
    code = """
import os
got, held = 0, []
try:
    while got < 400:
        held.append(os.memfd_create("m"))
        for _ in range(16): os.write(held[-1], bytes(2**20)); got += 1
    import time; time.sleep(1)
except OSError:
    pass
print(got)
"""
    result = await stage.python(code, limits=Limits(memory_mib=128, disk_mib=16))
    expect_bounded(result, Ended.MEMORY, Ended.DISK, at_most=128)


@resources.attack("memory in /dev/shm", Level.PROCESS)
async def memory_in_shm(stage: Stage) -> None:
    """Files in /dev/shm are bounded: `memory` or `disk`, or the kernel refuses them."""
    result = await _fill(stage, "/dev/shm")  # noqa: S108 - the job's, if it has one
    expect_bounded(result, Ended.MEMORY, Ended.DISK, at_most=128)


@resources.attack("files in /tmp", Level.PROCESS)
async def files_in_tmp(stage: Stage) -> None:
    """Files in /tmp are bounded: `memory` or `disk`, or the kernel refuses them."""
    result = await _fill(stage, "/tmp")  # noqa: S108 - the same
    expect_bounded(result, Ended.MEMORY, Ended.DISK, at_most=128)


async def _fill(stage: Stage, folder: str) -> JobResult:
    code = """
import os, sys, tempfile
got, held = 0, []
try:
    while got < 400:
        held.append(tempfile.TemporaryFile(dir=sys.argv[1]))
        for _ in range(8): os.write(held[-1].fileno(), bytes(2**20)); got += 1
    import time; time.sleep(1)
except OSError:
    pass
print(got)
"""
    return await stage.python(code, folder, limits=Limits(memory_mib=128, disk_mib=16))


@resources.attack("memory in pipes")
async def memory_in_pipes(stage: Stage) -> None:
    """What stands in pipes is bounded: `memory` or `descriptors`, or the kernel refuses it."""
    code = """
import fcntl, os
got, held = 0, []
try:
    for _ in range(200):
        held.append(os.pipe())
        os.set_blocking(held[-1][1], False)
        try: fcntl.fcntl(held[-1][1], 1031, 2**20)
        except OSError: pass
        got += os.write(held[-1][1], bytes(2**20)) / 2**20
except OSError:
    pass
print(got)
"""
    result = await stage.python(code, limits=_SMALL)
    expect_bounded(result, Ended.MEMORY, Ended.DESCRIPTORS, at_most=128)


@resources.attack("locked memory")
async def locked_memory(stage: Stage) -> None:
    """Memory cannot be locked beyond the limit: `memory`, or the kernel refuses it."""
    code = """
import ctypes, mmap
libc = ctypes.CDLL(None)
got, held = 0, []
try:
    while got < 400:
        held.append(mmap.mmap(-1, 2**24, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        if libc.mlock(ctypes.byref(ctypes.c_char.from_buffer(held[-1])), ctypes.c_size_t(2**24)):
            break
        got += 16
except OSError:
    pass
print(got)
"""
    result = await stage.python(code, limits=_SMALL)
    expect_bounded(result, Ended.MEMORY, at_most=128)


@resources.attack("reserved memory")
async def reserved_memory(stage: Stage) -> None:
    """A terabyte that is reserved and not used is granted or refused, and is never `memory`."""
    code = """
import mmap
MAP_NORESERVE = 0x4000
try:
    mmap.mmap(-1, 2**40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
except (OSError, MemoryError):
    pass
print("alive")
"""
    result = await stage.python(code, limits=_SMALL)
    expect(result, Ended.EXITED, exit_code=0, stdout="alive\n")


@resources.attack("one huge object")
async def one_huge_object(stage: Stage) -> None:
    """One object of several times the limit is `memory`, or a MemoryError of the program's own.

    A single request that can never be granted may be refused at once.
    """
    _expect_no_memory(await stage.python("x = bytearray(b'x') * (500 * 2**20)", limits=_SMALL))


@resources.attack("decompression bomb")
async def decompression_bomb(stage: Stage) -> None:
    """A small archive that becomes large in the job is `memory`, or a MemoryError of its own.

    The same as for one huge object, which it is at the end.
    """
    code = "import gzip\nheld = gzip.decompress(gzip.compress(bytes(20 * 2**20)) * 20)"
    _expect_no_memory(await stage.python(code + _STAY, limits=_SMALL))


def _expect_no_memory(result: JobResult) -> None:
    if result.ended is Ended.EXITED and "MemoryError" in result.stderr:
        expect(result, Ended.EXITED, exit_code=1)
    else:
        expect(result, Ended.MEMORY)


# ---------------------------------------------------------------------- time

_BRIEF = Limits(cpu_seconds=0.4, wall_seconds=20)


@resources.attack("busy loop, deaf")
async def busy_loop_deaf(stage: Stage) -> None:
    """A busy loop that no signal reaches ends with `cpu`."""
    expect(await stage.python(f"{DEAF}\nwhile True: pass", limits=_BRIEF), Ended.CPU)


@resources.attack("busy loop in C")
async def busy_loop_in_c(stage: Stage) -> None:
    """A computation that never lets the interpreter go on ends with `cpu`."""
    expect(await stage.python("x = 10**10**8", limits=_BRIEF), Ended.CPU)


@resources.attack("catastrophic regular expression")
async def catastrophic_regular_expression(stage: Stage) -> None:
    """A regular expression that never returns ends by the controller's clock: `timeout`."""
    code = "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')"
    expect(await stage.python(code, limits=Limits(wall_seconds=0.7)), Ended.TIMEOUT)


@resources.attack("busy family")
async def busy_family(stage: Stage) -> None:
    """Processor time of eight processes together ends with `cpu`."""
    code = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    expect(await stage.python(code, limits=_BRIEF), Ended.CPU)


@resources.attack("busy children, one after the other")
async def busy_children_one_after_the_other(stage: Stage) -> None:
    """Processor time of children that are dead counts: `cpu`."""
    code = """
import os, time
for _ in range(40):
    if os.fork() == 0:
        end = time.process_time() + 0.1
        while time.process_time() < end: pass
        os._exit(0)
    os.wait()
"""
    expect(await stage.python(code + _STAY, limits=_BRIEF), Ended.CPU)


@resources.attack("busy relay of daemons")
async def busy_relay_of_daemons(stage: Stage) -> None:
    """Processor time of orphans that hand over to the next and die counts: `cpu`."""
    code = """
import os, time
if os.fork() == 0:
    for _ in range(40):
        end = time.process_time() + 0.1
        while time.process_time() < end: pass
        if os.fork(): os._exit(0)
    os._exit(0)
time.sleep(10)
"""
    expect(await stage.python(code, limits=_BRIEF), Ended.CPU)


@resources.attack("busy behind a dead main thread")
async def busy_behind_a_dead_main_thread(stage: Stage) -> None:
    """Processor time of a process whose main thread has ended counts: `cpu`."""
    code = f"{HEADLESS}\ndef spin():\n while True: pass\ngo_on_without_main(spin)"
    expect(await stage.python(code, limits=_BRIEF), Ended.CPU)


@resources.attack("busy under a false name")
async def busy_under_a_false_name(stage: Stage) -> None:
    """A process whose name looks like other fields of /proc is watched all the same: `cpu`."""
    code = """
import ctypes, os
for name in (b"x) Z 1 1 1 0", b"a\\n) S 0 0 (", b")))", b" ", b"\\xff\\xfe"):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
        while True: pass
os.wait()
"""
    expect(await stage.python(code, limits=_BRIEF), Ended.CPU)


@resources.attack("sleeper, deaf")
async def sleeper_deaf(stage: Stage) -> None:
    """A sleeper that no signal reaches ends with `timeout`, and used no processor time."""
    code = f"{DEAF}\nimport time\ntime.sleep(30)"
    result = await stage.python(code, limits=Limits(wall_seconds=0.7))
    expect(result, Ended.TIMEOUT)
    hold(result.cpu_seconds < 0.5, f"it is said to have used {result.cpu_seconds} s")


# ---------------------------------------------------------------------- output


@resources.attack("flood of stdout")
async def flood_of_stdout(stage: Stage) -> None:
    """A flood of stdout without a newline is `output`; its head is kept, and little memory used."""
    await _flood(stage, 1)


@resources.attack("flood of stderr")
async def flood_of_stderr(stage: Stage) -> None:
    """A flood of stderr without a newline is `output`; its head is kept, and little memory used."""
    await _flood(stage, 2)


async def _flood(stage: Stage, stream: int) -> None:
    code = f"import os\nfor _ in range(8000): os.write({stream}, b'x' * 131072)"
    before = _resident_mib()
    running = asyncio.ensure_future(stage.python(code, limits=Limits(output_kib=64)))
    peak = before
    while not (await asyncio.wait([running], timeout=0.01))[0]:
        peak = max(peak, _resident_mib())
    result = await running
    expect(result, Ended.OUTPUT)
    kept = result.stdout if stream == 1 else result.stderr
    hold(result.truncated, "it does not say that output was cut")
    hold(kept == "x" * 65_536, f"of 64 KiB {len(kept)} characters were kept")
    hold(peak - before < 64, f"this process grew by {peak - before:.0f} MiB meanwhile")


def _resident_mib() -> float:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
    except OSError:  # no Linux: nothing to be seen
        return 0.0


@resources.attack("flood of both streams")
async def flood_of_both_streams(stage: Stage) -> None:
    """Two processes that flood one stream each are `output`; no byte changes its stream."""
    code = """
import os
name = b"o" if os.fork() else b"e"
for _ in range(8000): os.write(1 if name == b"o" else 2, name * 4096)
"""
    result = await stage.python(code, limits=Limits(output_kib=64))
    expect(result, Ended.OUTPUT)
    for text, letter in (result.stdout, "o"), (result.stderr, "e"):
        hold(len(text) <= 65_536, f"{len(text)} characters were kept")
        hold(set(text) <= {letter}, f"the stream of {letter!r} holds {set(text)}")


@resources.attack("output that just fits")
async def output_that_just_fits(stage: Stage) -> None:
    """Output of exactly the limit is whole, and no flood."""
    code = "import os\nfor s in (1, 2): os.write(s, b'x' * 16384)"
    result = await stage.python(code, limits=Limits(output_kib=16))
    expect(result, Ended.EXITED, exit_code=0, stdout="x" * 16_384, stderr="x" * 16_384)
    hold(not result.truncated, "it says that output was cut")


@resources.attack("output cut inside a character")
async def output_cut_inside_a_character(stage: Stage) -> None:
    """Output that is cut inside a character keeps every whole one: `output`."""
    code = "import os; os.write(1, b'a' + 'é'.encode() * 600)"
    result = await stage.python(code, limits=Limits(output_kib=1))
    expect(result, Ended.OUTPUT)
    whole = "a" + "é" * 511
    hold(result.stdout in {whole, f"{whole}\ufffd"}, f"it ends in {result.stdout[-3:]!r}")


@resources.attack("output that is no text")
async def output_that_is_no_text(stage: Stage) -> None:
    """Every byte comes through: NUL, escapes, broken UTF-8 (replaced), carriage returns."""
    raw = bytes(range(256)) + b"\xf0\x9f\x1b[2J\r\n\0"
    code = f"import os; os.write(1, {raw!r}); os.write(2, {raw[::-1]!r})"
    result = await stage.python(code)
    out, err = raw.decode(errors="replace"), raw[::-1].decode(errors="replace")
    expect(result, Ended.EXITED, exit_code=0, stdout=out, stderr=err)


# ---------------------------------------------------------------------- disk and descriptors

_THIN = Limits(disk_mib=4)


@resources.attack("large file")
async def large_file(stage: Stage) -> None:
    """A file that grows beyond the limit is `disk`."""
    code = """
try:
    with open("large", "wb", buffering=0) as file:
        for _ in range(200): file.write(bytes(2**20))
except OSError: pass
"""
    expect(await stage.python(code + _STAY, limits=_THIN), Ended.DISK)


@resources.attack("many files")
async def many_files(stage: Stage) -> None:
    """Files that are small each are counted together: `disk`."""
    code = """
try:
    for i in range(200): open(f"{i}", "wb").write(bytes(2**19))
except OSError: pass
"""
    expect(await stage.python(code + _STAY, limits=_THIN), Ended.DISK)


@resources.attack("empty files")
async def empty_files(stage: Stage) -> None:
    """Files without content, by the ten thousand, are `disk`."""
    code = """
try:
    for i in range(10_000): open(f"{i}", "wb").close()
except OSError: pass
"""
    expect(await stage.python(code + _STAY, limits=_THIN), Ended.DISK)


@resources.attack("sparse giant")
async def sparse_giant(stage: Stage) -> None:
    """A file of a petabyte without content is refused to the job, or is `disk`."""
    code = """
try:
    open("giant", "wb").truncate(2**50)
    import time; time.sleep(2)
    print(2**50)
except OSError:
    print(0)
"""
    expect_bounded(await stage.python(code, limits=_THIN), Ended.DISK, at_most=0)


@resources.attack("reserved disk")
async def reserved_disk(stage: Stage) -> None:
    """Blocks that are reserved and not written are refused to the job, or are `disk`."""
    code = """
import os
try:
    os.posix_fallocate(os.open("a", os.O_CREAT | os.O_RDWR), 0, 300 * 2**20)
    import time; time.sleep(2)
    print(300)
except OSError:
    print(0)
"""
    expect_bounded(await stage.python(code, limits=_THIN), Ended.DISK, at_most=0)


@resources.attack("deleted files that are open", Level.FAST)
async def deleted_files_that_are_open(stage: Stage) -> None:
    """Files without a name are bounded: `disk` or `memory`, or the kernel refuses them.

    What no folder shows is found by a file system of the job's own, or by looking at descriptors.
    """
    code = """
import os
got, held = 0, []
try:
    for i in range(60):
        held.append(os.open("gone", os.O_CREAT | os.O_RDWR))
        os.unlink("gone")
        for _ in range(3): os.write(held[-1], bytes(2**20)); got += 1
    import time; time.sleep(1)
except OSError:
    pass
print(got)
"""
    result = await stage.python(code, limits=Limits(disk_mib=4, memory_mib=128))
    expect_bounded(result, Ended.DISK, Ended.MEMORY, at_most=5)


@resources.attack("files in a locked folder", Level.FAST)
async def files_in_a_locked_folder(stage: Stage) -> None:
    """Files in a folder that the job has locked against looking are bounded, and are cleared away.

    `disk`, or the kernel refuses them.
    """
    code = """
import os
got = 0
os.mkdir("locked")
try:
    held = [os.open(f"locked/{i}", os.O_CREAT | os.O_RDWR) for i in range(30)]
    os.chmod("locked", 0)
    os.chmod(".", 0)
    for one in held:
        for _ in range(2): os.write(one, bytes(2**20)); got += 1
    import time; time.sleep(1)
except OSError:
    pass
print(got)
"""
    expect_bounded(await stage.python(code, limits=_THIN), Ended.DISK, at_most=5)


@resources.attack("deep folders")
async def deep_folders(stage: Stage) -> None:
    """Folders that are a thousand deep are made, and cleared away."""
    code = """
import os
for _ in range(1000):
    os.mkdir("d" * 40)
    os.chdir("d" * 40)
print("done")
"""
    expect(await stage.python(code), Ended.EXITED, exit_code=0, stdout="done\n")


@resources.attack("odd file names")
async def odd_file_names(stage: Stage) -> None:
    """Names of 255 bytes, of newlines and of broken UTF-8 are made, and cleared away."""
    code = r"""
import os
for name in (b"x" * 255, b"\xff\xfe", b"a\nb", b"-rf", b"\x1b[2J", b" ", "é".encode() * 127):
    open(name, "w").close()
    os.mkdir(name[:-1] + b"_")
print(len(os.listdir(b".")))
"""
    expect(await stage.python(code), Ended.EXITED, exit_code=0, stdout="14\n")


@resources.attack("hoard of descriptors")
async def hoard_of_descriptors(stage: Stage) -> None:
    """A job that takes all the descriptors that it may ends with `descriptors`."""
    code = "import os\ntry:\n while True: os.dup(0)\nexcept OSError: pass\n"
    result = await stage.python(code + _STAY, limits=Limits(open_files=64))
    expect(result, Ended.DESCRIPTORS)


@resources.attack("hoard that hides itself")
async def hoard_that_hides_itself(stage: Stage) -> None:
    """Descriptors of a process that nobody may look into count, or it gets no more than it may.

    `descriptors`; or, where the hoard cannot be seen, what the kernel refuses, a few to spare.
    """
    code = f"""{HIDDEN}
import os
got = 0
try:
    while True: os.dup(0); got += 1
except OSError: pass
import time
time.sleep(1)
print(got)
"""
    result = await stage.python(code, limits=Limits(open_files=64))
    expect_bounded(result, Ended.DESCRIPTORS, at_most=80)


@resources.attack("hoard of pipes and events")
async def hoard_of_pipes_and_events(stage: Stage) -> None:
    """Pipes and event descriptors count as open files: `descriptors`."""
    code = """
import os, select
held = []
try:
    while True:
        held.append(os.pipe())
        held.append(select.epoll())
        held.append(os.eventfd(0) if hasattr(os, "eventfd") else os.pipe())
except OSError: pass
"""
    result = await stage.python(code + _STAY, limits=Limits(open_files=64))
    expect(result, Ended.DESCRIPTORS)


@resources.attack("limits raised")
async def limits_raised(stage: Stage) -> None:
    """No limit of the kernel that a job is under can be raised by it."""
    code = """
import resource
for name in dir(resource):
    if name.startswith("RLIMIT_"):
        soft, hard = resource.getrlimit(number := getattr(resource, name))
        if hard == resource.RLIM_INFINITY: continue
        try:
            resource.setrlimit(number, (soft, resource.RLIM_INFINITY))
            print(name)
        except (ValueError, OSError):
            pass
"""
    await stage.refused(code)


# ---------------------------------------------------------------------- the interpreter itself


@resources.attack("source of 50 MB")
async def source_of_50_mb(stage: Stage) -> None:
    """A program of 50 MB arrives and runs."""
    source = f"#{'x' * 50_000_000}\nprint('end')\n"
    job_limits = Limits(disk_mib=128)
    code = "import runpy; runpy.run_path('large.py')"
    result = await stage.python(code, files={"large.py": source}, limits=job_limits)
    expect(result, Ended.EXITED, exit_code=0, stdout="end\n")


@resources.attack("source that no parser survives")
async def source_that_no_parser_survives(stage: Stage) -> None:
    """Source nested without end, and source with NUL or broken text, is the program's own failure.

    Status 1, and a reason on stderr.
    """
    sources = ("(" * 200_000, "-" * 200_000 + "1", "x = 1\0\n", "x = '\ud800'", "def f(:\n")
    for source in sources:
        code = "compile(open('a.py', 'rb').read().decode(), 'a.py', 'exec')"
        result = await stage.python(code, files={"a.py": source})
        expect(result, Ended.EXITED, exit_code=1)
        hold("Error" in result.stderr, f"stderr was {result.stderr[-100:]!r}")


@resources.attack("compressed file that comes back")
async def compressed_file_that_comes_back(stage: Stage) -> None:
    """A compressed file comes back as the bytes that it is: nothing expands it."""
    code = "import gzip; open('a.gz', 'wb').write(gzip.compress(bytes(30 * 2**20), mtime=0))"
    result = await stage.python(code, collect=("a.gz",))
    expect(result, Ended.EXITED, exit_code=0)
    size, written = len(result.files.get("a.gz", "")), len(gzip.compress(bytes(30 * 2**20)))
    hold(0 < size <= written + 1000, f"{size} characters came back")
