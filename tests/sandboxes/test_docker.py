"""The docker sandbox as a port: its contract on each level and runtime, and what it says of itself.

What needs an engine, an image or gVisor is skipped where they are not.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import pytest
from tests.sandboxes.docker_images import IMAGE, engine, skip_without_docker

from gadfly import Ended, InputError, Job, JobResult, Level, Limits, Plugins, SandboxError
from gadfly.testing import SANDBOX_CHECKS, SandboxCheck
from gadfly_docker import DockerSandbox, _container

pytestmark = pytest.mark.sandbox

STARTED = "print(open('/proc/1/stat').read().rpartition(')')[2].split()[19])"
"""When the container's first process was started."""


ROOT = """
for line in open('/proc/self/mountinfo'):
    if ' / / ' in line:
        print(line.partition(' - ')[2])
"""
"""The container's own file system, which no other has, without the numbers that are a room's."""


def python(code: str, **how: Any) -> Job:
    return Job(("python", "-c", code), **how)


@pytest.fixture(scope="session", params=["fast", "strict", "gvisor fast", "gvisor strict"])
def docker(request: pytest.FixtureRequest) -> Iterator[DockerSandbox]:
    """The sandbox, on each runtime and level."""
    kernel, _, level = request.param.rpartition(" ")
    runtime = "runsc" if kernel else None
    skip_without_docker(runtime)
    sandbox = DockerSandbox(IMAGE, runtime=runtime, level=level, workers=2)
    yield sandbox
    asyncio.run(sandbox.close())


@pytest.fixture
async def plain() -> AsyncIterator[DockerSandbox]:
    """One container of the engine's default runtime, for jobs that follow each other."""
    skip_without_docker()
    sandbox = DockerSandbox(IMAGE, workers=1)
    yield sandbox
    await sandbox.close()


@contextlib.asynccontextmanager
async def opened(sandbox: DockerSandbox) -> AsyncGenerator[DockerSandbox]:
    try:
        yield sandbox
    finally:
        await sandbox.close()


def containers(sandbox: DockerSandbox) -> list[dict[str, Any]]:
    """Those of a sandbox."""
    label = f"dev.gadfly.sandbox={sandbox._docker._mark}"
    with engine() as client:
        found: list[dict[str, Any]] = client.containers(all=True, filters={"label": label})
    return found


# ---------------------------------------------------------------------- the contract


@pytest.mark.parametrize("check", SANDBOX_CHECKS, ids=str)
async def test_it_keeps_the_sandbox_contract(check: SandboxCheck, docker: DockerSandbox) -> None:
    if str(check) == "ends when closed":
        # The fixture is for all tests, and closing is for good.
        async with opened(DockerSandbox(IMAGE)) as fresh:
            await check.run(fresh)
    else:
        await check.run(docker)


@pytest.mark.parametrize("name", ["docker", "docker/gvisor"])
async def test_it_is_found_by_its_name(name: str) -> None:
    skip_without_docker("runsc" if name == "docker/gvisor" else None)
    sandbox = Plugins.discover().create("sandboxes", name, image=IMAGE)

    result = await sandbox.run(python("print(1)"))

    assert result.stdout == "1\n"
    await sandbox.close()


async def test_it_says_what_is_in_force(docker: DockerSandbox) -> None:
    isolation = await docker.probe()

    assert isolation.sandbox == "docker"
    assert isolation.level in {Level.FAST, Level.STRICT}
    assert isolation.network == "none"
    assert isolation.details["user"] == 65534
    assert isolation.details["capabilities"] == "none"
    assert isolation.details["no_new_privs"] is True
    assert isolation.details["seccomp"] == "filter"
    assert str(isolation.details["image"]).startswith("sha256:")
    assert set(isolation.details["namespaces"]) >= {"pid", "ipc", "net", "mnt"}  # type: ignore[arg-type]  # a list of names


async def test_gvisor_is_another_kernel() -> None:
    skip_without_docker("runsc")
    async with opened(DockerSandbox(IMAGE, runtime="runsc")) as sandbox:
        result = await sandbox.run(python("import os; print(os.uname().release)"))

    assert result.isolation is not None
    assert result.isolation.details["kernel"] == "gVisor's"
    assert result.stdout.strip() != os.uname().release


# ---------------------------------------------------------------------- levels


async def test_on_the_fast_level_jobs_follow_each_other_in_a_container(
    plain: DockerSandbox,
) -> None:
    first, second = [await plain.run(python(STARTED)) for _ in range(2)]

    assert first.stdout == second.stdout
    assert first.isolation is not None
    assert first.isolation.level is Level.FAST


async def test_on_the_strict_level_each_job_has_namespaces_of_its_own_in_one_container() -> None:
    skip_without_docker()
    async with opened(DockerSandbox(IMAGE, level="strict", workers=1)) as sandbox:
        results = [await sandbox.run(python("import os; print(os.getpid())")) for _ in range(3)]
        names = {result.stdout for result in [await sandbox.run(python(ROOT)) for _ in range(2)]}

    assert [result.stdout for result in results] == ["2\n"] * 3
    assert len(names) == 1
    assert all(r.isolation is not None and r.isolation.level is Level.STRICT for r in results)


async def test_where_a_container_can_have_no_namespaces_each_strict_job_has_a_container(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    skip_without_docker()
    # As an engine's own filter refuses what rooms are made with.
    monkeypatch.setattr(
        "gadfly_docker._container.container_filter",
        lambda: (
            '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": '
            '[{"names": ["unshare"], "action": "SCMP_ACT_ERRNO"}]}'
        ),
    )
    async with opened(DockerSandbox(IMAGE, level="strict", workers=1)) as sandbox:
        results = [await sandbox.run(python(ROOT)) for _ in range(3)]
        isolation = await sandbox.probe()

    assert len({result.stdout for result in results}) == 3
    assert isolation.level is Level.STRICT
    assert "a container of its own (" in str(isolation.details["each_job"])


@pytest.mark.parametrize(
    ("kills", "each_job"),
    [
        pytest.param(1, "namespaces and a file system of its own, in a container", id="once"),
        pytest.param(3, "a container of its own (", id="always"),
    ],
)
async def test_rooms_are_given_up_only_when_trial_containers_die_again_and_again(
    kills: int, each_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_docker()
    started: list[str] = []

    def start(*how: Any) -> Any:
        container, warnings = real(*how)
        started.append(container._name)
        if len(started) <= kills:
            with engine() as client:
                client.kill(container._name)
        return container, warnings

    real = _container.start
    monkeypatch.setattr(_container, "start", start)
    async with opened(DockerSandbox(IMAGE, level="strict", workers=1)) as sandbox:
        isolation = await sandbox.probe()

    assert str(isolation.details["each_job"]).startswith(each_job)
    assert len(started) > kills


async def test_modules_are_imported_before_jobs_come() -> None:
    skip_without_docker()
    preload = ("decimal", "no_such_module")
    async with opened(DockerSandbox(IMAGE, workers=1, preload=preload)) as sandbox:
        result = await sandbox.run(python("import sys; print('decimal' in sys.modules)"))

    assert result.stdout == "True\n"


async def test_multiprocessing_works(docker: DockerSandbox) -> None:
    code = """
import multiprocessing
with multiprocessing.Pool(2) as pool:
    print(pool.map(abs, [-1, 2]))
"""
    result = await docker.run(python(code))

    assert (result.stdout, result.stderr) == ("[1, 2]\n", "")


# ---------------------------------------------------------------------- the container's walls


async def test_containers_are_as_hardened_as_the_readme_says(plain: DockerSandbox) -> None:
    await plain.run(python("pass"))
    (container,) = containers(plain)

    with engine() as client:
        found = client.inspect_container(container["Id"])
    host = found["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["ReadonlyRootfs"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert not host["Privileged"]
    assert 0 < host["PidsLimit"] <= 512
    assert host["Memory"] == host["MemorySwap"] > 0
    assert host["NanoCpus"] == 1_000_000_000
    assert host["IpcMode"] == "none"
    assert host["LogConfig"]["Type"] == "none"
    assert host["AutoRemove"]
    assert not host["Init"]
    assert not host["Binds"]
    assert {"Name": "core", "Hard": 0, "Soft": 0} in host["Ulimits"]
    assert found["Config"]["User"] == "65534:65534"


async def test_nothing_but_the_work_folder_can_be_written(docker: DockerSandbox) -> None:
    code = """
import os
for place, _, _ in os.walk('/'):
    if place.startswith(('/proc/', '/sys/', '/dev/fd')):
        continue
    path = os.path.join(place, 'gadfly-test')
    try:
        open(path, 'x').close()
    except OSError:
        continue
    print(place)
"""
    result = await docker.run(python(code))

    written = result.stdout.split()
    assert written
    assert all(place.startswith("/dev/shm") for place in written)


async def test_what_an_image_wants_beside_is_switched_off() -> None:
    skip_without_docker()
    wishes = [
        'ENTRYPOINT ["false"]',
        "USER root",
        "VOLUME /data",
        "WORKDIR /data",
        'HEALTHCHECK CMD ["true"]',
    ]
    name = "gadfly-test-wishes"
    code = "import os; print(os.getuid(), os.access('/data', os.W_OK))"
    with engine() as client:
        made = client.create_container(IMAGE, ["true"], network_disabled=True)["Id"]
        client.commit(made, name, changes=wishes)
        client.remove_container(made)
        try:
            async with opened(DockerSandbox(name, workers=1)) as sandbox:
                result = await sandbox.run(python(code))
                (container,) = containers(sandbox)
                health = client.inspect_container(container["Id"])["State"].get("Health")
        finally:
            client.remove_image(name)

    assert result.stdout == "65534 False\n"
    assert health is None or health["Status"] == "none"


@pytest.mark.parametrize(
    "attack",
    [
        "import os; os.kill(1, 9)",
        "import os; os.kill(1, 19)",
        "import os; os.kill(-1, 9)",
        """
import os
for number in os.listdir('/proc/1/fd'):
    if int(number) > 2:
        os.write(os.open(f'/proc/1/fd/{number}', os.O_WRONLY | os.O_NONBLOCK), b'D' + bytes(4))
""",
        "open('/proc/1/mem', 'r+b').read(1)",
        "import resource; resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3))",
        "open('/proc/1/comm', 'w').write('x')",
    ],
    ids=["kill", "stop", "kill all", "line", "memory", "limits", "name"],
)
async def test_a_job_cannot_touch_its_worker(docker: DockerSandbox, attack: str) -> None:
    result = await docker.run(python(attack))
    after = await docker.run(python("print('well')"))

    # Whatever it was told, it ended by its own doing, and the worker saw it.
    assert result.ended in {Ended.EXITED, Ended.SIGNALED}
    assert after.stdout == "well\n"


# ---------------------------------------------------------------------- when things break


async def running_job(sandbox: DockerSandbox) -> asyncio.Task[JobResult]:
    """A job that sleeps, once its container is there."""
    await sandbox.run(python("pass"))
    job = python("import time; time.sleep(2); print('slept')")
    task = asyncio.create_task(sandbox.run(job))
    await asyncio.sleep(0.5)
    return task


def kill(container: dict[str, Any]) -> None:
    with engine() as client:
        client.kill(container["Id"])


async def another_than(container: dict[str, Any], sandbox: DockerSandbox) -> dict[str, Any]:
    """Wait for a container that runs, and is not this one."""
    while True:
        for found in containers(sandbox):
            if found["Id"] != container["Id"] and found["State"] == "running":
                return found
        await asyncio.sleep(0.05)


async def test_a_container_that_dies_under_a_job_is_tried_once_more(plain: DockerSandbox) -> None:
    task = await running_job(plain)
    (container,) = containers(plain)

    kill(container)

    assert (await task).stdout == "slept\n"


async def test_a_container_that_dies_twice_is_an_error_that_says_how(
    plain: DockerSandbox,
) -> None:
    task = await running_job(plain)
    (first,) = containers(plain)
    kill(first)
    second = await another_than(first, plain)
    await asyncio.sleep(0.5)
    kill(second)

    with pytest.raises(SandboxError, match="its container ended with status 137"):
        await task


async def test_a_container_without_memory_is_named_as_the_cause(plain: DockerSandbox) -> None:
    await plain.run(python("pass"))
    (container,), (worker,) = containers(plain), plain._docker._started
    # As if the machine had promised more memory than it has. Files stay when a job is killed, so
    # in the end there is none for the worker, either.
    with engine() as client:
        client.update_container(container["Id"], mem_limit="40m", memswap_limit="40m")

    await plain.run(python("open('large', 'wb').write(bytes(60 << 20))"))

    assert "its container ran out of memory" in worker.post_mortem()
    assert (await plain.run(python("print('well')"))).stdout == "well\n"


async def test_closing_leaves_no_container() -> None:
    skip_without_docker()
    sandbox = DockerSandbox(IMAGE, level="strict", workers=2)
    await asyncio.gather(*(sandbox.run(python("pass")) for _ in range(3)))

    await sandbox.close()
    await sandbox.close()

    assert containers(sandbox) == []


# ---------------------------------------------------------------------- what is given wrongly


@pytest.mark.parametrize(
    "options",
    [
        {"level": "unsafe"},
        {"level": "Strict"},
        {"memory_mib": 0},
        {"cpus": -1},
        {"workers": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        DockerSandbox(**options)


@pytest.mark.parametrize("name", ["memory_mib", "disk_mib", "processes", "open_files"])
@pytest.mark.parametrize("peer", [False, True])
async def test_a_job_that_wants_more_than_its_container_has_is_refused(
    name: str, peer: bool
) -> None:
    sandbox = DockerSandbox(url="unix:///nowhere", **{name: 8})  # type: ignore[arg-type]  # all numbers
    job = python("pass", limits=Limits(memory_mib=1, disk_mib=1, processes=1, open_files=1))
    higher = dataclasses.replace(job.limits, **{name: 9})  # type: ignore[arg-type]  # all numbers
    large = dataclasses.replace(job, limits=higher)

    with pytest.raises(InputError, match=f"{name}=9 is above its container's, 8"):
        await sandbox.run(dataclasses.replace(job, peer=large) if peer else large)

    await sandbox.close()


async def line_of(sandbox: DockerSandbox) -> str:
    """The one line that a probe fails with."""
    with pytest.raises(SandboxError) as caught:
        await sandbox.probe()
    await sandbox.close()
    line = str(caught.value)
    assert "\n" not in line
    return line


async def test_without_an_engine_one_line_says_how_to_get_one() -> None:
    line = await line_of(DockerSandbox(url="unix:///nowhere/docker.sock"))

    assert "no docker engine answers at unix:///nowhere/docker.sock" in line
    assert "apt-get install docker.io" in line


async def test_the_environment_names_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")

    assert "unix:///elsewhere.sock" in await line_of(DockerSandbox())


@pytest.mark.parametrize("address", ["ssh://root@example.test", "npipe:////./pipe/docker_engine"])
async def test_an_engine_that_cannot_be_spoken_to_is_refused(address: str) -> None:
    assert "forward its socket" in await line_of(DockerSandbox(url=address))


async def test_without_the_image_one_line_says_how_to_get_it() -> None:
    skip_without_docker()
    line = await line_of(DockerSandbox("no-such-image:1"))

    assert "`docker pull no-such-image:1`" in line
    assert "GADFLY_DOCKER_IMAGE" in line


async def test_the_environment_names_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_docker()
    monkeypatch.setenv("GADFLY_DOCKER_IMAGE", "another-image")

    assert "the image another-image is not" in await line_of(DockerSandbox())


async def test_an_image_without_python_is_one_line() -> None:
    skip_without_docker()
    name = "gadfly-test-empty"
    with engine() as client:
        client.import_image_from_data(b"\0" * 10240, repository=name)
        try:
            line = await line_of(DockerSandbox(name))
        finally:
            client.remove_image(name)

    assert "python3" in line


async def test_an_unknown_runtime_is_one_line() -> None:
    skip_without_docker()
    line = await line_of(DockerSandbox(IMAGE, runtime="kata"))

    assert "no runtime 'kata'" in line
    assert "daemon.json" in line
