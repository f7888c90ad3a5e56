"""SafeVerify and Comparator: what their reports say, and all that is taken for nothing said.

The programs are stand-ins: neither has run on a real Lean here.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.test_lean_oneshot import REQUEST, STRONG, TOOLS, VERSION, Lean, ended, script

from gadfly import Ended, Job, JobResult, Verdict
from gadfly.testing import ScriptedSandbox
from gadfly_lean import Answer, OneShotLean, Policy, Replay, Toolchain, decide
from gadfly_lean._checkers import Ruling, read_comparator, read_safe_verify

INFO: dict[str, Any] = {"constInfo": {"kind": "theorem"}, "axioms": ["propext"]}
GOOD: list[Any] = [["tgt", {"targetInfo": INFO, "solutionInfo": INFO, "failureMode": None}]]
REPORT: dict[str, Any] = {
    "reports": [
        {
            "target": "tgt",
            "targetKind": "theorem",
            "failureCategory": None,
            "failureMessage": None,
            "unpermittedAxioms": [],
            "transitiveAxioms": ["propext"],
        }
    ],
    "kernelAccepted": True,
    "kernelFailureMessage": None,
    "nanodaAccepted": None,
    "nanodaFailureMessage": None,
}
ACCEPTED = Ruling(accepted=True, about="replay")


def fault(mode: object, name: str = "tgt") -> list[Any]:
    return [[name, {"targetInfo": INFO, "solutionInfo": INFO, "failureMode": mode}]]


def comparator(kernel: object = None, **own: object) -> dict[str, Any]:
    report = copy.deepcopy(REPORT)
    report["kernelAccepted"] = kernel
    report["reports"][0].update(own)
    return report


@pytest.mark.parametrize(
    ("report", "code", "said"),
    [
        (GOOD, 0, ACCEPTED),
        (fault("thmType"), 1, Ruling(accepted=False, about="statement")),
        (fault("axioms"), 1, Ruling(accepted=False, about="axioms")),
        (fault("notFound"), 1, Ruling(accepted=False, about="target")),
        (
            fault({"kind": {"kind1": "theorem", "kind2": "def"}}),
            1,
            Ruling(accepted=False, about="target"),
        ),
        # What contradicts itself, speaks of something else, or has another form, says nothing.
        (GOOD, 1, None),
        (GOOD, 2, None),
        (fault("thmType"), 0, None),
        (fault("other"), 1, None),
        (fault(["thmType"]), 1, None),
        ([*GOOD, *fault("thmType", "helper")], 1, None),
        ([*GOOD, *fault("thmType", "helper")], 0, None),
        ([*GOOD, *GOOD], 0, None),
        (fault(None, "other"), 0, None),
        ([], 0, None),
        ({}, 0, None),
        ([GOOD[0][1]], 0, None),
        ([["tgt", {**GOOD[0][1], "accepted": True}]], 0, None),
        ([["tgt", {**GOOD[0][1], "solutionInfo": None}]], 0, None),
    ],
)
def test_safe_verify_is_read_strictly(report: object, code: int, said: Ruling | None) -> None:
    assert read_safe_verify(json.dumps(report), code, "tgt") == said


@pytest.mark.parametrize(
    ("report", "code", "said"),
    [
        (REPORT, 0, ACCEPTED),
        (comparator(False), 1, Ruling(accepted=False, about="replay")),
        (comparator(failureCategory="axioms"), 1, Ruling(accepted=False, about="axioms")),
        (comparator(failureCategory="comparison"), 1, Ruling(accepted=False, about="statement")),
        (REPORT, 1, None),
        (REPORT, 97, None),
        (comparator(None), 0, None),
        (comparator(1), 0, None),
        (comparator(True, target="other"), 0, None),
        (comparator(True, targetKind="definition"), 0, None),
        (comparator(True, unpermittedAxioms=["cheat"]), 0, None),
        (comparator(True, more=1), 0, None),
        (comparator(failureCategory="weather"), 1, None),
        ({**REPORT, "nanodaAccepted": True}, 0, None),
        ({**REPORT, "reports": []}, 0, None),
        ({**REPORT, "reports": REPORT["reports"] * 2}, 0, None),
    ],
)
def test_comparator_is_read_strictly(report: object, code: int, said: Ruling | None) -> None:
    assert read_comparator(json.dumps(report), code, "tgt") == said


def test_a_report_that_says_two_things_says_nothing() -> None:
    text = json.dumps(GOOD)

    twice = text.replace('"failureMode": null', '"failureMode": "thmType", "failureMode": null')
    assert read_safe_verify(twice, 0, "tgt") is None


@pytest.mark.parametrize("read", [read_safe_verify, read_comparator])
@pytest.mark.parametrize("text", [None, "", "x", "[" * 100_000, '{"a": 1, "a": 1}', "null", "1"])
def test_no_report_says_nothing(
    read: Callable[[str | None, int | None, str], Ruling | None], text: str | None
) -> None:
    assert read(text, 0, "tgt") is None


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = list(value.items()) if isinstance(value, dict) else []
    inner = list(enumerate(value)) if isinstance(value, list) else inner
    return [path, *(one for key, child in inner for one in places(child, (*path, key)))]


NOTHING_SAID = {"axioms", "transitiveAxioms"}


@given(data=st.data())
@pytest.mark.parametrize("kind", ["safe_verify", "comparator"])
def test_no_altered_report_is_accepted(kind: str, data: st.DataObject) -> None:
    read = read_safe_verify if kind == "safe_verify" else read_comparator
    report: Any = json.loads(json.dumps(GOOD if kind == "safe_verify" else REPORT))
    path = data.draw(st.sampled_from(places(report)[1:]))
    *way, last = path
    inner = report
    for key in way:
        inner = inner[key]
    odd: st.SearchStrategy[Any] = st.sampled_from(
        [None, True, False, 0, 1, "x", [], {}, ["x"], [[]], {"kind": "x"}]
    )
    before = inner[last]
    inner[last] = data.draw(odd)

    said = read(json.dumps(report), 0, "tgt")

    if said is not None and not NOTHING_SAID & set(path):
        assert json.dumps(inner[last]) == json.dumps(before)


# --------------------------------------------------------------------- in the one-shot driver

BOTH = dataclasses.replace(
    TOOLS,
    replayer=None,
    second_kernel=None,
    safe_verify="/tools/safe_verify",
    comparator="/tools/comparator",
    landrun="/tools/landrun",
    versions={"safe_verify": "sha256:3", "comparator": "sha256:4"},
)
ONE = dataclasses.replace(BOTH, comparator=None)


class Checkers:
    """Lean's programs as they are in other tests, and two checkers that answer as told."""

    def __init__(self, safe_verify: JobResult | None, compared: JobResult | None) -> None:
        self.lean = Lean()
        self.said = {"/tools/safe_verify": safe_verify, "/tools/comparator": compared}
        self.jobs: list[Job] = []

    def __call__(self, job: Job) -> JobResult:
        for name, answer in self.said.items():
            if name in job.argv:
                self.jobs.append(job)
                return answer or JobResult(ended=Ended.TIMEOUT)
        return self.lean(job)


def reported(report: object, code: int = 0) -> JobResult:
    return ended(code, report_json=json.dumps(report))


@pytest.mark.parametrize(
    ("safe_verify", "compared", "verdict", "layer"),
    [
        (reported(GOOD), None, Verdict.PASS, ""),
        (None, reported(REPORT), Verdict.PASS, ""),
        (None, None, Verdict.ABSTAIN, "replay"),
        (ended(0), ended(0), Verdict.ABSTAIN, "replay"),
        (reported(GOOD, 1), reported(REPORT, 1), Verdict.ABSTAIN, "replay"),
        (reported(fault("thmType"), 1), reported(REPORT), Verdict.FAIL, "statement"),
        (reported(GOOD), reported(comparator(False), 1), Verdict.FAIL, "replay"),
        (reported(fault("axioms"), 1), None, Verdict.FAIL, "axioms"),
    ],
)
async def test_a_checker_stands_for_the_replay_and_what_it_refuses_is_broken(
    safe_verify: JobResult | None, compared: JobResult | None, verdict: Verdict, layer: str
) -> None:
    lean = Checkers(safe_verify, compared)

    answer = await OneShotLean(ScriptedSandbox(lean), BOTH).check(REQUEST)

    decision = decide(answer, "tgt")
    assert decision.verdict is verdict, decision.layers
    if layer:
        assert decision.stopped_by is not None
        assert decision.stopped_by.name == layer
    else:
        assert decision.level is not None
        assert decision.level.name == "L3"  # it is Lean's own kernel, so no L4


def test_an_old_kernel_is_not_believed_whoever_runs_it() -> None:
    replay = Replay(checker="comparator", version="", accepted=True, same_kernel=True)
    old = Answer(driver="test", exit_code=0, axioms=(), replays=(replay,))

    layers = decide(dataclasses.replace(old, versions={"lean": "4.33.0"}), "tgt").layers

    assert next(one.state.value for one in layers if one.name == "replay") == "missing"


def test_a_refusal_of_axioms_that_a_person_allows_says_nothing() -> None:
    replay = Replay(
        checker="safe_verify", version="", accepted=False, same_kernel=True, about="axioms"
    )
    answer = Answer(driver="test", exit_code=0, axioms=("mine",), replays=(replay,))

    assert decide(answer, "tgt").verdict is Verdict.FAIL
    wide = decide(answer, "tgt", Policy(axioms=("propext", "mine")))
    assert wide.verdict is Verdict.ABSTAIN
    assert next(one.state.value for one in wide.layers if one.name == "replay") == "missing"


@pytest.mark.parametrize(
    ("header", "asked"),
    [("import Init", True), ("", True), ("import Mathlib", False), ("module", False)],
)
async def test_comparator_is_asked_only_where_leans_own_library_is_enough(
    header: str, asked: bool
) -> None:
    lean = Checkers(None, reported(REPORT))
    request = dataclasses.replace(REQUEST, header=header)

    await OneShotLean(ScriptedSandbox(lean), BOTH).check(request)

    assert any("/tools/comparator" in job.argv for job in lean.jobs) is asked


def shell(tmp_path: Path) -> Callable[[Job], JobResult]:
    """Run jobs by a real shell, unconfined: their programs are stand-ins."""

    def run(job: Job) -> JobResult:
        folder = tmp_path / f"job{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for name, text in job.files.items():
            (folder / name).write_text(text)
        done = subprocess.run(job.argv, cwd=folder, capture_output=True, text=True, check=False)
        files = {one: (folder / one).read_text() for one in job.collect if (folder / one).exists()}
        return JobResult(
            ended=Ended.EXITED,
            exit_code=done.returncode,
            stdout=done.stdout,
            stderr=done.stderr,
            files=files,
            isolation=STRONG,
        )

    return run


@pytest.mark.parametrize(
    ("landrun", "accepted"),
    [
        ("echo ran", ["safe_verify", "comparator"]),  # as one that lets nothing be written
        (
            'while [ "$1" != sh ]; do shift; done; "$@"',
            ["safe_verify"],
        ),  # one that confines nothing
        ("exit 1", ["safe_verify"]),
    ],
)
async def test_the_scripts_hand_over_both_sides_and_see_that_landrun_confines(
    tmp_path: Path, landrun: str, accepted: list[str]
) -> None:
    tools = tmp_path / "tools"
    lean = tools / "bin" / "lean"
    script(lean, f'[ "$1" = --version ] && echo "{VERSION}" || cp File.lean File.olean')
    script(tools / "bin" / "lake", 'test "$1" = env && shift && exec "$@"')
    script(tools / "lean4export", "echo export")
    script(tools / "landrun", landrun)
    script(
        tools / "safe_verify",
        f"""grep -q sorry "$1" && grep -q True.intro "$2" && test "$3" = -s || exit 3
test "$LEAN_SYSROOT" = {tools} && cat > "$4" <<'END'
{json.dumps(GOOD)}
END""",
    )
    script(
        tools / "comparator",
        f"""grep -q sorry Challenge.lean && grep -q True.intro Solution.lean || exit 3
grep -q autoImplicit lakefile.toml && grep -q '"tgt"' "$1" || exit 4
test "$COMPARATOR_LANDRUN" = {tools}/landrun && cat > report.json <<'END'
{json.dumps(REPORT)}
END""",
    )
    found = Toolchain(
        lean=str(lean),
        exporter=str(tools / "lean4export"),
        safe_verify=str(tools / "safe_verify"),
        comparator=str(tools / "comparator"),
        landrun=str(tools / "landrun"),
    )

    answer = await OneShotLean(ScriptedSandbox(shell(tmp_path)), found).check(REQUEST)

    assert answer.problem == ""
    assert [one.checker for one in answer.replays if one.accepted] == accepted
