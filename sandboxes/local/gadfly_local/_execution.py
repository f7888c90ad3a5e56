"""One job from the host's side: start the launcher, feed and drain the job, hear the report.

It is plain blocking code that runs in a thread of its own. So limits hold and pipes are drained
whatever the host's event loop is busy with.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gadfly import Ended, InputError, Isolation, Job, JobResult, SandboxError
from gadfly_local._channels import Channel, Input, Output, Report
from gadfly_local._folder import WorkFolder
from gadfly_local._plan import Plan

_BOOT = """\
import sys
sys.path.append(sys.argv[1])
from _launch.supervisor import main
main(int(sys.argv[2]))
"""
_GRACE_SECONDS = 20.0
"""How long after a job's wall time the supervisor may be silent before it is given up."""
_LINGER_SECONDS = 0.05
"""How long the ends of the pipes are waited for when all processes of the job are dead."""
_ENFORCED = (
    "network",
    "wall_seconds",
    "cpu_seconds",
    "memory_mib",
    "disk_mib",
    "processes",
    "open_files",
)
"""What the supervisor has to know of the limits; output is counted here."""


class Execution:
    """One run of one job.

    Args:
        job: What to run.
        plan: Returns how; asked when the run begins.
        root: Where to make the work folder.

    Raises:
        InputError: The command cannot be passed to any process.
    """

    def __init__(self, job: Job, plan: Callable[[], Plan], root: Path) -> None:
        if any("\0" in word for word in job.argv):
            raise InputError(f"the job's command holds a NUL character: {job.argv!r:.200}")
        self._job = job
        self._find_plan = plan
        self._root = root
        self._cancelled = threading.Event()
        self._control: socket.socket | None = None

    def cancel(self) -> None:
        """Have the job killed; `run` then ends soon. At any time, from any thread."""
        self._cancelled.set()
        self._kill()

    def _kill(self) -> None:
        if self._control is not None:
            with contextlib.suppress(OSError):  # it is over already
                self._control.shutdown(socket.SHUT_WR)

    def run(self) -> JobResult:
        """Run the job to its end.

        Raises:
            InputError: The job's files do not fit together.
            SandboxError: The machinery failed, or the job was cancelled.
        """
        try:
            return self._run(self._find_plan())
        except OSError as error:
            raise SandboxError(f"the local sandbox failed: {error}") from error

    def _run(self, plan: Plan) -> JobResult:
        limit = self._job.limits.output_kib * 1024
        with WorkFolder(self._root, plan.user) as folder:
            folder.fill(self._job.files)
            self._control, theirs = socket.socketpair()
            with self._control, theirs, _start(theirs) as supervisor:
                try:
                    theirs.close()
                    self._describe(folder.path, plan)
                    report, outputs = self._converse(supervisor)
                finally:
                    supervisor.kill()  # it has ended, or is given up
            files, rejected = folder.collect(self._job.collect, limit)
        if self._cancelled.is_set():
            raise SandboxError("the job was cancelled")
        return _result(
            report, outputs, files, rejected, plan.isolation(network=self._job.limits.network)
        )

    def _describe(self, folder: Path, plan: Plan) -> None:
        """Tell the supervisor what to run."""
        assert self._control
        job, limits = self._job, self._job.limits
        command = sys.executable if job.argv[0] == "python" else job.argv[0]
        spec = {
            "argv": [word.encode("utf-8", "surrogatepass") for word in (command, *job.argv[1:])],
            "env": {os.fsencode(k): os.fsencode(v) for k, v in _environment(folder).items()},
            "folder": str(folder),
            "user": plan.user,
            "namespaces": plan.namespaces,
            "mounts": plan.mounts,
            **{name: getattr(limits, name) for name in _ENFORCED},
        }
        data = marshal.dumps(spec)
        # A supervisor that died early is told by its missing report.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if self._cancelled.is_set():
                self._kill()
            self._control.sendall(len(data).to_bytes(4, "big") + data)

    def _converse(
        self, supervisor: subprocess.Popen[bytes]
    ) -> tuple[dict[str, str], tuple[Output, Output]]:
        """Feed and drain the job until the supervisor has reported."""
        assert self._control
        assert supervisor.stdin
        assert supervisor.stdout
        assert supervisor.stderr
        limit = self._job.limits.output_kib * 1024
        outputs = Output(supervisor.stdout, limit), Output(supervisor.stderr, limit)
        stdin = Input(supervisor.stdin, self._job.stdin.encode("utf-8", "surrogatepass"))
        report = Report(self._control)
        seconds = self._job.limits.wall_seconds + _GRACE_SECONDS
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for pipe in (supervisor.stdin, supervisor.stdout, supervisor.stderr):
                os.set_blocking(pipe.fileno(), False)
            selector.register(supervisor.stdin, selectors.EVENT_WRITE, stdin)
            selector.register(supervisor.stdout, selectors.EVENT_READ, outputs[0])
            selector.register(supervisor.stderr, selectors.EVENT_READ, outputs[1])
            selector.register(self._control, selectors.EVENT_READ, report)
            awaited: set[Channel] = {report, *outputs}
            while awaited and (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(min(left, _GRACE_SECONDS)):  # infinity is too long
                    channel: Channel = key.data
                    if channel.advance():
                        continue
                    selector.unregister(key.fileobj)
                    awaited.discard(channel)
                    if channel is report:
                        deadline = time.monotonic() + _LINGER_SECONDS
                if any(output.flooded for output in outputs):
                    self._kill()
        if report in awaited:
            raise SandboxError(f"the job's supervisor did not answer within {seconds:.0f} s")
        if not report.lines:
            said = (outputs[1].text.splitlines() or ["it said nothing"])[-1][:200]
            raise SandboxError(f"the job's supervisor died ({supervisor.wait()}): {said}")
        if problem := report.lines.get("error"):
            raise SandboxError(f"the local sandbox failed: {problem}")
        return report.lines, outputs


def _start(theirs: socket.socket) -> subprocess.Popen[bytes]:
    place = str(Path(__file__).parent)
    command = [sys.executable, "-I", "-S", "-c", _BOOT, place, str(theirs.fileno())]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env={},
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )


def _result(
    report: dict[str, str],
    outputs: tuple[Output, Output],
    files: dict[str, str],
    rejected: dict[str, str],
    isolation: Isolation,
) -> JobResult:
    reason = report["reason"]
    truncated = any(output.flooded for output in outputs)
    exit_code = signal = None
    if truncated:
        ended = Ended.OUTPUT
    elif reason:
        ended = Ended(reason)
    elif "signal" in report:
        ended, signal = Ended.SIGNALED, int(report["signal"])
    else:
        ended, exit_code = Ended.EXITED, int(report["exit_code"])
    return JobResult(
        ended=ended,
        exit_code=exit_code,
        signal=signal,
        stdout=outputs[0].text,
        stderr=outputs[1].text,
        truncated=truncated,
        files=files,
        rejected=rejected,
        wall_seconds=float(report["wall"]),
        cpu_seconds=float(report["cpu"]),
        peak_memory_mib=float(report["peak"]),
        leftover_processes=int(report["leftover"]),
        isolation=isolation,
    )


def _environment(folder: Path) -> dict[str, str]:
    """Return all that a job sees of an environment: nothing of ours."""
    interpreter = str(Path(sys.executable).parent)
    return {
        "PATH": f"{interpreter}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        # One job is one core's work; these also keep address space small.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
