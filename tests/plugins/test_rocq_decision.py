"""From what was seen to a verdict; tools that are missing, dead, slow or lying give no pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gadfly import (
    Critique,
    Draft,
    Ended,
    InputError,
    Isolation,
    Job,
    JobResult,
    SandboxError,
    Task,
    Verdict,
)
from gadfly import Level as Isolated
from gadfly.testing import ScriptedSandbox, make_context
from gadfly_rocq import (
    Answer,
    Assumption,
    Decision,
    Level,
    Message,
    OneShotRocq,
    Policy,
    ProofCritic,
    Replay,
    Request,
    State,
    Toolchain,
    decide,
    doctor,
    find_toolchain,
)

VERSION = "The Coq Proof Assistant, version 8.16.1"
GOOD = Replay(checker="coqchk", version=VERSION, accepted=True, assumptions=())
BEST = Answer(
    driver="test",
    assumptions=(),
    asked_apart=True,
    target_found=True,
    statement_holds=True,
    replays=(GOOD,),
    sandboxed=True,
    exit_code=0,
    versions={"rocq": VERSION},
)
REQUEST = Request(
    header="", statement="Theorem tgt : 1 = 1.", target="tgt", source="Proof. auto. Qed."
)
CLASSIC = "Coq.Logic.Classical_Prop.classic"


def rule(policy: Policy | None = None, source: str = REQUEST.source, **changes: Any) -> Decision:
    request = dataclasses.replace(REQUEST, source=source)
    return decide(dataclasses.replace(BEST, **changes), request, policy)


def test_a_submission_of_which_all_is_known_reaches_l3() -> None:
    decision = rule()

    assert (decision.verdict, decision.level) == (Verdict.PASS, Level.L3)
    assert decision.stopped_by is not None
    assert decision.stopped_by.name == "second kernel"


@pytest.mark.parametrize(
    ("changes", "layer"),
    [
        ({"problem": "it died"}, "answer"),
        ({"assumptions": None}, "Print Assumptions"),
        ({"target_found": None}, "target"),
        ({"statement_holds": None}, "statement"),
        ({"asked_apart": False}, "statement"),
        ({"replays": ()}, "replay"),
        ({"replays": (dataclasses.replace(GOOD, assumptions=None),)}, "replay"),
        (
            {
                "replays": (
                    dataclasses.replace(GOOD, assumptions=(Assumption(name="Gadfly.Candidate.a"),)),
                )
            },
            "replay",
        ),
        ({"versions": {}}, "known bugs"),
        ({"source": "Fixpoint f (n : nat) := 0. Proof. auto. Qed."}, "known bugs"),
    ],
)
def test_what_nobody_looked_at_is_no_pass(changes: dict[str, Any], layer: str) -> None:
    decision = rule(**changes)

    assert decision.verdict is Verdict.ABSTAIN
    assert decision.stopped_by is not None
    assert (decision.stopped_by.name, decision.stopped_by.state) == (layer, State.MISSING)


@pytest.mark.parametrize(
    ("changes", "layer"),
    [
        ({"messages": (Message(text="no", line=1),)}, "errors"),
        ({"source": "Proof. admit. Admitted."}, "admitted"),
        ({"assumptions": (Assumption(name="Gadfly.Candidate.a"),)}, "Print Assumptions"),
        ({"assumptions": (Assumption(name=CLASSIC),)}, "Print Assumptions"),
        ({"target_found": False}, "target"),
        ({"statement_holds": False}, "statement"),
        ({"replays": (dataclasses.replace(GOOD, accepted=False),)}, "replay"),
    ],
)
def test_what_was_seen_to_be_wrong_is_a_failure(changes: dict[str, Any], layer: str) -> None:
    decision = rule(**changes)

    assert (decision.verdict, decision.level) == (Verdict.FAIL, None)
    assert decision.stopped_by is not None
    assert decision.stopped_by.name == layer


def test_an_axiom_is_allowed_by_its_full_name_only() -> None:
    used = (Assumption(name=CLASSIC),)
    allowed = Policy(axioms=("Stdlib.Logic.Classical_Prop.classic",))

    assert rule(allowed, assumptions=used).verdict is Verdict.PASS
    assert rule(allowed, assumptions=(Assumption(name="Gadfly.Candidate.classic"),)).verdict is (
        Verdict.FAIL
    )
    left_out = (Assumption(name=CLASSIC, why="is assumed to be guarded"),)
    assert rule(allowed, assumptions=left_out).verdict is Verdict.FAIL
    with pytest.raises(InputError, match="in full"):
        Policy(axioms=("classic",))


def test_axioms_of_the_header_are_the_tasks_own() -> None:
    given = (Assumption(name="Gadfly.Given.op_comm"),)

    decision = rule(assumptions=given, replays=(dataclasses.replace(GOOD, assumptions=given),))

    assert decision.verdict is Verdict.PASS


def test_a_person_may_believe_an_old_kernel() -> None:
    source = "Fixpoint f (n : nat) := 0. Proof. auto. Qed."

    assert rule(Policy(trust_old_kernels=True), source).verdict is Verdict.PASS
    newer = {"rocq": "The Rocq Prover, version 9.3.0"}
    assert rule(source=source, versions=newer).verdict is Verdict.PASS


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="no level"):
        Policy(level="L7")


TOOLS = Toolchain(coqc="/usr/bin/coqc", coqchk="/usr/bin/coqchk")
STRONG = Isolation(sandbox="test", level=Isolated.STRICT, network="none")
CONTEXT = """
CONTEXT SUMMARY
===============

* Theory: Set is predicative

* Axioms: <none>

* Constants/Inductives relying on type-in-type: <none>

* Constants/Inductives relying on unsafe (co)fixpoints: <none>

* Inductives whose positivity is assumed: <none>
"""


def ended(code: int = 0, out: str = "", err: str = "", **files: str) -> JobResult:
    named = {name.replace("_", "."): text for name, text in files.items()}
    return JobResult(
        ended=Ended.EXITED, exit_code=code, stdout=out, stderr=err, files=named, isolation=STRONG
    )


class Rocq:
    """A sandbox in which Rocq's programs answer as told; by default as for a good proof."""

    def __init__(self, **answers: JobResult | Callable[[Job], JobResult]) -> None:
        self.answers = answers
        self.jobs: list[Job] = []

    def __call__(self, job: Job) -> JobResult:
        self.jobs.append(job)
        name = self.step(job)
        answer = self.answers.get(name)
        if answer is None:
            return self.usual(name, job)
        return answer(job) if callable(answer) else answer

    @staticmethod
    def step(job: Job) -> str:
        if "/usr/bin/coqchk" in job.argv:
            return "replay"
        return next(
            key
            for key, file in (
                ("given", "Challenge.v"),
                ("submitted", "Candidate.v"),
                ("inspected", "Probe.v"),
            )
            if file in job.files
        )

    @staticmethod
    def usual(name: str, job: Job) -> JobResult:
        if name == "given":
            return ended(Version_out=VERSION, Claim_out="Parameter tgt", Challenge_vo_out="Y2g=")
        if name == "submitted":
            return ended(Candidate_vo_out="Y2E=")
        if name == "inspected":
            return inspected(job)
        return ended(out=CONTEXT)


def inspected(job: Job, target: str = "Closed under the global context", **more: str) -> JobResult:
    nonce = job.files["Probe.v"].partition("Axiom ")[2].partition(" ")[0]
    canary = f"Axioms:\n{nonce} : False\n"
    given = {
        "Check_code": "0\n",
        "Check_log": "",
        "Check_vo_out": "Y2g=",
        "before_out": canary,
        "target_out": target,
        "after_out": canary,
        **more,
    }
    return dataclasses.replace(ended(), files={k.replace("_", "."): v for k, v in given.items()})


async def ask(rocq: Rocq, tools: Toolchain = TOOLS) -> Decision:
    answer = await OneShotRocq(ScriptedSandbox(rocq), tools).check(REQUEST)
    return decide(answer, REQUEST)


async def test_a_proof_passes_where_every_program_agrees() -> None:
    rocq = Rocq()

    decision = await ask(rocq)

    assert decision.verdict is Verdict.PASS, decision.layers
    assert [rocq.step(job) for job in rocq.jobs] == ["given", "submitted", "inspected", "replay"]


async def test_no_command_of_the_submission_runs_where_it_is_looked_at() -> None:
    rocq = Rocq()

    await ask(rocq)

    for job in rocq.jobs:
        assert not job.limits.network
        if rocq.step(job) != "submitted":
            assert REQUEST.source not in "".join(job.files.values())
    assert "Challenge.vo.b64" not in rocq.jobs[1].files


async def test_libraries_are_called_by_a_name_that_nobody_knows_before() -> None:
    roots = set[str]()
    for _ in range(3):
        rocq = Rocq()
        await ask(rocq)
        roots |= {job.argv[5] for job in rocq.jobs if rocq.step(job) == "submitted"}

    assert len(roots) == 3


FORGED = "Axioms:\nother : False\n"
ERROR = 'File "./Candidate.v", line 2, characters 7-11:\nError: No such thing.\n'


@pytest.mark.parametrize(
    ("answers", "verdict", "layer"),
    [
        ({"given": ended(97)}, Verdict.ABSTAIN, "answer"),
        ({"given": ended(127, err="coqc: not found")}, Verdict.ABSTAIN, "answer"),
        ({"given": JobResult(ended=Ended.TIMEOUT)}, Verdict.ABSTAIN, "answer"),
        ({"given": ended(Version_out=VERSION)}, Verdict.ABSTAIN, "answer"),
        ({"submitted": JobResult(ended=Ended.TIMEOUT)}, Verdict.ABSTAIN, "answer"),
        ({"submitted": JobResult(ended=Ended.MEMORY)}, Verdict.ABSTAIN, "answer"),
        ({"submitted": JobResult(ended=Ended.SIGNALED, signal=11)}, Verdict.ABSTAIN, "answer"),
        ({"submitted": ended(1)}, Verdict.ABSTAIN, "answer"),
        ({"submitted": ended(129, err="Error: Anomaly")}, Verdict.ABSTAIN, "answer"),
        (
            {"submitted": ended(1, err=ERROR.replace("No such thing", "Stack overflow"))},
            Verdict.ABSTAIN,
            "answer",
        ),
        ({"submitted": ended(1, err=ERROR)}, Verdict.FAIL, "errors"),
        ({"submitted": ended(0)}, Verdict.FAIL, "target"),
        ({"inspected": ended(1)}, Verdict.ABSTAIN, "Print Assumptions"),
        ({"inspected": JobResult(ended=Ended.MEMORY)}, Verdict.ABSTAIN, "Print Assumptions"),
        (
            {"inspected": lambda job: inspected(job, "all is well")},
            Verdict.ABSTAIN,
            "Print Assumptions",
        ),
        (
            {"inspected": lambda job: inspected(job, before_out=FORGED)},
            Verdict.ABSTAIN,
            "Print Assumptions",
        ),
        (
            {"inspected": lambda job: inspected(job, after_out="")},
            Verdict.ABSTAIN,
            "Print Assumptions",
        ),
        (
            {"inspected": lambda job: inspected(job, "Axioms:\nx : False")},
            Verdict.ABSTAIN,
            "Print Assumptions",
        ),
        ({"inspected": lambda job: inspected(job, Check_code="137\n")}, Verdict.ABSTAIN, "target"),
        ({"inspected": lambda job: inspected(job, Check_vo_out="")}, Verdict.ABSTAIN, "target"),
        (
            {
                "inspected": lambda job: inspected(
                    job, Check_code="1", Check_log="Error: The field tgt is missing in X."
                )
            },
            Verdict.FAIL,
            "target",
        ),
        (
            {
                "inspected": lambda job: inspected(
                    job,
                    Check_code="1",
                    Check_log="Signature components for label tgt do not match: types differ.",
                )
            },
            Verdict.FAIL,
            "statement",
        ),
        ({"replay": ended(1)}, Verdict.ABSTAIN, "replay"),
        ({"replay": ended(0)}, Verdict.ABSTAIN, "replay"),
        ({"replay": ended(0, out="all is well")}, Verdict.ABSTAIN, "replay"),
        ({"replay": JobResult(ended=Ended.TIMEOUT)}, Verdict.ABSTAIN, "replay"),
        ({"replay": ended(129, err="Anomaly")}, Verdict.ABSTAIN, "replay"),
        ({"replay": ended(1, err="Error: Type error")}, Verdict.FAIL, "replay"),
    ],
)
async def test_a_tool_that_does_not_do_its_work_is_no_pass(
    answers: dict[str, Any], verdict: Verdict, layer: str
) -> None:
    decision = await ask(Rocq(**answers))

    assert decision.verdict is verdict, decision.layers
    assert decision.stopped_by is not None
    assert decision.stopped_by.name == layer


async def test_without_coqchk_nothing_is_proved() -> None:
    decision = await ask(Rocq(), dataclasses.replace(TOOLS, coqchk=None))

    assert (decision.verdict, decision.level) == (Verdict.ABSTAIN, Level.L2)
    assert decision.stopped_by is not None
    assert "coqchk" in decision.stopped_by.remedy


async def test_a_sandbox_that_fails_is_no_verdict() -> None:
    def fail(job: Job) -> JobResult:
        raise SandboxError("the worker is gone")

    decision = await ask(Rocq(submitted=fail))

    assert decision.verdict is Verdict.ABSTAIN
    assert decision.stopped_by is not None
    assert "the worker is gone" in decision.stopped_by.said


async def critique(
    draft: str, inputs: dict[str, str], critic: ProofCritic | None = None
) -> Critique:
    task = Task(prompt="Prove it.", inputs=inputs)
    context = make_context(task, sandbox=ScriptedSandbox(Rocq()))
    return await (critic or ProofCritic()).critique(Draft(draft), context)


@pytest.fixture
def no_rocq(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_rocq")
async def test_without_rocq_there_is_an_abstention_that_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = await critique("```coq\nProof. auto. Qed.\n```", {"statement": "Theorem t : 1 = 1."})

    assert said.verdict is Verdict.ABSTAIN
    assert "apt-get install coq" in said.summary
    with pytest.raises(InputError, match="apt-get install coq"):
        find_toolchain()
    assert doctor() == 1
    assert "apt-get install coq" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("draft", "inputs", "said"),
    [
        ("It is clear.", {"statement": "Theorem t : 1 = 1."}, "no program"),
        ("```coq\nQed.\n```", {}, "give `statement`"),
        ("```coq\na\n```\n```coq\nb\n```", {"statement": "Theorem t : 1 = 1."}, "several"),
        ("```coq\nQed.\n```", {"statement": "Check 1."}, "does not end with a theorem"),
    ],
)
async def test_what_cannot_be_asked_is_an_abstention(
    draft: str, inputs: dict[str, str], said: str
) -> None:
    result = await critique(draft, inputs)

    assert result.verdict is Verdict.ABSTAIN
    assert said in result.summary
