"""The one-shot driver, with programs that stand in for Lean's: what is seen, and what is forged."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.plugins.lean_exports import Writer, challenge, logic, submission

from gadfly import Ended, InputError, Isolation, Job, JobResult, Level, Verdict
from gadfly.testing import ScriptedSandbox
from gadfly_lean import OneShotLean, Request, Toolchain, decide, find_toolchain
from gadfly_lean._commands import audit_exports, doctor
from gadfly_lean._oneshot import read_messages

VERSION = "Lean (version 4.34.0, x86_64-unknown-linux-gnu, commit abc, Release)"
TOOLS = Toolchain(
    lean="/lean/bin/lean",
    exporter="/tools/lean4export",
    replayer="/tools/lean4checker",
    second_kernel="/tools/nanoda_bin",
    lean_path=("/project/packages",),
    versions={"lean4checker": "sha256:1", "nanoda": "sha256:2"},
)
REQUEST = Request(
    header="import Init",
    source="theorem tgt : Claim := True.intro",
    statement="theorem tgt : Claim := sorry",
    target="tgt",
    want_exports=True,
)
STRONG = Isolation(sandbox="test", level=Level.STRICT, network="none")


def ended(code: int = 0, out: str = "", err: str = "", **files: str) -> JobResult:
    named = {name.replace("_", "."): text for name, text in files.items()}
    return JobResult(
        ended=Ended.EXITED, exit_code=code, stdout=out, stderr=err, files=named, isolation=STRONG
    )


def message(severity: str = "error", line: int = 2, text: str = "no") -> str:
    place = {"line": line, "column": 3}
    return json.dumps({"severity": severity, "pos": place, "data": text, "fileName": "File.lean"})


class Lean:
    """A sandbox in which Lean's programs answer as told."""

    def __init__(self, **answers: JobResult) -> None:
        self.answers = answers
        self.jobs: list[Job] = []

    def __call__(self, job: Job) -> JobResult:
        self.jobs.append(job)
        what = next(key for key in self.names if self.names[key](job))
        given: dict[str, JobResult] = {
            "version": ended(out=VERSION),
            "submitted": ended(File_base64="c3Vi"),
            "asked": ended(
                out=message("warning", 2, "declaration uses `sorry`"), File_base64="Y2g="
            ),
            "exported": ended(File_out=submission()),
            "challenged": ended(File_out=challenge()),
            "referred": ended(File_out=challenge()),
            "replay": ended(),
            "second": ended(),
        }
        return self.answers.get(what, given[what])

    names: ClassVar[dict[str, Callable[[Job], bool]]] = {
        "version": lambda job: "--version" in job.argv,
        "second": lambda job: job.argv[0].endswith("nanoda_bin"),
        "replay": lambda job: "/tools/lean4checker" in job.argv,
        "referred": lambda job: "Init" in job.argv,
        "exported": lambda job: (
            "/tools/lean4export" in job.argv and job.files["File.base64"] == "c3Vi"
        ),
        "challenged": lambda job: "/tools/lean4export" in job.argv,
        "asked": lambda job: "sorry" in job.files["File.lean"],
        "submitted": lambda job: True,
    }


async def check(lean: Lean, request: Request = REQUEST) -> Any:
    return await OneShotLean(ScriptedSandbox(lean), TOOLS).check(request)


async def test_all_levels_are_reached_where_every_program_agrees() -> None:
    lean = Lean()

    answer = await check(lean)

    decision = decide(answer, "tgt")
    assert decision.verdict is Verdict.PASS, decision.layers
    assert decision.level is not None
    assert decision.level.name == "L4"
    assert answer.versions["lean"] == VERSION
    assert [one.version for one in answer.replays] == ["sha256:1", "sha256:2"]


@pytest.mark.parametrize(
    ("referred", "verdict"),
    [("True", Verdict.PASS), ("False", Verdict.FAIL), (None, Verdict.ABSTAIN)],
)
async def test_what_a_kernel_computes_with_is_compared_with_leans_own(
    referred: str | None, verdict: Verdict
) -> None:
    def build(value: str) -> Callable[[Writer], None]:
        return lambda w: w.definition("Nat.gcd", w.prop(), w.const(value))

    standard = logic(Writer())
    build(referred or "True")(standard)
    lean = Lean(
        exported=ended(File_out=submission(build("True"), "Nat.gcd")),
        referred=ended(File_out=standard.text) if referred else ended(1),
    )
    driver = OneShotLean(ScriptedSandbox(lean), TOOLS)

    for _ in range(2):
        assert decide(await driver.check(REQUEST), "tgt").verdict is verdict
    asked = [job for job in lean.jobs if "Init" in job.argv]
    assert all(not job.files for job in asked)
    assert len(asked) == (1 if referred else 2)


async def test_no_program_of_the_submission_runs_where_it_is_exported_and_replayed() -> None:
    lean = Lean()

    await check(lean)

    assert all(not job.limits.network for job in lean.jobs)
    for job in lean.jobs[2:]:
        assert REQUEST.source not in "".join(job.files.values())


@pytest.mark.parametrize(
    ("answers", "verdict", "layer"),
    [
        ({"submitted": ended(1, message())}, Verdict.FAIL, "errors"),
        ({"submitted": ended(1)}, Verdict.FAIL, "errors"),
        ({"submitted": ended(0)}, Verdict.FAIL, "target"),
        ({"submitted": ended(0, '{"env": 0}', File_base64="c3Vi")}, Verdict.ABSTAIN, "answer"),
        (
            {"submitted": ended(0, "all goals closed", File_base64="c3Vi")},
            Verdict.ABSTAIN,
            "answer",
        ),
        ({"submitted": ended(1, message(line=1))}, Verdict.ABSTAIN, "answer"),
        ({"submitted": JobResult(ended=Ended.TIMEOUT)}, Verdict.ABSTAIN, "answer"),
        ({"submitted": JobResult(ended=Ended.MEMORY)}, Verdict.ABSTAIN, "answer"),
        ({"version": ended(127, err="not found")}, Verdict.ABSTAIN, "answer"),
        ({"asked": ended(1, message())}, Verdict.ABSTAIN, "answer"),
        (
            {"exported": ended(1, err="Constant tgt not found in environment")},
            Verdict.FAIL,
            "target",
        ),
        # What lean4export does: it complains, and goes on without.
        (
            {
                "exported": ended(
                    0, err="PANIC: Constant tgt not found", File_out=logic(Writer()).text
                )
            },
            Verdict.FAIL,
            "target",
        ),
        (
            {"exported": ended(1, err="Constant tgt2 not found in environment")},
            Verdict.ABSTAIN,
            "#print axioms",
        ),
        ({"exported": ended(1, err="killed")}, Verdict.ABSTAIN, "#print axioms"),
        ({"exported": ended(0, File_out="junk")}, Verdict.ABSTAIN, "#print axioms"),
        ({"exported": ended(0)}, Verdict.ABSTAIN, "#print axioms"),
        ({"challenged": ended(1, err="Constant tgt not found")}, Verdict.ABSTAIN, "answer"),
        ({"replay": ended(1, err="kernel: declaration type mismatch")}, Verdict.FAIL, "replay"),
        ({"second": ended(101, err="panicked")}, Verdict.FAIL, "replay"),
        ({"replay": ended(2), "second": ended(2)}, Verdict.ABSTAIN, "replay"),
        ({"replay": JobResult(ended=Ended.MEMORY), "second": ended(1)}, Verdict.ABSTAIN, "replay"),
    ],
)
async def test_what_goes_wrong_is_a_verdict_only_where_something_was_shown(
    answers: dict[str, JobResult], verdict: Verdict, layer: str
) -> None:
    decision = decide(await check(Lean(**answers)), "tgt")

    assert decision.verdict is verdict, decision.layers
    assert decision.stopped_by is not None
    assert decision.stopped_by.name == layer


def probe(job: Job, axioms: str, canary: str = "[sorryAx]") -> JobResult:
    """Answer the commands that ask for axioms, as Lean would."""
    lines = job.files["File.lean"].split("\n")
    begins = next(n for n, line in enumerate(lines, 1) if line.endswith(' begins"'))
    said = {
        0: lines[begins - 1].split('"')[1],
        1: axioms,
        3: f"'{lines[begins + 1].split()[1].removeprefix('_root_.')}' depends on axioms: {canary}",
        4: lines[begins + 3].split('"')[1],
    }
    return ended(out="\n".join(message("info", begins + n, text) for n, text in said.items()))


@pytest.mark.parametrize(
    ("axioms", "canary", "level"),
    [
        ("'tgt' does not depend on any axioms", "[sorryAx]", "L2"),
        ("'tgt' depends on axioms: [propext, Quot.sound]", "[sorryAx]", "L2"),
        ("'tgt' depends on axioms: [sorryAx]", "[sorryAx]", None),
        ("'tgt' does not depend on any axioms", "[]", "L1"),
        ("'other' does not depend on any axioms", "[sorryAx]", "L1"),
        ("QED", "[sorryAx]", "L1"),
    ],
)
async def test_without_an_exporter_lean_is_asked_for_the_axioms(
    axioms: str, canary: str, level: str | None
) -> None:
    lean = Lean()

    def answer(job: Job) -> JobResult:
        text = job.files.get("File.lean", "")
        return probe(job, axioms, canary) if "#print axioms" in text else lean(job)

    tools = Toolchain(lean="/lean/bin/lean")
    request = Request(header="", source=REQUEST.source, target="tgt", want_axioms=True)
    decision = decide(await OneShotLean(ScriptedSandbox(answer), tools).check(request), "tgt")

    assert (decision.level and decision.level.name) == level
    assert decision.verdict is (Verdict.ABSTAIN if level else Verdict.FAIL)


async def test_a_weak_sandbox_is_not_called_one() -> None:
    weak = JobResult(ended=Ended.EXITED, exit_code=0, files={"File.base64": "c3Vi"})

    answer = await check(Lean(submitted=weak))

    assert not answer.sandboxed


def test_messages_are_read_by_lines_of_the_source() -> None:
    said, problem = read_messages([message(line=5), "", message("info", line=0)], lead=2)

    assert problem == ""
    assert [one.line for one in said] == [3, 0]


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "[]",
        "{}",
        '{"severity": "error"}',
        message("fatal"),
        message(line=-1),
        message().replace("3}", "true}"),
        "[" * 100_000,
    ],
)
def test_a_line_that_is_not_leans_makes_the_answer_a_problem(line: str) -> None:
    said, problem = read_messages([message(), line])

    assert said == ()
    assert "not Lean's" in problem


def test_without_lean_the_doctor_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(InputError, match="elan"):
        doctor([])


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that stand in for Lean's, on the PATH, and a project."""
    script(tmp_path / "bin" / "lean", f'test "$1" = --print-prefix && echo {tmp_path}')
    script(tmp_path / "bin" / "lake", "echo one:/two")
    script(tmp_path / "bin" / "lean4export", "exit 0")
    script(tmp_path / "bin" / "safe_verify", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    project = tmp_path / "project"
    project.mkdir()
    (project / "lakefile.toml").write_text('name = "project"\n')
    return tmp_path


def test_a_toolchain_is_found_with_its_project(stand_ins: Path) -> None:
    found = find_toolchain(str(stand_ins / "project"))

    assert found.lean == str(stand_ins / "bin" / "lean")
    assert found.lean_path == (str(stand_ins / "project" / "one"), "/two")
    assert found.versions["lean4export"].startswith("sha256:")
    assert found.second_kernel is None
    assert found.safe_verify == str(stand_ins / "bin" / "safe_verify")
    assert found.comparator is None
    assert str(stand_ins) in found.folders


def test_the_doctor_says_what_is_missing(
    stand_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor([]) == 1

    said = capsys.readouterr().out
    assert "lean4export: sha256:" in said
    assert "nanoda: not on the PATH; level L4 needs it" in said
    assert "safe_verify: sha256:" in said
    assert "comparator: not on the PATH; optional" in said


@pytest.mark.parametrize(("name", "text"), [("lean", "exit 3"), ("lake", "exit 3"), ("lake", "")])
def test_a_toolchain_that_does_not_answer_is_an_error(
    stand_ins: Path, name: str, text: str
) -> None:
    script(stand_ins / "bin" / name, text)

    with pytest.raises(InputError, match="status"):
        find_toolchain(str(stand_ins / "project"))


def test_a_folder_that_is_no_project_is_an_error(stand_ins: Path) -> None:
    with pytest.raises(InputError, match="lakefile"):
        find_toolchain(str(stand_ins))


def test_two_exports_can_be_audited_at_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs, bad, other = (tmp_path / name for name in ("c", "s", "b", "r"))
    ours.write_text(challenge())
    theirs.write_text(submission())
    bad.write_text(submission(lambda w: w.axiom("cheat", w.const("True")), "cheat"))

    assert audit_exports([str(ours), str(theirs), "--target", "tgt"]) == 0
    assert "no kernel has checked" in capsys.readouterr().out
    assert audit_exports([str(ours), str(bad), "--target", "tgt"]) == 1
    assert "cheat" in capsys.readouterr().out
    other.write_text(Writer(commit="another").text)
    assert audit_exports([str(ours), str(theirs), "--target", "tgt", "--reference", str(ours)]) == 0
    for wrong in (
        [str(ours), str(theirs), "--target", "tgt", "--reference", str(other)],
        [str(ours), str(tmp_path / "none"), "--target", "tgt"],
        [str(ours), str(theirs), "--target", "other"],
    ):
        with pytest.raises(InputError):
            audit_exports(wrong)


async def test_the_scripts_hand_programs_their_paths_and_keep_their_output(tmp_path: Path) -> None:
    """The shell is a real one; `lean` and the exporter are not."""
    tools = tmp_path / "tools"
    lean, exporter = tools / "bin" / "lean", tools / "lean4export"
    script(lean, '[ "$1" = --version ] && echo "Lean (version 4.34.0)" || echo olean > File.olean')
    script(exporter, 'echo "$LEAN_SYSROOT $LEAN_PATH $* $(cat File.olean 2> /dev/null)"')

    def shell(job: Job) -> JobResult:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
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

    found = Toolchain(lean=str(lean), exporter=str(exporter), lean_path=("/a", "/b"))
    answer = await OneShotLean(ScriptedSandbox(shell), found).check(REQUEST)

    assert answer.problem == ""
    assert answer.submission_export is not None and answer.reference_export is not None
    sysroot, path, *asked = answer.submission_export.split()
    assert sysroot == str(tools)
    assert path.endswith(":/a:/b")
    assert asked == ["File", "--", "tgt", "olean"]
    assert answer.reference_export.startswith(f"{tools} /a:/b Init -- propext")
