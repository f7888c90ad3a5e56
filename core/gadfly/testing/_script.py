"""What every double plays: one answer always, listed answers in order, or a function."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar, cast

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

Answers: TypeAlias = (
    Answer | Sequence[Answer | Exception] | Callable[[Asked], Answer | Awaitable[Answer]]
)


class Script(Generic[Asked, Answer]):
    """Gives the next answer, and raises the answers that are exceptions.

    Calls may overlap, also from several threads: each takes one answer.

    Args:
        answers: A list or tuple is played once, in order. A function is asked each time, and may be
            async. Anything else is the answer to every call.
        over: The exception for a call after the last listed answer.
    """

    def __init__(self, answers: Answers[Answer, Asked], over: Exception) -> None:
        self._over = over
        self._listed: deque[object] | None = None
        self._function: Callable[[Asked], object]
        if isinstance(answers, list | tuple):
            self._listed = deque(cast("Sequence[object]", answers))
        elif callable(answers):
            self._function = answers
        else:
            self._function = _Always(answers)

    async def answer(self, asked: Asked) -> Answer:
        """Return or raise what comes next."""
        if self._listed is None:
            answer = self._function(asked)
            if inspect.isawaitable(answer):
                answer = await answer
        else:
            try:
                answer = self._listed.popleft()
            except IndexError:
                raise self._over from None
        if isinstance(answer, Exception):
            raise answer
        return cast("Answer", answer)


class _Always:
    """A function of one answer; a class, so that it pickles without cloudpickle."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def __call__(self, asked: object) -> object:
        return self._answer
