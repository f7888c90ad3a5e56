"""The driver `kimina`: a Kimina Lean Server, which is not taken at its word.

The server matches answers to snippets by reading until a blank line, shares REPLs between callers,
sends a snippet without imports to what environment a stranger's snippet made, and sees no imports
behind a comment. So every request here

- is for one snippet under a random id, and its answer must have exactly that id;
- begins with explicit imports and a line that ends them, so that environment 0 is the header's and
  an `import` in the submission is an error of the submission;
- ends with a nonce that its answer must have, at its place;
- is read as strictly as a REPL's: `{"message": ...}`, no `env`, environment 0, both or neither of
  error and response, unknown keys are a problem, not a verdict.

A header is tried by itself first: where that is not clean, it is not the submission's fault.
What is left: the nonce is sent with the submission, whose own code runs in the same process and can
read it, and the server's sandbox is the server's business. L2 at most.

Source: project-numina/kimina-lean-server at fb2393d; its issues #25, #58 and #66.
"""

from __future__ import annotations

import asyncio
import importlib
import math
import os
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, cast

from gadfly import InputError
from gadfly_lean._headers import split_header
from gadfly_lean._ports import Answer, Message, Request
from gadfly_lean._repl.line import LostError
from gadfly_lean._repl.messages import (
    CommandResponse,
    MalformedError,
    ReplError,
    parse,
    read_response,
)
from gadfly_lean._repl.pool import as_answer
from gadfly_lean._repl.probe import axiom_source, new_nonce, nonce_source, read_axioms
from gadfly_lean._repl.worker import Elaborated, as_messages

if TYPE_CHECKING:
    from types import TracebackType

    import httpx

_MAX_BYTES = 16 << 20
_QUOTED = 300
_BARRIER = "/- what was imported ends here -/"
_VERSION = "#eval Lean.versionString"
_BUSY_STATUSES = frozenset({429, 500, 502, 503, 504})
_PAUSE_SECONDS = 0.2
_CHECK_KEYS = frozenset({"id", "time", "error", "response", "diagnostics"})
_VERIFY_KEYS = frozenset({"custom_id", "error", "response"})


@dataclass(frozen=True, slots=True)
class _Snippet:
    """What is sent for one request, and how to read what comes back."""

    code: str
    lines_before: int
    """Lines before the source."""
    nonce_line: int
    """The line of the nonce, counted from the first line of what is sent."""
    nonce: str
    target: str = ""
    """Whose axioms were asked for."""


class Kimina:
    """Elaborates submissions on a Kimina Lean Server. See `Lean`; at most L2 is to be had here.

    Args:
        url: The server (`http://127.0.0.1:8000`); without one, `LEAN_SERVER_URL`.
        key: Sent as a bearer token, in the header only; without one, `LEAN_SERVER_API_KEY`.
        interface: `check` (`/api/check`), or `verify` for older servers.
        reuse: Whether the server may take a warm REPL that has the same imports.
        header_seconds: Wall time for the trial of a header, in which the server imports.
        wait_seconds: How long a request may wait for a free REPL, in addition to its own time.

    Raises:
        InputError: There is no address, it is none, or httpx is missing.
    """

    name = "kimina"

    def __init__(
        self,
        url: str = "",
        *,
        key: str = "",
        interface: Literal["check", "verify"] = "check",
        reuse: bool = True,
        header_seconds: float = 300.0,
        wait_seconds: float = 90.0,
    ) -> None:
        try:
            importlib.import_module("httpx")
        except ImportError as error:
            raise InputError("kimina needs httpx: pip install 'gadfly-lean[kimina]'") from error
        self._url = (url or os.environ.get("LEAN_SERVER_URL", "")).rstrip("/")
        if not self._url.startswith(("http://", "https://")):
            raise InputError("kimina needs the address of a server: url=, or LEAN_SERVER_URL")
        if interface not in {"check", "verify"}:
            raise InputError(f"interface is 'check' or 'verify', not {interface!r}")
        if not (header_seconds > 0 and wait_seconds >= 0):
            raise InputError("header_seconds must be positive, and wait_seconds not negative")
        self._key = key or os.environ.get("LEAN_SERVER_API_KEY", "")
        self._interface = interface
        self._reuse = reuse
        self._header_seconds = header_seconds
        self._wait_seconds = wait_seconds
        # Made once: it takes a third of a second. Without TLS there is nothing to verify.
        self._verify = ssl.create_default_context() if self._url.startswith("https") else False
        self._clean: dict[str, str] = {}
        """Headers that were clean by themselves, with the version of Lean that said so."""

    def __repr__(self) -> str:
        return f"Kimina({self._url!r}, interface={self._interface!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def check(self, request: Request) -> Answer:
        """Elaborate one submission; see `Lean.check`.

        Raises:
            InputError: The header uses the module system, or the target is not a name.
        """
        begun = time.monotonic()
        header = _header(request.header)
        problem, lines = "", header.count("\n")
        for _ in range(2):
            try:
                version = await self._try_header(header)
                snippet = _snippet(header, request)
                seen = await self._elaborate(snippet, request.seconds)
                return as_answer(
                    self.name,
                    seen,
                    elapsed_seconds=time.monotonic() - begun,
                    versions={"lean": version} if version else {},
                    lines_before=lines,
                )
            except LostError as error:
                problem = f"{problem}; again: {error}" if problem else f"the server: {error}"
                if not error.again:
                    break
                await asyncio.sleep(_PAUSE_SECONDS)
        return Answer(driver=self.name, problem=problem, elapsed_seconds=time.monotonic() - begun)

    async def close(self) -> None:
        """Forget what is known of headers; connections are not kept."""
        self._clean.clear()

    async def _try_header(self, header: str) -> str:
        """Return the version of Lean that elaborates the header without an error.

        Raises:
            LostError: None does.
        """
        if header not in self._clean:
            nonce = new_nonce()
            code = f"{header}{nonce_source(nonce)}\n{_VERSION}\n"
            lines = header.count("\n")
            trial = _Snippet(code, lines, lines + 1, nonce)
            response = await self._ask(trial, self._header_seconds)
            said = as_messages(response.messages)
            if not response.is_clean:
                text = "; ".join(m.text for m in said if m.severity == "error")[:_QUOTED]
                raise LostError(f"the header did not elaborate: {text}", again=False)
            version = [m.text for m in said if m.line == lines + 2 and m.severity == "info"]
            self._clean[header] = version[0].strip().strip('"') if len(version) == 1 else ""
        return self._clean[header]

    async def _elaborate(self, snippet: _Snippet, seconds: float) -> Elaborated:
        response = await self._ask(snippet, seconds)
        said = as_messages(response.messages)
        if any(m.severity == "error" and 0 < m.line <= snippet.lines_before for m in said):
            raise LostError("the header, which was clean, has an error now")
        axioms = None
        if snippet.target:
            axioms = read_axioms(
                said, snippet.target, snippet.nonce, first_line=snippet.nonce_line + 1
            )
        return Elaborated(response=_without_probes(response, snippet), axioms=axioms)

    async def _ask(self, snippet: _Snippet, seconds: float) -> CommandResponse:
        """Send a snippet and return its own answer.

        Raises:
            LostError: What came back is not certain to be that.
        """
        id_ = secrets.token_hex(16)
        content = await self._post(self._body(id_, snippet.code, seconds), seconds)
        try:
            response = self._read(parse(content), id_)
        except MalformedError as error:
            raise LostError(f"its answer is malformed: {error}") from error
        if response.env == 0:
            raise LostError("it elaborated the submission as a header")
        if not _has_nonce(as_messages(response.messages), snippet):
            raise LostError("its answer lacks the nonce: it may be another submission's")
        return response

    def _body(self, id_: str, code: str, seconds: float) -> dict[str, object]:
        timeout = max(1, math.ceil(seconds))
        if self._interface == "verify":
            return {
                "codes": [{"custom_id": id_, "code": code}],
                "timeout": timeout,
                "disable_cache": not self._reuse,
            }
        return {
            "snippets": [{"id": id_, "code": code}],
            "timeout": timeout,
            "debug": False,
            "reuse": self._reuse,
        }

    async def _post(self, body: Mapping[str, object], seconds: float) -> bytes:
        """Return what the server answers.

        Raises:
            LostError: It does not, or with something other than an answer.
        """
        import httpx

        path = "/api/check" if self._interface == "check" else "/verify"
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        # The import of a header that no warm REPL has comes before the snippet's own time.
        patience = seconds + self._header_seconds + self._wait_seconds
        try:
            async with (
                asyncio.timeout(patience),
                httpx.AsyncClient(timeout=patience, verify=self._verify) as client,
            ):
                request = client.build_request("POST", self._url + path, json=body, headers=headers)
                response = await client.send(request, stream=True, follow_redirects=False)
                content = await _bounded(response)
        except UnicodeEncodeError as error:
            raise LostError("what was to be sent is not text", again=False) from error
        except TimeoutError as error:
            raise LostError(f"it did not answer in {patience:g} s", again=False) from error
        except httpx.HTTPError as error:
            raise LostError(f"it did not answer: {type(error).__name__}") from error
        if response.status_code != 200:
            raise LostError(
                f"it answered with status {response.status_code}",
                again=response.status_code in _BUSY_STATUSES,
            )
        return content

    def _read(self, answer: object, id_: str) -> CommandResponse:
        """Return the response in an answer that must be the only one, to `id_`.

        Raises:
            MalformedError: It is no such answer.
            LostError: It is, and says that nothing was elaborated.
        """
        keys, name = (
            (_CHECK_KEYS, "id") if self._interface == "check" else (_VERIFY_KEYS, "custom_id")
        )
        results = _object(answer).get("results")
        if not isinstance(results, list) or len(cast("list[object]", results)) != 1:
            raise MalformedError("one snippet has one result")
        result = _object(cast("list[object]", results)[0])
        if result.keys() - keys:
            raise MalformedError(f"a result has no key {min(result.keys() - keys)[:40]!r}")
        if result.get(name) != id_:
            raise MalformedError("it is the result of another snippet")
        error, response = result.get("error"), result.get("response")
        if (error is None) == (response is None):
            raise MalformedError("a result has either an error or a response")
        if error is not None:
            again = not (isinstance(error, str) and "timed out" in error)
            raise LostError(str(error)[:_QUOTED], again=again)
        fields = dict(_object(response))
        if self._interface == "verify":
            fields.pop("time", None)
        read = read_response(fields)
        if isinstance(read, ReplError):
            raise LostError(f"its REPL refused: {read.message[:_QUOTED]}")
        if not isinstance(read, CommandResponse):
            raise MalformedError("it answers another kind of request")
        return read


async def _bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    try:
        async for part in response.aiter_bytes():
            content += part
            if len(content) > _MAX_BYTES:
                raise LostError(f"it sent more than {_MAX_BYTES} bytes")
    finally:
        await response.aclose()
    return bytes(content)


def _header(text: str) -> str:
    """Return a header in the form in which the server finds its imports, ended by a line break."""
    header = split_header(text)
    lines = [*(f"import {name}" for name in header.imports or ("Init",)), _BARRIER]
    if rest := header.rest.strip("\n"):
        lines.append(rest)
    return "\n".join(lines) + "\n"


def _snippet(header: str, request: Request) -> _Snippet:
    nonce = new_nonce()
    before = header + request.source + "\n"
    probes = [nonce_source(nonce)]
    target = request.target if request.want_axioms else ""
    if target:
        probes.append(axiom_source(target, nonce))
    return _Snippet(
        code=before + "\n".join(probes) + "\n",
        lines_before=header.count("\n"),
        nonce_line=before.count("\n") + 1,
        nonce=nonce,
        target=target,
    )


def _has_nonce(said: tuple[Message, ...], snippet: _Snippet) -> bool:
    echoes = [m for m in said if m.text == snippet.nonce]
    return (
        len(echoes) == 1 and echoes[0].severity == "info" and echoes[0].line == snippet.nonce_line
    )


def _without_probes(response: CommandResponse, snippet: _Snippet) -> CommandResponse:
    """Take off what was said of the probes. An error at the nonce is the source's."""
    return CommandResponse(
        env=response.env,
        messages=tuple(
            m
            for m in response.messages
            if m.pos.line < snippet.nonce_line
            or (m.pos.line == snippet.nonce_line and m.data != snippet.nonce)
        ),
        sorries=tuple(
            s for s in response.sorries if s.pos is None or s.pos.line <= snippet.nonce_line
        ),
        tactics=response.tactics,
    )


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise MalformedError(f"it is an object, not {type(value).__name__}")
    return cast("dict[str, object]", value)
