"""The driver that is hardest to deceive: a fresh `coqc` for every file, each step in a sandbox.

1. The header and the challenge are compiled, without the submission.
2. The submission is compiled, in a job that has the header's definitions only. Nothing but its
   `.vo` and where an error is comes back.
3. A file of ours loads what was compiled, has Rocq's kernel compare the submission's type with the
   challenge, and asks what the target rests on. No command of the submission runs there, and flags
   that it set are set back.
4. `coqchk` checks the compiled files once more, and lists what they assume.

The libraries have a name that is drawn for each submission, so it can not make one of that name.
Its `.vo` is written by `coqc`, after all of its commands; the commands that could bring another
process or a plugin are among the features that `_versions` finds.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import PurePath

from gadfly import Ended, Job, JobResult, Limits, Sandbox, SandboxError, digest
from gadfly_rocq._assumptions import (
    NAME,
    is_canary,
    read_assumptions,
    read_context,
    read_location,
)
from gadfly_rocq._drafts import Header, is_script, split_header, without_header
from gadfly_rocq._ports import Answer, Assumption, Message, Replay, Request
from gadfly_rocq._text import sentences
from gadfly_rocq._toolchain import Toolchain

PLAIN = "Gadfly"
"""What evidence calls the libraries, whatever they were called."""
_KEPT = 4_096
_NAMES = 200
_PREPARE = """\
export HOME="$PWD"
if [ -s findlib.conf ]; then export OCAMLFIND_CONF="$PWD/findlib.conf"; fi
for one in *.b64; do if [ -f "$one" ]; then base64 -d "$one" > "${one%.b64}" || exit 96; fi; done
"""
_KEEP = """\
for one in *.vo; do if [ -f "$one" ]; then base64 "$one" > "$one.out"; fi; done
"""
_COMPILE = f"""\
{_PREPARE}
coqc="$1"; root="$2"; shift 2
"$coqc" --version > Version.out || exit 97
for one in "$@"; do "$coqc" -q -Q . "$root" "$one.v" || exit $?; done
{_KEEP}"""
_INSPECT = f"""\
{_PREPARE}
coqc="$1"; root="$2"; shift 2
for one in "$@"; do
  "$coqc" -q -Q . "$root" "$one.v" > "$one.log" 2>&1
  echo "$?" > "$one.code"
done
{_KEEP}"""
_REPLAY = f"""\
{_PREPARE}
"$@"
"""
SAFE = """\
Set Guard Checking.
Set Positivity Checking.
Set Universe Checking.
"""
"""What a submission may have unset for all that comes after it."""
_SAFE = f"""\
{SAFE}Unset Printing All.
Set Printing Width 1000.
"""
_ERROR = re.compile(
    r'^File "\./Candidate\.v", line (?P<line>\d+), characters (?P<start>\d+)-(?P<end>\d+):\n'
    r"Error:[ \n]*(?P<text>.*?)\s*\Z",
    re.DOTALL | re.MULTILINE,
)
_UNKNOWN = re.compile(r"The (?:reference|variable) (?P<name>\S+) was not\s+found")
_NO_FIELD = re.compile(r"The field (?P<name>\S+) is missing in")
_NO_MATCH = re.compile(
    r"Signature components for (?:label|field) \S+ do not match[^\n]*(?:\n[^\n]*){0,6}"
)
_REFUSED = re.compile(r"Type error|[Uu]niverse|ill-formed|mismatch|not well|guard|[Pp]ositiv")
_PENDING = re.compile(r"^Error: There are pending proofs", re.MULTILINE)
_EXHAUSTED = re.compile(r"Anomaly|Stack overflow|Out of memory|Timeout")
"""These say nothing about a submission."""
_BULLETS = re.compile(r"(?:[-+*{}]|\s)+")


class _Unusable(Exception):  # noqa: N818 - never leaves this module
    """Why nothing can be known here."""


@dataclass(frozen=True, slots=True)
class _Given:
    """What was compiled without the submission."""

    root: str
    lead: str
    """What a submission begins with."""
    files: Mapping[str, str]
    """Compiled files, by the name that a job decodes them from."""
    statement: str
    """The challenge, as Rocq prints it in full."""
    version: str


class OneShotRocq:
    """See `Rocq`: every file in a process of its own, in a sandbox, compared and checked again.

    Args:
        sandbox: Where all of it runs; it must let jobs read Rocq's files.
        toolchain: Where the programs are; `find_toolchain` finds them.
        limits: Of each job but for the wall time, which is the request's.
    """

    name = "oneshot"

    def __init__(
        self, sandbox: Sandbox, toolchain: Toolchain, *, limits: Limits | None = None
    ) -> None:
        self._sandbox = sandbox
        self._toolchain = toolchain
        self._limits = limits or Limits(
            cpu_seconds=600,
            memory_mib=4_096,
            output_kib=32 * 1024,
            disk_mib=256,
            processes=16,
            open_files=1_024,
        )

    async def check(self, request: Request) -> Answer:
        """See `Rocq.check`."""
        started = time.monotonic()
        try:
            answer = await self._check(request)
        except (SandboxError, _Unusable) as error:
            answer = Answer(driver=self.name, problem=str(error))
        return replace(answer, elapsed_seconds=time.monotonic() - started)

    async def close(self) -> None:
        """See `Rocq.close`: the sandbox is not ours to close."""

    async def _check(self, request: Request) -> Answer:
        header = split_header(request.header)
        given = await self._given(request, header)
        answer, compiled = await self._submit(request, header, given)
        if answer.problem or answer.messages or not request.want_checks:
            return answer
        if compiled is None:
            return replace(answer, target_found=False)
        files = {**given.files, "Candidate.vo.b64": compiled}
        answer, files = await self._inspect(request, given, files, answer)
        if answer.statement_holds:
            replay = await self._replay(request, given, files)
            answer = replace(answer, replays=(replay,) if replay else ())
        return answer

    async def _given(self, request: Request, header: Header) -> _Given:
        """Compile what the trusted side wrote."""
        root = f"{PLAIN}_{secrets.token_hex(8)}"
        lead = header.lead(f"{root}.Given")
        challenge = (
            f"{lead}Module Type Claim.\n{request.statement}\nAdmitted.\nEnd Claim.\n"
            f'Set Printing All.\nSet Printing Width 1000.\nRedirect "Claim" Print Claim.\n'
        )
        sources = {"Given.v": header.definitions} if header.definitions else {}
        names = [*(["Given"] if sources else []), "Challenge"]
        result = await self._run(
            (_COMPILE, self._toolchain.coqc, root, *names),
            {**sources, "Challenge.v": challenge},
            request.seconds,
            ("Version.out", "Claim.out", *(f"{name}.vo.out" for name in names)),
        )
        version = " ".join(result.files.get("Version.out", "").split())
        if not version:
            said = (result.stderr or result.stdout).strip()[:200]
            folder = PurePath(self._toolchain.coqc).parent
            remedy = f"let the sandbox read {folder} and Rocq's libraries"
            raise _Unusable(f"Rocq does not run in the sandbox ({said or result.ended}): {remedy}")
        files = {f"{name}.vo.b64": result.files.get(f"{name}.vo.out", "") for name in names}
        if not result.succeeded or not all(files.values()):
            said = result.stderr.replace(root, PLAIN).strip() or str(result.ended)
            raise _Unusable(f"the challenge does not compile: {said[-300:]}")
        statement = result.files.get("Claim.out", "").replace(root, PLAIN)
        return _Given(root, lead, files, statement, version)

    async def _submit(
        self, request: Request, header: Header, given: _Given
    ) -> tuple[Answer, str | None]:
        """Compile the submission, and return its compiled file, too."""
        source = without_header(request.source, header.definitions)
        lead = given.lead
        if is_script(source, request.target):
            lead = f"{lead}{request.statement}\n"
        own = {name: text for name, text in given.files.items() if name.startswith("Given")}
        result = await self._run(
            (_COMPILE, self._toolchain.coqc, given.root, "Candidate"),
            {**own, "Candidate.v": lead + source},
            request.seconds,
            ("Candidate.vo.out",),
        )
        answer = Answer(
            driver=self.name,
            exit_code=result.exit_code,
            sandboxed=_is_sandboxed(result),
            versions={"rocq": given.version},
            statement_digest=digest({"statement": given.statement}),
            raw=(result.stdout + result.stderr).replace(given.root, PLAIN)[:_KEPT],
            commands=self._commands(header),
        )
        if result.ended is not Ended.EXITED:
            said = f"Rocq did not end by itself ({result.ended}): nothing is known"
            return replace(answer, problem=said), None
        if result.exit_code == 0:
            return answer, result.files.get("Candidate.vo.out")
        message = _read_error(result.stderr, lead, source)
        if message is None:
            said = result.stderr.replace(given.root, PLAIN).strip()[-300:]
            said = f"Rocq ended with status {result.exit_code} and no error of its own: {said}"
            return replace(answer, problem=said), None
        message = await self._explained(request, given.root, own, lead, source, message)
        text = message.text.replace(given.root, PLAIN)
        return replace(answer, messages=(replace(message, text=text),)), None

    async def _explained(
        self,
        request: Request,
        root: str,
        own: Mapping[str, str],
        lead: str,
        source: str,
        message: Message,
    ) -> Message:
        """Add the goals before the place of an error, and names like one that is not there."""
        if not message.line:
            return message
        before = _before(source, message.start)
        unknown = _UNKNOWN.search(message.text)
        lost = unknown["name"].strip("\"'") if unknown else ""
        words = re.findall(r"[^\W_\d]{3,}", lost.rpartition(".")[2])
        # Shortened, as what is wrong with a name is often its end.
        parts = [word[:4] for word in sorted(words, key=len, reverse=True)[:2]]
        asked = "".join(f'\nRedirect "near{n}" Search "{part}".' for n, part in enumerate(parts))
        text = f'{lead}{before}{asked}\nRedirect "goals" Show.\n'
        result = await self._run(
            (_INSPECT, self._toolchain.coqc, root, "Candidate"),
            {**own, "Candidate.v": text},
            request.seconds,
            ("goals.out", "near0.out", "near1.out"),
        )
        goals = result.files.get("goals.out", "").replace(root, PLAIN).strip()
        said = "\n".join(result.files.get(f"near{n}.out", "") for n in range(2))
        return replace(message, goals=goals[:_KEPT], near=_near(lost, said))

    async def _inspect(
        self, request: Request, given: _Given, files: dict[str, str], answer: Answer
    ) -> tuple[Answer, dict[str, str]]:
        """Compare the target with the challenge, and ask what it rests on."""
        nonce = f"gadfly_{secrets.token_hex(8)}"
        root = given.root
        check = (
            f"Require {root}.Challenge.\nRequire {root}.Candidate.\n{_SAFE}"
            f"Module Check <: {root}.Challenge.Claim := {root}.Candidate.\n"
        )
        probe = (
            f"Require {root}.Candidate.\n{_SAFE}"
            f"Axiom {nonce} : False.\nDefinition {nonce}_use := {nonce}.\n"
            f'Redirect "before" Print Assumptions {nonce}_use.\n'
            f'Redirect "target" Print Assumptions {root}.Candidate.{request.target}.\n'
            f'Redirect "after" Print Assumptions {nonce}_use.\n'
        )
        result = await self._run(
            (_INSPECT, self._toolchain.coqc, root, "Check", "Probe"),
            {**files, "Check.v": check, "Probe.v": probe},
            request.seconds,
            (
                *("Check.code", "Check.log", "Check.vo.out"),
                *("before.out", "target.out", "after.out"),
            ),
        )
        found = result.files
        said = found.get("Check.log", "").replace(root, PLAIN)
        code, compiled = found.get("Check.code", "").strip(), found.get("Check.vo.out")
        if code == "0" and compiled:
            answer = replace(answer, target_found=True, statement_holds=True)
            files = {**files, "Check.vo.b64": compiled}
        elif code == "1" and (missing := _NO_FIELD.search(said)):
            answer = replace(answer, target_found=missing["name"] != request.target)
        elif code == "1" and (differs := _NO_MATCH.search(said)):
            text = " ".join(differs[0].split())
            answer = replace(
                answer, target_found=True, statement_holds=False, statement_said=text[:500]
            )
        canaries = (found.get("before.out", ""), found.get("after.out", ""))
        if all(is_canary(text, nonce) for text in canaries):
            named = read_assumptions(found.get("target.out", ""))
            if named:
                named = await self._located(request, root, files, probe, named)
            answer = replace(answer, assumptions=named, asked_apart=True)
        return answer, files

    async def _located(
        self,
        request: Request,
        root: str,
        files: Mapping[str, str],
        probe: str,
        named: tuple[Assumption, ...],
    ) -> tuple[Assumption, ...] | None:
        """Return assumptions by their full names; None where one has none."""
        if len(named) > _NAMES:
            return None
        asked = (f'Redirect "at{n}" Locate Term {one.name}.\n' for n, one in enumerate(named))
        result = await self._run(
            (_INSPECT, self._toolchain.coqc, root, "Probe"),
            {**files, "Probe.v": probe + "".join(asked)},
            request.seconds,
            tuple(f"at{n}.out" for n in range(len(named))),
        )
        full: list[Assumption] = []
        for n, one in enumerate(named):
            name = read_location(result.files.get(f"at{n}.out", ""))
            if name is None:
                return None
            full.append(replace(one, name=_plain(name, root)))
        return tuple(sorted(full))

    async def _replay(
        self, request: Request, given: _Given, files: Mapping[str, str]
    ) -> Replay | None:
        """Have the compiled files checked once more; None where that said neither yes nor no."""
        if self._toolchain.coqchk is None:
            return None
        root = given.root
        modules = (name.partition(".")[0] for name in files)
        wanted = (part for name in modules for part in ("-norec", f"{root}.{name}"))
        command = (self._toolchain.coqchk, "-o", "-silent", "-Q", ".", root, *wanted)
        result = await self._run((_REPLAY, *command), files, request.seconds)
        said = result.stdout + result.stderr
        refused = result.exit_code == 1 and _REFUSED.search(said) is not None
        if result.ended is not Ended.EXITED or not (result.exit_code == 0 or refused):
            return None
        listed = read_context(said) if not refused else None
        if not refused and listed is None:
            return None
        own = [one for one in listed or () if one.name.startswith(f"{root}.")]
        return Replay(
            checker=PurePath(command[0]).name,
            version=given.version,
            accepted=not refused,
            assumptions=tuple(sorted(replace(o, name=_plain(o.name, root)) for o in own)),
            said=said.replace(root, PLAIN)[:1000],
        )

    def _commands(self, header: Header) -> tuple[str, ...]:
        names = (*(("Given",) if header.definitions else ()), "Challenge", "Candidate", "Check")
        coqc = tuple(f"coqc -q -Q . {PLAIN} {name}.v" for name in names)
        wanted = " ".join(f"-norec {PLAIN}.{name}" for name in names)
        return (*coqc, f"coqchk -o -silent -Q . {PLAIN} {wanted}")

    async def _run(
        self,
        script: tuple[str, ...],
        files: Mapping[str, str],
        seconds: float,
        collect: Iterable[str] = (),
    ) -> JobResult:
        body, *arguments = script
        job = Job(
            ("sh", "-c", body, "sh", *arguments),
            files={**files, "findlib.conf": self._toolchain.findlib},
            collect=tuple(collect),
            limits=replace(self._limits, wall_seconds=seconds),
        )
        return await self._sandbox.run(job)


def _read_error(said: str, lead: str, source: str) -> Message | None:
    """Return the error that Rocq ended with, its place in the source; None where there is none."""
    if _PENDING.search(said):
        return Message(text="a proof is left open")
    matches = list(_ERROR.finditer(said))
    if not matches or _EXHAUSTED.match(matches[-1]["text"]):
        return None
    match = matches[-1]
    text = match["text"][:_KEPT]
    lines = (lead + source).encode().split(b"\n")
    above = int(match["line"]) - 1
    if above >= len(lines):
        return Message(text=text)
    begin = sum(len(line) + 1 for line in lines[:above])
    raw = (lead + source).encode()
    places = (begin + int(match["start"]), begin + int(match["end"]))
    start, end = (len(raw[:place].decode(errors="ignore")) - len(lead) for place in places)
    if start < 0 or end > len(source):
        return Message(text=text)
    return Message(text=text, line=source.count("\n", 0, start) + 1, start=start, end=end)


def _before(source: str, place: int) -> str:
    """Return what comes before the sentence that is at a place; a bullet is not part of it."""
    for sentence in sentences(source):
        if place < sentence.end:
            bullet = _BULLETS.match(sentence.text)
            return source[: sentence.start] + (bullet[0] if bullet else "")
    return source


def _near(lost: str, said: str) -> tuple[str, ...]:
    """Return up to five names of what `Search` listed that look like one that is not there."""
    last = lost.rpartition(".")[2]
    names = {
        line.partition(":")[0].strip() for line in said.splitlines() if not line.startswith(" ")
    }
    by_end = {name.rpartition(".")[2]: name for name in sorted(names) if NAME.fullmatch(name)}
    return tuple(by_end[one] for one in get_close_matches(last, by_end, n=5, cutoff=0.6))


def _plain(name: str, root: str) -> str:
    return f"{PLAIN}.{name.removeprefix(f'{root}.')}" if name.startswith(f"{root}.") else name


def _is_sandboxed(result: JobResult) -> bool:
    isolation = result.isolation
    return isolation is not None and isolation.level > "unsafe" and isolation.network == "none"
