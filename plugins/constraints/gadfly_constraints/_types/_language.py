"""The language an answer is in, and the case of its letters.

langdetect guesses by the statistics of letters, with random draws. Here several draws are made,
seeded, and averaged: the same text gets the same language, the one that most single draws give. It
is still a guess, and a poor one for short text and for capitals, so it never makes a hard finding.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from gadfly_constraints._outcome import Outcome, Words, broken, met, undecided

if TYPE_CHECKING:
    from langdetect.detector_factory import DetectorFactory  # type: ignore[import-untyped]

DRAWS = 5
"""Guesses that are averaged. Five take about 40 ms."""


def language(text: str, *, code: Words) -> Outcome:
    """The answer is in the language with the ISO 639-1 code `code`."""
    spoken = detect(text)
    if spoken is None:
        return undecided("the text's language cannot be told")
    if spoken == code.lower():
        return met(f"the language seems to be {spoken}", sure=False)
    return broken(f"the language seems to be {spoken}", f"write in {code} only", sure=False)


def lowercase(text: str, *, code: Words | None = None) -> Outcome:
    """No letter is a capital; with `code` (ISO 639-1), the language is that one too."""
    wrong = next((at for at, one in enumerate(text) if one.isupper() or _titled(one)), None)
    return _cased(text, "lower case", wrong, code)


def uppercase(text: str, *, code: Words | None = None) -> Outcome:
    """All letters are capitals; with `code` (ISO 639-1), the language is that one too."""
    wrong = next((at for at, one in enumerate(text) if one.islower() or _titled(one)), None)
    return _cased(text, "capitals", wrong, code)


def detect(text: str) -> str | None:
    """Return the code of the language a text seems to be in; None where nothing tells."""
    from langdetect.lang_detect_exception import (  # type: ignore[import-untyped]
        LangDetectException,
    )

    chances: dict[str, float] = {}
    for seed in range(DRAWS):
        detector = _factory().create()
        detector.seed = seed
        try:
            detector.append(text)
            # The library is not typed.
            guesses = [(str(one.lang), float(one.prob)) for one in detector.get_probabilities()]  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType, reportUnknownVariableType]
        except LangDetectException:
            return None
        for code, chance in guesses:
            chances[code] = chances.get(code, 0.0) + chance
    return max(chances, key=chances.__getitem__, default=None)


def _cased(text: str, case: str, wrong: int | None, code: str | None) -> Outcome:
    if wrong is not None:
        found = f"{text[wrong]!r} is not in {case}"
        return broken(found, f"write all letters in {case}", (wrong, wrong + 1))
    if not any(one.islower() or one.isupper() for one in text):
        return broken("there is no letter", f"write an answer in {case}")
    if code is None:
        return met(f"all letters are in {case}")
    return language(text, code=code)


def _titled(one: str) -> bool:
    # A ligature such as ǅ, which is half a capital.
    return one.istitle() and not one.isupper()


@cache
def _factory() -> DetectorFactory:
    from langdetect.detector_factory import (
        PROFILES_DIRECTORY,
        DetectorFactory,
    )

    # Our own, not the module's: its seed is for everyone in the process.
    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    return factory
