"""The judges on their fixtures and by the contract of all critics, with a model that can reckon."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

import gadfly_judge
from gadfly import Critic, Ended, JobResult, Message, Plugins, Verdict
from gadfly.testing import (
    CRITIC_CHECKS,
    CriticCheck,
    Fixture,
    ScriptedModel,
    ScriptedSandbox,
    Trial,
    load_fixtures,
)
from gadfly_judge import PairwiseCritic

FIXTURES = load_fixtures(gadfly_judge)
CRITICS = ("judge/critic", "judge/steps", "judge/self_check", "judge/questions", "judge/pairwise")
OTHER = "17 * 3 = 61, or so."
"""What drafts are compared with: one wrong equation."""

QUOTED = re.compile(r"<<<(\w{16}) ([\w ]+)>>>\n(.*?)\n<<<\1 end of \2>>>", re.DOTALL)
EQUATION = re.compile(r"(\d+) ([*+-]) (\d+) = (\d+)")
GOOD = {"correct": True, "yes": True, "incorrect": False, "no": False}


def wrong(text: str) -> int:
    """How many equations of a text do not hold."""
    sums = {"*": int.__mul__, "+": int.__add__, "-": int.__sub__}
    return sum(
        sums[sign](int(left), int(right)) != int(result)
        for left, sign, right, result in EQUATION.findall(text)
    )


def opinion(quoted: dict[str, str]) -> bool | None:
    """What a careful judge makes of the quoted texts: right, wrong, or cannot tell."""
    text = quoted.get("step", quoted.get("answer", ""))
    if "Perhaps" in text:
        return None
    if wrong(text):
        return False
    return True if "step" in quoted or EQUATION.search(text) else None


def reckon(messages: Sequence[Message]) -> str:
    """Answer as a careful judge does: from what is quoted, in the form that is asked for last."""
    asked = messages[-1].text
    quoted = {name: text for message in messages for _, name, text in QUOTED.findall(message.text)}
    key = re.findall(r"^VERDICT-(\w{16}): LABEL$", asked, re.MULTILINE)[-1]
    labels = re.findall(r"^where LABEL is one of: (.*)\. Nothing", asked, re.MULTILINE)[-1]
    if "plausible" in labels:
        label = "plausible"
    elif "TOOL is one of" in asked and "2. Truthfulness" in asked:
        return f"Let me see.\nUSE-{key}: interpreter\nprint(17 * 3)"
    elif "tie" in labels:
        left, right = wrong(quoted["first answer"]), wrong(quoted["second answer"])
        label = "tie" if left == right else "first" if left < right else "second"
    else:
        found = opinion(quoted)
        fitting = [name for name in labels.split(", ") if GOOD.get(name) is found]
        label = fitting[0]
    return f"I have reckoned.\nThat is what I found.\nVERDICT-{key}: {label}"


def trial(id_: str, fixtures: Sequence[Fixture]) -> Trial:
    critic: Critic = Plugins.discover().create("critics", id_)
    if id_ == "judge/pairwise":
        critic = PairwiseCritic(other=OTHER)
    sandbox = ScriptedSandbox(JobResult(ended=Ended.EXITED, exit_code=0, stdout="51\n"))
    return Trial(critic, fixtures, model=ScriptedModel(reckon), sandbox=sandbox)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f"{f.critic}: {f.draft[:30]!r}")
async def test_a_fixture_gets_its_verdict(fixture: Fixture) -> None:
    critique = await trial(fixture.critic, [fixture]).said(fixture)

    assert critique.verdict is fixture.verdict, critique.summary


@pytest.mark.parametrize("id_", CRITICS)
@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(id_: str, check: CriticCheck) -> None:
    own = [fixture for fixture in FIXTURES if fixture.critic == id_]

    await check.run(trial(id_, own))


@pytest.mark.parametrize("id_", CRITICS)
def test_every_judge_is_measured_on_good_and_bad_drafts(id_: str) -> None:
    verdicts = {fixture.verdict for fixture in FIXTURES if fixture.critic == id_}

    assert verdicts >= {Verdict.PASS, Verdict.FAIL, Verdict.ABSTAIN, Verdict.SKIP}
