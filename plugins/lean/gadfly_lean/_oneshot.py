"""The driver that is hardest to deceive: a fresh `lean` for every file, each step in a sandbox.

The submission is compiled in one sandboxed job, and nothing but its `.olean` comes back. It is
exported by lean4export in a second job, and replayed in a third: no syntax of the submission runs
there, nor where SafeVerify compares it. Comparator builds it once more, confined by landrun. The
challenge is compiled and exported in jobs of its own, and what kernels compute with (`Nat.gcd`,
...) is exported from Lean's own library, where no submission has a hand in it.

What Lean prints may be made up by the submission, which shares its streams; so a line that is not
one of Lean's messages makes the whole answer a problem.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from gadfly import Ended, InputError, Job, JobResult, Limits, Sandbox, SandboxError
from gadfly_lean._checkers import Ruling, read_comparator, read_safe_verify
from gadfly_lean._headers import split_header
from gadfly_lean._names import parse_name
from gadfly_lean._ports import SEVERITIES, Answer, Message, Replay, Request
from gadfly_lean._repl.probe import axiom_source, new_nonce, read_axioms
from gadfly_lean._standard import AXIOMS
from gadfly_lean._toolchain import Toolchain

_BUILT_IN = """
Nat Nat.add Nat.sub Nat.mul Nat.pow Nat.gcd Nat.div Nat.mod Nat.beq Nat.ble Nat.land Nat.lor Nat.xor
Nat.shiftLeft Nat.shiftRight Nat.log2 String String.ofList Char Char.ofNat List Quot Eq
"""
BUILT_IN = tuple(_BUILT_IN.split())
"""What is exported from Lean's own library, so that it can be compared (see `_standard`). Of those
that a version of Lean lacks, the exporter complains, and goes on."""

_NO_TARGET = re.compile(r"[Cc]onstant (?P<name>\S+) not found")
_COMPILE = """\
export LEAN_PATH="$1"
shift
"$@"
code=$?
if [ -f File.olean ]; then base64 File.olean > File.base64; fi
exit $code
"""
_INSPECT = """\
base64 -d File.base64 > File.olean || exit 96
export LEAN_PATH="$PWD:$1" LEAN_SYSROOT="$2"
shift 2
"$@" > File.out
"""
_VERIFY = """\
base64 -d File.base64 > File.olean && base64 -d Challenge.base64 > Challenge.olean || exit 96
export LEAN_PATH="$1" LEAN_SYSROOT="$2"
shift 2
"$@"
"""
_PAIR = ("Challenge.olean", "File.olean", "-s", "report.json")
_COMPARE = """\
export PATH="$1:$PATH" HOME="$PWD" COMPARATOR_LANDRUN="$3" COMPARATOR_LEAN4EXPORT="$4"
# Comparator lets landrun go without where the machine cannot confine: see that it can.
"$3" --best-effort --ro / --rw /dev -ldd -add-exec --rox / \
    sh -c 'echo ran; : > escaped' > confined 2> /dev/null
[ "$(cat confined)" = ran ] && [ ! -e escaped ] || exit 97
exec lake env "$2" config.json
"""
_LAKEFILE = """\
name = "gadfly"

[leanOptions]
autoImplicit = false

[[lean_lib]]
name = "Challenge"

[[lean_lib]]
name = "Solution"
"""
_OWN_LIBRARY = frozenset({"Init", "Std", "Lean"})
_REFER = """\
export LEAN_PATH="$1" LEAN_SYSROOT="$2"
shift 2
"$@" > File.out
"""
_OPTIONS = ("--json", "-DautoImplicit=false", "-DmaxErrors=0", "-o", "File.olean", "File.lean")


class _Unusable(Exception):  # noqa: N818 - never leaves this module
    """Why nothing can be known here."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One compiled file."""

    result: JobResult
    messages: tuple[Message, ...]
    problem: str
    olean: str | None


class OneShotLean:
    """See `Lean`: every file in a process of its own, in a sandbox, with exports and replays.

    Args:
        sandbox: Where all of it runs. It must let jobs read the toolchain and the project.
        toolchain: Where the programs are; `find_toolchain` finds them.
        limits: Of each job but for the wall time, which is the request's.
    """

    name = "oneshot"

    def __init__(
        self,
        sandbox: Sandbox,
        toolchain: Toolchain,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._toolchain = toolchain
        self._sysroot = str(Path(toolchain.lean).parent.parent)
        self._reference: str | None = None
        self._limits = limits or Limits(
            wall_seconds=600,
            cpu_seconds=1200,
            memory_mib=16_384,
            output_kib=512 * 1024,
            disk_mib=4_096,
            processes=64,
            open_files=4_096,
        )

    async def check(self, request: Request) -> Answer:
        """See `Lean.check`."""
        started = time.monotonic()
        try:
            answer = await self._check(request)
        except (SandboxError, _Unusable) as error:
            answer = Answer(driver=self.name, problem=str(error))
        return replace(answer, elapsed_seconds=time.monotonic() - started)

    async def close(self) -> None:
        """See `Lean.close`: the sandbox is not ours to close."""

    async def _check(self, request: Request) -> Answer:
        version = await self._version()
        seen = await self._compile(request.header, request.source, request.seconds)
        answer = Answer(
            driver=self.name,
            problem=seen.problem,
            messages=seen.messages,
            exit_code=seen.result.exit_code,
            sandboxed=_is_sandboxed(seen.result),
            versions={"lean": version, **self._toolchain.versions},
            raw=seen.result.stdout[:4096],
        )
        if seen.problem or answer.exit_code != 0:
            return answer
        audited = self._toolchain.exporter is not None and request.want_exports
        if request.want_axioms and request.target and not audited:
            # Where there are exports, the audit sees for itself.
            answer = replace(answer, axioms=await self._probe(request))
        if not (request.want_exports and request.statement):
            return answer
        if seen.olean is None:
            # Lean was made to end, and to say that all is well, before it had finished.
            return replace(answer, target_found=False)
        return await self._inspect(request, answer, seen.olean)

    async def _inspect(self, request: Request, answer: Answer, olean: str) -> Answer:
        """Look at what was compiled: no syntax of the submission runs from here on."""
        asked = await self._compile(request.header, request.statement, request.seconds)
        if asked.olean is None or asked.problem:
            said = asked.problem or "; ".join(one.text for one in asked.messages)
            raise _Unusable(f"the challenge does not compile: {said[:300]}")
        found, ours = await self._export(asked.olean, request.target)
        if found is False:
            raise _Unusable(f"the challenge has no {request.target}")
        reference = await self._export_reference()
        found, theirs = await self._export(olean, request.target)
        replays = [
            await self._replay(olean),
            await self._verify(asked.olean, olean, request.target),
            await self._compare(request),
        ]
        if theirs is not None:
            replays.append(await self._check_again(theirs))
        return replace(
            answer,
            challenge_export=ours,
            submission_export=theirs,
            reference_export=reference,
            target_found=found,
            replays=tuple(one for one in replays if one is not None),
        )

    async def _version(self) -> str:
        result = await self._run((self._toolchain.lean, "--version"), {}, 60)
        if not result.succeeded:
            said = (result.stderr or result.stdout).strip()[:200]
            folders = ", ".join(self._toolchain.folders)
            remedy = f"let the sandbox read {folders} (`LocalSandbox(readable=[...])`)"
            raise _Unusable(f"Lean does not run in the sandbox ({said or result.ended}): {remedy}")
        return result.stdout.strip()

    async def _compile(self, header: str, text: str, seconds: float) -> _Seen:
        lead = f"{header}\n" if header else ""
        result = await self._run(
            self._script(_COMPILE, self._toolchain.lean, *_OPTIONS),
            {"File.lean": lead + text},
            seconds,
            collect=("File.base64",),
        )
        messages, problem = read_messages(result.stdout.splitlines(), lead.count("\n"))
        if result.ended is not Ended.EXITED:
            problem = f"Lean did not end by itself ({result.ended}): nothing is known"
        return _Seen(result, messages, problem, result.files.get("File.base64"))

    async def _probe(self, request: Request) -> tuple[str, ...] | None:
        nonce = new_nonce()
        text = f"{request.source}\n{axiom_source(request.target, nonce)}"
        probed = await self._compile(request.header, text, request.seconds)
        if probed.problem:
            return None
        first = request.source.count("\n") + 2
        return read_axioms(probed.messages, request.target, nonce, first_line=first)

    async def _export(self, olean: str, target: str) -> tuple[bool | None, str | None]:
        """Return whether the target is there, and its export; None for what is not known."""
        if self._toolchain.exporter is None:
            return None, None
        result = await self._run(
            self._script(_INSPECT, self._sysroot, self._toolchain.exporter, "File", "--", target),
            {"File.base64": olean},
            self._limits.wall_seconds,
            collect=("File.out",),
        )
        if result.succeeded:
            return True, result.files.get("File.out")
        missing = _NO_TARGET.search(result.stderr)
        is_target = missing is not None and missing["name"].strip("'`") == target
        return (False if is_target else None), None

    async def _export_reference(self) -> str | None:
        """Return what kernels compute with, of Lean's own library; once for each driver."""
        if self._toolchain.exporter is not None and self._reference is None:
            names = (*AXIOMS, *BUILT_IN)
            result = await self._run(
                self._script(_REFER, self._sysroot, self._toolchain.exporter, "Init", "--", *names),
                {},
                self._limits.wall_seconds,
                collect=("File.out",),
            )
            if result.succeeded:
                self._reference = result.files.get("File.out")
        return self._reference

    async def _replay(self, olean: str) -> Replay | None:
        """Ask Lean's own kernel; None where it said neither yes nor no."""
        if self._toolchain.replayer is None:
            return None
        result = await self._run(
            self._script(_INSPECT, self._sysroot, self._toolchain.replayer, "File"),
            {"File.base64": olean},
            self._limits.wall_seconds,
        )
        return self._said("lean4checker", result, refusal=1, same_kernel=True)

    async def _verify(self, asked: str, olean: str, target: str) -> Replay | None:
        """Ask SafeVerify; None where it said neither yes nor no."""
        if self._toolchain.safe_verify is None:
            return None
        result = await self._run(
            self._script(_VERIFY, self._sysroot, self._toolchain.safe_verify, *_PAIR),
            {"File.base64": olean, "Challenge.base64": asked},
            self._limits.wall_seconds,
            collect=("report.json",),
        )
        return self._ruled("safe_verify", result, read_safe_verify, target)

    async def _compare(self, request: Request) -> Replay | None:
        """Ask Comparator, which compiles both sides itself; None where it said neither yes nor no.

        It builds a project of its own, in which only Lean's own library can be imported.
        """
        tools = self._toolchain
        if tools.comparator is None or tools.landrun is None or tools.exporter is None:
            return None
        if not _needs_no_packages(request.header):
            return None
        lead = f"{request.header}\n" if request.header else ""
        settings = {
            "challenge_module": "Challenge",
            "solution_module": "Solution",
            "theorem_names": [request.target],
            "permitted_axioms": list(AXIOMS),
            "enable_nanoda": False,
            "json_output_path": "report.json",
        }
        result = await self._run(
            (
                "sh",
                "-c",
                _COMPARE,
                "sh",
                str(Path(tools.lean).parent),
                tools.comparator,
                tools.landrun,
                tools.exporter,
            ),
            {
                "lakefile.toml": _LAKEFILE,
                "Challenge.lean": lead + request.statement,
                "Solution.lean": lead + request.source,
                "config.json": json.dumps(settings),
            },
            self._limits.wall_seconds,
            collect=("report.json",),
        )
        return self._ruled("comparator", result, read_comparator, request.target)

    def _ruled(
        self,
        checker: str,
        result: JobResult,
        read: Callable[[str | None, int | None, str], Ruling | None],
        target: str,
    ) -> Replay | None:
        if result.ended is not Ended.EXITED:
            return None
        ruling = read(result.files.get("report.json"), result.exit_code, target)
        if ruling is None:
            return None
        return Replay(
            checker=checker,
            version=self._toolchain.versions.get(checker, ""),
            accepted=ruling.accepted,
            same_kernel=True,
            about=ruling.about,
            said=(result.stderr or result.stdout)[:1000],
        )

    async def _check_again(self, export: str) -> Replay | None:
        """Ask another kernel; None where it said neither yes nor no."""
        if self._toolchain.second_kernel is None:
            return None
        settings = {
            "export_file_path": "File.ndjson",
            # Axioms are the audit's business, which has the person's list.
            "permitted_axioms": list(AXIOMS),
            "unpermitted_axiom_hard_error": False,
            "nat_extension": True,
            "string_extension": True,
        }
        result = await self._run(
            (self._toolchain.second_kernel, "nanoda.json"),
            {"File.ndjson": export, "nanoda.json": json.dumps(settings)},
            self._limits.wall_seconds,
        )
        # 101 is a Rust panic: so nanoda refuses an ill-typed term.
        return self._said("nanoda", result, refusal=101, same_kernel=False)

    def _said(
        self, checker: str, result: JobResult, *, refusal: int, same_kernel: bool
    ) -> Replay | None:
        if result.ended is not Ended.EXITED or result.exit_code not in {0, refusal}:
            return None
        return Replay(
            checker=checker,
            version=self._toolchain.versions.get(checker, ""),
            accepted=result.exit_code == 0,
            same_kernel=same_kernel,
            said=(result.stderr or result.stdout)[:1000],
        )

    def _script(self, script: str, *argv: str) -> tuple[str, ...]:
        return ("sh", "-c", script, "sh", ":".join(self._toolchain.lean_path), *argv)

    async def _run(
        self,
        argv: tuple[str, ...],
        files: dict[str, str],
        seconds: float,
        collect: tuple[str, ...] = (),
    ) -> JobResult:
        limits = replace(self._limits, wall_seconds=seconds)
        return await self._sandbox.run(Job(argv, files=files, collect=collect, limits=limits))


def read_messages(lines: Iterable[str], lead: int = 0) -> tuple[tuple[Message, ...], str]:
    """Read what `lean --json` prints, strictly.

    Args:
        lines: Its standard output.
        lead: How many lines of header stand before the source.

    Returns:
        The messages, and why they cannot be believed; empty where they can.
    """
    messages: list[Message] = []
    for line in lines:
        if not line.strip():
            continue
        message = _message(line, lead)
        if message is None:
            return (), f"a line that is not Lean's is among its messages: {line[:80]!r}"
        if message.line < 0 and message.severity == "error":
            return (), f"the header does not elaborate: {message.text[:200]}"
        if message.line >= 0:
            messages.append(message)
    return tuple(messages), ""


def _message(line: str, lead: int) -> Message | None:
    try:
        body: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    said = cast("dict[str, Any]", body)
    severity, text, place = said.get("severity"), said.get("data"), said.get("pos")
    if severity not in SEVERITIES or not isinstance(text, str) or not isinstance(place, dict):
        return None
    row, column = (cast("dict[str, Any]", place).get(key) for key in ("line", "column"))
    if type(row) is not int or type(column) is not int or row < 0 or column < 0:
        return None
    # Lines of the header become negative; what has no place stays without.
    shown = row - lead if row > lead else (0 if row == 0 else -1)
    return Message(severity=severity, text=text, line=shown, column=column)


def _needs_no_packages(header: str) -> bool:
    try:
        imports = split_header(header).imports
        return {parse_name(one)[0] for one in imports} <= _OWN_LIBRARY
    except InputError:
        return False


def _is_sandboxed(result: JobResult) -> bool:
    isolation = result.isolation
    return isolation is not None and isolation.level > "unsafe" and isolation.network == "none"
