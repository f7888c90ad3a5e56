"""Has tests run in the program's process, and writes down what it says of them.

Nothing of the program's runs here. It gets the tests only when it is loaded, each lot with a number
that nobody can guess; before and after them come tests whose outcome is known. An answer to
anything but the last question, or none to the farewell, and all the others count for nothing.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, fields
from pathlib import Path

from .canaries import canaries
from .harness import MAX_TROUBLES, REPORT, REQUEST, TESTS, Report, Trouble
from .wire import (
    CHANNEL,
    MAX_TEXT,
    Channel,
    EndError,
    Foreign,
    Form,
    NotPlainError,
    ProtocolError,
    kind_of,
)

_MAX_ITEMS = 10_000
_DISTURBED = "tests whose outcome is known came out otherwise after the tests"


class Witness:
    """The tests of one draft, seen from outside.

    Args:
        channel: The channel to the program's process.
        source: The tests' source.
        request: What the critic wants.
    """

    def __init__(self, channel: Channel, source: str, request: Form) -> None:
        self._channel = channel
        self._source = source
        self._request = request

    def run(self) -> Report:
        """Have the tests run and return what came of it, whatever happens."""
        report = Report()
        try:
            return self._question()
        except EndError:
            report.gone = True
        except ProtocolError as error:
            report.broken = str(error)[:MAX_TEXT]
        except NotPlainError:
            report.unsupported = "the tests are too large to be sent"
        return report

    def _question(self) -> Report:
        self._channel.send({"imports": self._request["imports"]})
        greeting = self._channel.receive()
        match greeting:
            case {"crash": str() as crash, "line": None | int() as line}:
                return Report(crash=crash[:MAX_TEXT], crash_line=line)
            case {"ready": True}:
                pass
            case _:
                raise ProtocolError("an odd greeting")
        if not self._hear_canaries():
            return Report(tampered=True)
        report = self._ask(self._source, self._request)
        if not self._hear_canaries():
            report.doubts.append(_DISTURBED)
        self._say_goodbye()
        return report

    def _hear_canaries(self) -> bool:
        request: Form = {**self._request, "names": [], "entry_point": None}
        told = [
            canary.sings(self._ask(canary.source, {**request, "style": canary.style}))
            for canary in canaries(self._request["style"])
        ]
        return all(told)

    def _ask(self, source: str, request: Form) -> Report:
        nonce = secrets.token_hex(16)
        self._channel.send({"nonce": nonce, "tests": source, "request": request})
        answer = self._channel.receive()
        if kind_of(answer) is not dict or answer.get("nonce") != nonce or len(answer) != 2:
            raise ProtocolError("an answer to a question that was not asked")
        return read_report(answer.get("report"))

    def _say_goodbye(self) -> None:
        nonce = secrets.token_hex(16)
        self._channel.send({"nonce": nonce})
        if self._channel.receive() != {"nonce": nonce}:
            raise ProtocolError("an answer to a question that was not asked")


def read_report(form: Form) -> Report:
    """Read a stranger's report.

    Raises:
        ProtocolError: It is none.
    """
    report = Report()
    _fill(report, form)
    if len(report.troubles) > MAX_TROUBLES:
        raise ProtocolError("a report that is none")
    report.troubles = [_fill(Trouble("", ""), trouble) for trouble in report.troubles]
    for texts in (report.passed, report.uses, report.doubts):
        _are(texts, str)
    for counts in (report.counts, report.asked):
        _are(list(counts.values()), int)
    # What only we can say.
    report.tampered = report.gone = False
    report.broken = report.crash = report.refused = report.unsupported = None
    return report


def _fill(made: Form, form: Form) -> Form:
    """Give a record the values of a form, each of the type that it has or may have."""
    known = {field.name: str(field.type) for field in fields(made)}
    if kind_of(form) is not dict or set(form) != set(known):
        raise ProtocolError("a report that is none")
    for name, type_name in known.items():
        value: Foreign = form[name]
        kind = type_name.partition("[")[0].removesuffix(" | None")
        absent = value is None and type_name.endswith("None")
        if not absent and kind_of(value).__name__ != kind:
            raise ProtocolError("a report that is none")
        if kind_of(value) is not int and value and value is not True and len(value) > _MAX_ITEMS:
            raise ProtocolError("a report that is none")
        setattr(made, name, value)
    return made


def _are(values: list[Form], kind: type) -> None:
    if any(kind_of(value) is not kind for value in values):
        raise ProtocolError("a report that is none")


def main() -> None:
    """Have the tests beside us run and write the report."""
    request = json.loads(Path(REQUEST).read_text(encoding="utf-8"))
    channel = Channel(int(os.environ[CHANNEL]), request["patience"])
    source = Path(TESTS).read_text(encoding="utf-8")
    report = Witness(channel, source, request).run()
    channel.close()
    Path(REPORT).write_text(json.dumps(asdict(report)), encoding="utf-8")
