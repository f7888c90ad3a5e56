"""What control groups hold and count, in real processes; skips where none may be made.

Nothing here depends on the version of the groups: what is found is what is tested. Version 2 was
tested by running this file on such a kernel.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sandboxes.docker_images import IMAGE, engine, skip_without_docker

from gadfly.worker.inside import cgroup

pytestmark = pytest.mark.sandbox

NOBODY = 65534
INSIDE = str(Path(cgroup.__file__).parent)

# The modules are loaded as a worker loads them, and without anything that takes time to import.
START = """
import os, signal, sys, time, types
package = sys.modules["gadfly_worker"] = types.ModuleType("gadfly_worker")
package.__path__ = []
for name in {modules!r}:
    module = types.ModuleType("gadfly_worker." + name)
    module.__package__ = "gadfly_worker"
    setattr(package, name, module)
    sys.modules[module.__name__] = module
    with open({inside!r} + "/" + name + ".py") as file:
        exec(compile(file.read(), name, "exec", dont_inherit=True), module.__dict__)
from gadfly_worker import cgroup, kernel, landlock

MIB = 1024 * 1024

with open("/proc/self/mountinfo") as mounts, open("/proc/self/cgroup") as own:
    groups = cgroup.own_groups(mounts.read(), own.read())
AROUND = {{top + path for top, path in groups.values()}}
AROUND |= {{os.path.dirname(place) for place in AROUND}}  # on version 2 homes are beside us

def places():
    "Where homes of this process's are."
    wanted = "gadfly-%d-" % os.getpid()
    return [p + "/" + n for p in AROUND for n in os.listdir(p) if n.startswith(wanted)]

def start(group, action):
    "Fork into a group; the process has entered it when this returns."
    told, entered = os.pipe()
    pid = group.fork()
    if pid == 0:
        try:
            group.enter()
            os.closerange(3, 1000)  # as jobs do, which hold nothing of ours
            action()
            os._exit(0)
        finally:
            os._exit(1)
    os.close(entered)
    os.read(told, 1)
    os.close(told)
    return pid

def end(pid):
    "How a process ends: its code, or the number of a signal below zero."
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def run(group, action):
    return end(start(group, action))

def use(mib):
    held = bytearray(mib * MIB)
    held[::4096] = b"x" * len(held[::4096])
    return held

def fork_all():
    try:
        while os.fork():
            pass
    except BlockingIOError:
        os._exit(11)
    time.sleep(30)

"""
FIND = """
user = {user!r}
home, lacks = cgroup.find(user)
if user is not None:
    kernel.become(user)
group = home.group("job")
group.limit(64, 8)
group.reset()
"""
OVER = """
group.remove()
home.remove()
"""


def program(code: str, inside: str = INSIDE) -> list[str]:
    modules = ("kernel", "tree", "landlock", "cgroup")
    start = START.format(modules=modules, inside=inside)
    return ["-I", "-S", "-c", start + textwrap.dedent(code)]


def succeeds(code: str) -> str:
    """Run code that asserts by itself; return what it printed."""
    argv = [sys.executable, *program(code)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def holds(code: str, user: int | None = None) -> str:
    """Run code that has a `home`, and a `group` in it."""
    return succeeds(FIND.format(user=user) + textwrap.dedent(code) + OVER)


@functools.cache
def why_not() -> str:
    """Return why nothing can be held here, or an empty string."""
    return succeeds("""
        home, lacks = cgroup.find()
        print(lacks, end="")
        if home is not None:
            home.remove()
    """)


@pytest.fixture(autouse=True, scope="module")
def swept() -> Iterator[None]:
    yield
    cgroup.sweep()


@pytest.fixture
def held() -> None:
    if reason := why_not():
        pytest.skip(f"no control groups can be made here: {reason}")


@pytest.fixture
def root() -> None:
    if os.getuid():
        pytest.skip("only root can become somebody else")


# ------------------------------------------------------------------ holding and counting


@pytest.mark.usefixtures("held")
def test_what_is_found_is_told() -> None:
    holds("""
        assert not lacks
        assert home.kind in {"v1", "v2", "hybrid"}
        assert {"memory", "pids"} <= home.holds
        assert places()
    """)


@pytest.mark.usefixtures("held")
def test_a_process_that_keeps_to_its_limits_is_only_counted() -> None:
    holds("""
        def job():
            use(20)
            until = time.process_time() + 0.1
            while time.process_time() < until:
                pass

        assert run(group, job) == 0
        facts = group.facts()
        assert facts["oom_kills"] == facts["refused_forks"] == 0
        assert 20 * MIB <= facts["peak_bytes"] <= 64 * MIB
        assert 0.05 < facts["cpu_seconds"] < 10
    """)


@pytest.mark.usefixtures("held")
def test_too_much_memory_is_the_end_of_a_process_and_counted() -> None:
    holds("""
        assert run(group, lambda: use(200)) == -signal.SIGKILL
        facts = group.facts()
        assert facts["oom_kills"] == 1
        assert 60 * MIB < facts["peak_bytes"] <= 64 * MIB
    """)


@pytest.mark.usefixtures("held")
def test_memory_is_what_all_processes_use_together() -> None:
    holds("""
        def part():
            held = use(20)
            time.sleep(30)
            del held

        pids = [start(group, part) for _ in range(6)]
        pid, status = os.wait()
        assert pid in pids and os.WTERMSIG(status) == signal.SIGKILL
        assert group.facts()["oom_kills"] >= 1
        group.kill()
    """)


@pytest.mark.usefixtures("held")
def test_memory_that_was_there_before_is_nobodys() -> None:
    holds("""
        before = bytearray(b"x") * (100 * MIB)
        assert run(group, lambda: before[-1]) == 0
        assert group.facts()["peak_bytes"] < 20 * MIB
    """)


@pytest.mark.usefixtures("held")
def test_too_many_processes_are_refused_and_counted() -> None:
    holds("""
        assert run(group, fork_all) == 11
        assert group.facts()["refused_forks"] >= 1
        group.limit(64, 100)
        group.kill()
    """)


@pytest.mark.usefixtures("held")
def test_threads_count_as_processes() -> None:
    holds("""
        def job():
            import _thread
            try:
                for _ in range(20):
                    _thread.start_new_thread(time.sleep, (60,))
            except RuntimeError:
                os._exit(12)

        assert run(group, job) == 12
        assert group.facts()["refused_forks"] == 1
    """)


@pytest.mark.usefixtures("held")
def test_one_job_after_the_other_is_counted_by_itself() -> None:
    holds("""
        run(group, lambda: use(200))
        run(group, fork_all)
        first = group.facts()
        group.kill()
        while cgroup._read_file(places()[0] + "/job/cgroup.procs"):
            try:
                os.wait()
            except ChildProcessError:
                time.sleep(0.001)

        group.reset()
        assert run(group, lambda: use(20)) == 0
        second = group.facts()

        assert first["oom_kills"] == 1 and first["refused_forks"] >= 1
        assert second["oom_kills"] == second["refused_forks"] == 0
        # Where the kernel cannot set it back, it is not told.
        assert 20 * MIB <= second.get("peak_bytes", 20 * MIB) < 60 * MIB
        assert second["cpu_seconds"] < first["cpu_seconds"] + 1
    """)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("limits", [(16, 4), (256, 64), (2**60, 2**60), (64, 8)])
def test_limits_change_in_both_directions(limits: tuple[int, int]) -> None:
    holds(f"""
        group.limit(*{limits!r})
        group.limit(32, 4)
        assert run(group, lambda: use(60)) == -signal.SIGKILL
        group.limit(*{limits!r})
        group.limit(128, 4)
        assert run(group, lambda: use(60)) == 0
    """)


@pytest.mark.usefixtures("held")
def test_groups_are_held_each_by_itself() -> None:
    holds("""
        other = home.group("other")
        other.limit(256, 8)
        assert run(other, lambda: use(100)) == 0
        assert run(group, lambda: use(100)) == -signal.SIGKILL
        assert other.facts()["oom_kills"] == 0
        other.remove()
    """)


@pytest.mark.usefixtures("held")
def test_a_group_is_shared_by_those_who_share_the_home() -> None:
    holds("""
        pid = os.fork()
        if pid == 0:
            os._exit(run(home.join("job"), lambda: use(200)) != -signal.SIGKILL)
        assert end(pid) == 0
        assert group.facts()["oom_kills"] == 1
    """)


# ------------------------------------------------------------------ who and where


@pytest.mark.usefixtures("held", "root")
def test_another_user_in_other_mounts_makes_and_fills_groups() -> None:
    succeeds(f"""
        home, lacks = cgroup.find({NOBODY})
        group = home.group("made-before")
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_SLAVE)
        kernel.mount("tmpfs", "/sys", "tmpfs", 0)
        kernel.become({NOBODY})
        kernel.unshare(kernel.CLONE_NEWUSER)
        for each in (group, home.group("made-after")):
            each.limit(64, 8)
            each.reset()
            assert run(each, lambda: use(200)) == -signal.SIGKILL
            assert run(each, fork_all) == 11
            facts = each.facts()
            assert facts["oom_kills"] == 1 and facts["refused_forks"] >= 1
            each.kill()
            assert each.remove()
    """)


@pytest.mark.usefixtures("held")
@pytest.mark.skipif(sys.platform != "linux", reason="landlock is Linux's")
def test_a_group_stays_in_reach_behind_landlock() -> None:
    holds("""
        pid = os.fork()
        if pid == 0:
            if landlock.abi():
                landlock.Rules([], [], network=False).enforce()
            group.limit(32, 4)
            assert run(group, lambda: use(60)) == -signal.SIGKILL
            assert run(group, fork_all) == 11
            facts = group.facts()
            assert facts["oom_kills"] == 1 and facts["refused_forks"] >= 1
            os._exit(42)
        assert end(pid) == 42
    """)


@pytest.mark.usefixtures("root")
def test_a_user_who_may_not_is_told_why_in_one_line() -> None:
    said = succeeds(f"""
        kernel.become({NOBODY})
        home, lacks = cgroup.find()
        assert home is None
        assert cgroup.sweep() == []
        print(lacks)
    """)

    assert said.count("\n") == 1
    assert len(said) > 10


def test_a_hardened_container_has_none_and_says_why() -> None:
    skip_without_docker()
    code = """
        home, lacks = cgroup.find()
        assert cgroup.sweep() == []
        print("none" if home is None else home.kind, lacks)
    """
    with engine() as client:
        limits = client.create_host_config(
            binds=[f"{INSIDE}:/inside:ro"],
            cap_drop=["ALL"],
            network_mode="none",
            read_only=True,
            security_opt=["no-new-privileges"],
        )
        command = ["python3", *program(code, "/inside")]
        made = client.create_container(IMAGE, command, host_config=limits, user=str(NOBODY))
        try:
            client.start(made)
            client.wait(made, timeout=60)
            said = client.logs(made).decode()
        finally:
            client.remove_container(made, force=True)

    assert said.startswith("none "), said
    assert said.count("\n") == 1


# ------------------------------------------------------------------ ending


@pytest.mark.usefixtures("held")
def test_what_is_in_a_group_is_killed_and_others_are_not() -> None:
    holds("""
        other = home.group("other")
        spared = start(other, lambda: time.sleep(30))

        def daemon():
            try:
                if os.fork() == 0:
                    os.setsid()
            except BlockingIOError:
                pass  # it is about to be killed, and no more are let in
            time.sleep(30)

        pids = [start(group, daemon) for _ in range(3)]
        group.kill()
        assert [end(pid) for pid in pids] == [-signal.SIGKILL] * 3
        while cgroup._read_file(places()[0] + "/job/cgroup.procs"):
            time.sleep(0.001)
        assert os.waitpid(spared, os.WNOHANG) == (0, 0)
        assert run(group, lambda: os.waitpid(os.fork() or os._exit(0), 0)) == 0  # still of use
        other.remove()
        assert end(spared) == -signal.SIGKILL
    """)


@pytest.mark.usefixtures("held")
def test_nothing_is_left_of_a_home() -> None:
    code = """
        assert places()
        pid = start(group, lambda: time.sleep(30))
        group.close()
        gone = home.remove()
        assert end(pid) == -signal.SIGKILL
        assert gone == (not places())
        assert gone or home.kind != "v1"  # on version 2 this very process is in it
        assert not [place for place in places() if os.path.exists(place + "/job")]
    """
    succeeds(FIND.format(user=None) + textwrap.dedent(code))


@pytest.mark.usefixtures("held")
def test_no_descriptor_stays_behind() -> None:
    succeeds("""
        before = os.listdir("/proc/self/fd")
        home, lacks = cgroup.find()
        group = home.group("job")
        assert len(os.listdir("/proc/self/fd")) < len(before) + 25
        group.remove()
        home.remove()
        cgroup.sweep()
        assert os.listdir("/proc/self/fd") == before
    """)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("user", [None, NOBODY])
def test_what_a_killed_host_left_is_swept_when_nobody_holds_it(user: int | None) -> None:
    if user is not None and os.getuid():
        pytest.skip("only root can become somebody else")
    code = FIND.format(user=user) + textwrap.dedent("""
        sleeper = start(group, lambda: time.sleep(600))
        worker = os.fork()
        if worker == 0:
            time.sleep(600)
        print(sleeper, worker, *places(), flush=True)
        time.sleep(600)
    """)
    argv = [sys.executable, *program(code)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        sleeper, worker, *places = host.stdout.readline().split()
        assert places
        try:
            assert not {*cgroup.sweep()} & {*places}
            host.kill()
            host.wait()
            assert not {*cgroup.sweep()} & {*places}  # the worker is alive
        finally:
            os.kill(int(worker), 9)
            host.kill()

    swept: set[str] = set()
    deadline = time.monotonic() + 20
    while not swept >= {*places} and time.monotonic() < deadline:  # until the worker has gone
        swept |= {*cgroup.sweep()}

    assert swept >= {*places}
    assert not any(Path(place).exists() for place in places)
    assert not _lives(int(sleeper))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("gadfly-17-0123abcd", True),
        ("gadfly-17-0123abc", False),
        ("gadfly-server.service", False),
        ("gadfly-17", False),
        ("gadfly--0123abcd", False),
        ("system.slice", False),
    ],
)
def test_only_homes_are_swept(name: str, ours: bool) -> None:
    assert cgroup._is_ours(name) is ours


# ------------------------------------------------------------------ what /proc says

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "23 1 8:1 / / rw - ext4 /dev/sda rw\n"
    "31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
    "33 31 0:30 {root} /sys/fs/cgroup/cpu,cpuacct {rw} - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /sys/fs/cgroup/memory {rw} - cgroup cgroup rw,memory\n"
    "39 31 0:36 {root} /sys/fs/cgroup/pids {rw} master:3 shared:7 - cgroup cgroup rw,pids\n"
    "40 31 0:37 {root} /sys/fs/cgroup/systemd {rw} - cgroup cgroup rw,xattr,name=systemd\n"
)
OWN_V1 = "4:memory:{0}\n3:cpu,cpuacct:{0}\n2:pids:{0}\n1:name=systemd:{0}\n"


@pytest.mark.parametrize(
    ("mountinfo", "membership", "found"),
    [
        pytest.param(
            V2,
            "0::/user.slice/user-1000.slice/a.scope\n",
            {"": ("/sys/fs/cgroup", "/user.slice/user-1000.slice/a.scope")},
            id="v2",
        ),
        pytest.param(V2, "0::/\n", {"": ("/sys/fs/cgroup", "")}, id="v2-root"),
        pytest.param(
            V2.replace(" / ", " /docker/abc ", 1),
            "0::/docker/abc/inner\n",
            {"": ("/sys/fs/cgroup", "/inner")},
            id="v2-container",
        ),
        pytest.param(V2, "0::/../other\n", {}, id="v2-outside-of-the-namespace"),
        pytest.param(V2.replace(" / ", " /docker/a ", 1), "0::/docker/ab\n", {}, id="v2-elsewhere"),
        pytest.param(
            V1.format(root="/", rw="rw"),
            OWN_V1.format("/a/b"),
            {
                "memory": ("/sys/fs/cgroup/memory", "/a/b"),
                "cpu": ("/sys/fs/cgroup/cpu,cpuacct", "/a/b"),
                "cpuacct": ("/sys/fs/cgroup/cpu,cpuacct", "/a/b"),
                "pids": ("/sys/fs/cgroup/pids", "/a/b"),
                "name=systemd": ("/sys/fs/cgroup/systemd", "/a/b"),
            },
            id="v1",
        ),
        pytest.param(
            V1.format(root="/docker/abc", rw="ro") + V2.replace("/cgroup ", "/cgroup/unified ", 1),
            OWN_V1.format("/docker/abc") + "0::/x\n",
            {
                "": ("/sys/fs/cgroup/unified", "/x"),
                "memory": ("/sys/fs/cgroup/memory", ""),
                "cpu": ("/sys/fs/cgroup/cpu,cpuacct", ""),
                "cpuacct": ("/sys/fs/cgroup/cpu,cpuacct", ""),
                "pids": ("/sys/fs/cgroup/pids", ""),
                "name=systemd": ("/sys/fs/cgroup/systemd", ""),
            },
            id="hybrid-container",
        ),
        pytest.param(
            V2.replace(" rw,nosuid", " ro") + V2.replace("/sys/fs/cgroup", "/mnt\\040x"),
            "0::/a:b\n",
            {"": ("/mnt x", "/a:b")},
            id="the-writable-one-of-two",
        ),
        pytest.param("23 1 8:1 / / rw - ext4 /dev/sda rw\n", "0::/\n", {}, id="none"),
        pytest.param("", "", {}, id="nothing"),
    ],
)
def test_our_own_group_is_found(
    mountinfo: str, membership: str, found: dict[str, tuple[str, str]]
) -> None:
    assert cgroup.own_groups(mountinfo, membership) == found


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_mount_may_have_any_name(name: str) -> None:
    shown = "".join(rf"\{ord(c):03o}" if c in " \t\n\\#" else c for c in name)
    mountinfo = f"30 23 0:26 / /{shown} rw - cgroup2 cgroup2 rw\n"

    assert cgroup.own_groups(mountinfo, "0::/a\n") == {"": (f"/{name}", "/a")}


# ------------------------------------------------------------------ version 2, in plain files


def tree(top: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(content)
    return str(top)


ABOVE = {"cgroup.controllers": "cpu memory pids\n", "cgroup.subtree_control": "memory pids\n"}
OWN = {"a/cgroup.type": "domain\n", "a/memory.max": "max\n", "a/memory.high": "max\n"}
WANTED = ["memory", "pids"]


def test_a_home_is_made_beside_our_own_group(tmp_path: Path) -> None:
    top = tree(tmp_path, {**ABOVE, **OWN})

    assert cgroup.unified_ground(top, "/a", WANTED) == (top, WANTED)


def test_a_home_is_made_in_the_root(tmp_path: Path) -> None:
    top = tree(tmp_path, ABOVE)

    assert cgroup.unified_ground(top, "", WANTED) == (top, WANTED)


def test_less_is_held_where_less_is_handed_down(tmp_path: Path) -> None:
    top = tree(tmp_path, {**ABOVE, **OWN, "cgroup.subtree_control": "pids\n"})

    assert cgroup.unified_ground(top, "/a", WANTED) == (top, ["pids"])
    assert (tmp_path / "cgroup.subtree_control").read_text() == "pids\n"  # not ours to change


@pytest.mark.parametrize(
    ("changed", "path", "reason"),
    [
        pytest.param({"a/memory.max": "1073741824\n"}, "/a", "memory.max", id="bounded"),
        pytest.param({"a/memory.high": "1073741824\n"}, "/a", "memory.high", id="throttled"),
        pytest.param({"cgroup.subtree_control": "cpu\n"}, "/a", "hands none", id="no-controllers"),
        pytest.param({"cgroup.type": "domain\n"}, "", "our own group", id="all-that-is-mounted"),
    ],
)
def test_a_reason_is_given_where_none_can_be_made(
    tmp_path: Path, changed: dict[str, str], path: str, reason: str
) -> None:
    top = tree(tmp_path, {**ABOVE, **OWN, **changed})

    with pytest.raises(OSError, match=reason):
        cgroup.unified_ground(top, path, WANTED)
