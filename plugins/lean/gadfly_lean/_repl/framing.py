"""The bytes between us and a REPL.

To it: one line of JSON and one blank line. Not more: a second blank line is a request of its own,
on which the REPL dies. The line begins with `{`: a request that begins with `#` or `--` is skipped
without an answer. Line breaks in a text are escapes: the REPL joins lines without what was between.

From it: JSON over several lines, ended by a blank line, which JSON itself never has.

Source: `getLines` in `REPL/Main.lean` of leanprover-community/repl at 8948401.
"""

from __future__ import annotations

import json

from gadfly_lean._repl.messages import ReplRequest, write_request


class TooLongError(ValueError):
    """An answer has more bytes than it may."""


def frame(request: ReplRequest) -> bytes:
    """Return the bytes of a request.

    Text goes out as UTF-8, not as escapes: not every version of Lean reads surrogate pairs.

    Raises:
        UnicodeEncodeError: Half of a surrogate pair is in a text.
    """
    return json.dumps(write_request(request), ensure_ascii=False).encode() + b"\n\n"


class AnswerReader:
    """Cuts a stream into answers; what they say is not looked at.

    Args:
        max_bytes: Of one answer, the part that is still to come included.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        """Count the bytes that were fed and not yet taken."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what came next.

        Raises:
            TooLongError: More than `max_bytes` lie here and nobody takes them.
        """
        self._buffer += data
        if len(self._buffer) > self._max_bytes:
            raise TooLongError(f"more than {self._max_bytes} bytes without an end")

    def take(self) -> bytes | None:
        """Return the next whole answer without its blank line; None if it is not there yet."""
        end = self._buffer.find(b"\n\n", self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - 1)
            return None
        answer = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._searched = 0
        return answer
