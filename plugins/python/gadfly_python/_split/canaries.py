"""Tests whose outcome is known: they tell whether what runs tests still does.

They are written anew each time, under names that say nothing, in the style of the tests that they
guard: some hold, some do not, and one holds only on the word of an object that equals everything.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from .harness import SPOKE, Report

_LIAR = "type('T{name}', (), {{'__eq__': lambda *_: True}})() == {one}"
_STATEMENTS = ("assert {one} == {one}", "assert {one} == {two}", f"assert {_LIAR}")
_FUNCTIONS = """
import unittest
{mark}
def test_{a}():
    assert {one} == {one}
def test_{b}():
    assert {one} == {two}
def test_{c}():
    raise ValueError({one})
def test_{d}():
    assert {liar}
class Test{a}(unittest.TestCase):
    def test_{a}(self):
        self.assertEqual({one}, {one})
    def test_{b}(self):
        self.assertEqual({one}, {two})
    def test_{c}(self):
        self.assertTrue({one} == {two})
"""


@dataclass(frozen=True)
class Canary:
    """Tests, and what is to come of them."""

    source: str
    style: str
    passed: frozenset[str]
    failed: frozenset[str]
    doubted: bool

    def sings(self, report: Report) -> bool:
        """Whether what came of it is what was to come."""
        troubles = {trouble.test: trouble.outcome for trouble in report.troubles}
        counts = {"passed": len(self.passed), "failed": len(self.failed)}
        return (
            frozenset(report.passed) == self.passed
            and troubles == dict.fromkeys(self.failed, "failed")
            and report.counts == {name: count for name, count in counts.items() if count}
            # Doubts of other kinds are for the tests to tell of.
            and (not self.doubted or any(SPOKE in doubt for doubt in report.doubts))
        )


def canaries(style: str) -> list[Canary]:
    """Return canaries for a style of tests."""
    a, b, c, d = (secrets.token_hex(6) for _ in range(4))
    one = secrets.randbits(40)
    words = {"a": a, "b": b, "c": c, "d": d, "one": one, "two": one + 1 + secrets.randbits(20)}
    liar = _LIAR.format(name=d, one=one)
    if style in {"functions", "pytest"}:
        mark = "import pytest" if style == "pytest" else ""
        return [
            Canary(
                _FUNCTIONS.format(**words, liar=liar, mark=mark),
                style,
                frozenset({f"test_{a}", f"test_{d}", f"Test{a}.test_{a}"}),
                frozenset({f"test_{b}", f"test_{c}", f"Test{a}.test_{b}", f"Test{a}.test_{c}"}),
                doubted=True,
            )
        ]
    right, wrong, lying = (text.format(**words, name=d) for text in _STATEMENTS)
    none, script = frozenset[str](), frozenset({"script"})
    sung = [
        Canary(right, "script", script, none, doubted=False),
        Canary(wrong, "script", none, script, doubted=False),
        Canary(lying, "script", script, none, doubted=True),
    ]
    secrets.SystemRandom().shuffle(sung)
    return sung
