"""A stand-in for the REPL: it speaks the protocol exactly, answers from recordings, and misbehaves.

    python -I -S replay.py TRANSCRIPT [--session ID] [--faults JSON] [--seed N] [--starts FILE]

TRANSCRIPT has a JSON object in each line, with `requests` and `responses` (the recordings'
`commands` and `outputs` are the same). With `--session`, the requests of that row are answered in
their order and by the letter. Without, a command is looked up by its text, whatever environment it
is for, and gets the next number. What Lean answers to probes it answers itself: `#print "text"`,
`#eval Lean.versionString`, `#print axioms NAME` (a row may have `axioms`, by name), a canary. What
it does not know ends it, as a malformed request does.

`--faults` has a rate for each of `FAULTS`. Which request meets which is drawn from the seed and the
number of the start, which is counted in the file `--starts`.

Standard library only, so that a start takes milliseconds.

Source: `REPL/Main.lean` of leanprover-community/repl at 8948401.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Object = dict[str, Any]
VERSION = "4.33.0-rc2"
_ECHO = re.compile(r'#print "([^"\\]*)"')
_AXIOMS = re.compile(r"#print axioms (?:_root_\.)?(\S+)")
_CANARY = re.compile(r"theorem (?:_root_\.)?(gadfly_\w+) : True := sorry")
_EVAL_VERSION = "#eval Lean.versionString"
_STALL_SECONDS = 3600.0


def main() -> int:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("transcript", type=Path)
    parser.add_argument("--session", default="")
    parser.add_argument("--faults", type=json.loads, default={})
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--starts", type=Path)
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.transcript.read_text("utf-8").splitlines()]
    lean = _Session(rows, options.session) if options.session else _Book(rows)
    random_ = random.Random(f"{options.seed} {_count(options.starts)}")
    return _serve(lean.answer, lambda: _draw(random_, options.faults))


def _serve(answer: Callable[[Object], Object], draw: Callable[[], str]) -> int:
    """Read requests and write answers, as `repl` in `REPL/Main.lean` does."""
    while query := _lines():
        if query.startswith(("#", "--")):
            continue  # skipped, without an answer
        try:
            request = json.loads(query)
            response = answer(request)
        except (ValueError, LookupError, TypeError) as error:
            sys.stderr.write(
                f'uncaught exception: {{"message": "Could not parse JSON: {error}"}}\n'
            )
            return 1
        # One space to indent by, and no order of keys, as Lean prints.
        text = json.dumps(response, indent=1, ensure_ascii=False).encode() + b"\n\n"
        FAULTS.get(draw(), _say)(text, response)
    return 0


def _lines() -> str:
    """Return lines up to one that is blank, joined without what was between; empty at the end."""
    query = ""
    while line := sys.stdin.buffer.readline().decode():
        if not line.strip():
            return query + line
        query += line.rstrip()
    return query


def _count(starts: Path | None) -> int:
    """Return which start this is, from 0."""
    if starts is None:
        return 0
    with starts.open("ab") as file:
        file.write(b".")
        return file.tell() - 1


# --------------------------------------------------------------------------------------- answers


class _Session:
    """One recorded conversation, by the letter."""

    def __init__(self, rows: list[Object], id_: str) -> None:
        row = next(row for row in rows if row["id"] == id_)
        self._pairs = list(_pairs(row))

    def answer(self, request: Object) -> Object:
        expected, response = self._pairs.pop(0)
        if request != expected:
            raise LookupError(f"the transcript has {expected}")
        return response


class _Book:
    """Commands by their text."""

    def __init__(self, rows: list[Object]) -> None:
        self._answers: dict[str, Object] = {}
        self._axioms: dict[str, list[str]] = {}
        for row in rows:
            self._axioms |= row.get("axioms", {})
            for request, response in _pairs(row):
                if "cmd" in request:
                    self._answers.setdefault(request["cmd"].strip(), response)
        self._next_env = 0

    def answer(self, request: Object) -> Object:
        command, env = request["cmd"], request.get("env")
        if env is not None and env >= self._next_env:
            return {"message": "Unknown environment."}
        text, said = self._probes(command)
        recorded = dict(self._answers[text]) if text else {}
        if "message" in recorded:
            return recorded
        messages = [*recorded.pop("messages", []), *said]
        recorded.pop("env", None)
        if not request.get("allTactics"):
            recorded.pop("tactics", None)
        self._next_env += 1
        return {
            **recorded,
            **({"messages": messages} if messages else {}),
            "env": self._next_env - 1,
        }

    def _probes(self, command: str) -> tuple[str, list[Object]]:
        """Cut off the probes at a command's end; return what is before, and what Lean says."""
        lines = command.split("\n")
        place, canaries = len(lines), dict[str, list[str]]()
        while place and _is_probe(lines[place - 1]):
            place -= 1
        said: list[Object] = []
        for number, line in enumerate(lines[place:], place + 1):
            if match := _ECHO.fullmatch(line):
                said.append(_message("info", number, match[1]))
            elif line == _EVAL_VERSION:
                said.append(_message("info", number, f'"{VERSION}"'))
            elif match := _CANARY.fullmatch(line):
                canaries[match[1]] = ["sorryAx"]
                said.append(_message("warning", number, "declaration uses `sorry`"))
            elif match := _AXIOMS.fullmatch(line):
                axioms = {**self._axioms, **canaries}.get(match[1], [])
                on = f"depends on axioms: [{', '.join(axioms)}]"
                off = "does not depend on any axioms"
                said.append(_message("info", number, f"'{match[1]}' {on if axioms else off}"))
        return "\n".join(lines[:place]).strip(), said


def _pairs(row: Object) -> list[tuple[Object, Object]]:
    requests = row.get("requests") or row["commands"]
    return list(zip(requests, row.get("responses") or row["outputs"], strict=True))


def _is_probe(line: str) -> bool:
    return line == _EVAL_VERSION or any(
        pattern.fullmatch(line) for pattern in (_ECHO, _AXIOMS, _CANARY)
    )


def _message(severity: str, line: int, data: str) -> Object:
    pos, end = {"line": line, "column": 0}, {"line": line, "column": 6}
    return {"severity": severity, "pos": pos, "endPos": end, "data": data}


# ---------------------------------------------------------------------------------------- faults


def _draw(random_: random.Random, rates: dict[str, float]) -> str:
    point = random_.random()
    for name, rate in rates.items():
        point -= rate
        if point < 0:
            return name
    return ""


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _say(text: bytes, response: Object) -> None:
    _write(text)


def _forge(text: bytes, response: Object) -> None:
    """A clean answer with the right number comes before the true one."""
    _write(b'{"env": %d}\n\n' % response.get("env", 0) + text)


def _forge_blindly(text: bytes, response: Object) -> None:
    """The same with a number that was guessed."""
    _write(b'{"env": 7}\n\n' + text)


def _forge_late(text: bytes, response: Object) -> None:
    """A clean answer to the next request comes before that request is read."""
    _write(text)
    time.sleep(0.01)
    _write(b'{"env": %d}\n\n' % (response.get("env", 0) + 1))


def _impersonate(text: bytes, response: Object) -> None:
    """A child process takes both pipes over, and answers this request and the next."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    _write(b'{"env": %d}\n\n' % response["env"])
    request = json.loads(_lines())
    match = _ECHO.fullmatch(request["cmd"])
    said = [_message("info", 1, match[1])] if match else []
    _write(json.dumps({"env": response["env"] + 1, "messages": said}).encode() + b"\n\n")
    time.sleep(_STALL_SECONDS)


def _repeat(text: bytes, response: Object) -> None:
    _write(text + text)


def _add(text: bytes, response: Object) -> None:
    """Something without an end follows."""
    _write(text + b'{"env": 99}')


def _babble(text: bytes, response: Object) -> None:
    """What is no JSON comes before."""
    _write(b"PANIC at Lean.Expr.bindingBody!\n" + text)


def _begin_blank(text: bytes, response: Object) -> None:
    _write(b"\n\n" + text)


def _nest(text: bytes, response: Object) -> None:
    _write(b'{"env": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n\n")


def _misnumber(text: bytes, response: Object) -> None:
    _write(json.dumps({**response, "env": response.get("env", 0) + 1}).encode() + b"\n\n")


def _without_env(text: bytes, response: Object) -> None:
    _write(b'{"messages": []}\n\n')


def _refuse(text: bytes, response: Object) -> None:
    """The REPL's own error, which has no `messages` and no `env`."""
    _write(b'{"message": "Unknown environment."}\n\n')


def _dawdle(text: bytes, response: Object) -> None:
    """Nothing is wrong, it only takes its time."""
    for start in range(0, len(text), max(1, len(text) // 3)):
        _write(text[start : start + max(1, len(text) // 3)])
        time.sleep(0.003)


def _shout(text: bytes, response: Object) -> None:
    """Nothing is wrong, but stderr is full."""
    sys.stderr.write("warning: " * 40_000)
    sys.stderr.flush()
    _write(text)


def _stop_halfway(text: bytes, response: Object) -> None:
    _write(text[: len(text) // 2])
    os._exit(0)


def _stall_halfway(text: bytes, response: Object) -> None:
    _write(text[: len(text) // 2])
    time.sleep(_STALL_SECONDS)


def _stall(text: bytes, response: Object) -> None:
    time.sleep(_STALL_SECONDS)


def _skip(text: bytes, response: Object) -> None:
    """No answer, and the next request is served."""


def _crash(text: bytes, response: Object) -> None:
    sys.stderr.write("Stack overflow detected. Aborting.\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def _exit(text: bytes, response: Object) -> None:
    """What `#eval (IO.Process.exit 0 : IO Unit)` does."""
    os._exit(0)


FAULTS: dict[str, Callable[[bytes, Object], None]] = {
    "add": _add,
    "babble": _babble,
    "begin_blank": _begin_blank,
    "crash": _crash,
    "dawdle": _dawdle,
    "exit": _exit,
    "forge": _forge,
    "forge_blindly": _forge_blindly,
    "forge_late": _forge_late,
    "impersonate": _impersonate,
    "misnumber": _misnumber,
    "nest": _nest,
    "refuse": _refuse,
    "repeat": _repeat,
    "shout": _shout,
    "skip": _skip,
    "stall": _stall,
    "stall_halfway": _stall_halfway,
    "stop_halfway": _stop_halfway,
    "without_env": _without_env,
}
"""What may go wrong with one answer, by name."""
HARMLESS = frozenset({"dawdle", "shout"})
"""Those after which the answer is still right."""

if __name__ == "__main__":
    sys.exit(main())
