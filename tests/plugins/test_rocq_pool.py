"""The pool of warm `coqtop`s: submissions do not reach each other, and a dead one is no verdict."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rocq_check import read_cases

from gadfly import InputError, Verdict
from gadfly_rocq import (
    Level,
    Policy,
    PoolLimits,
    Request,
    RocqPool,
    Toolchain,
    decide,
    find_toolchain,
)

real = pytest.mark.skipif(shutil.which("coqtop") is None, reason="no Rocq (apt install coq)")
CASES = {case.name: case for kind in ("trick", "honest") for case in read_cases(kind)}
SIEVE = Policy(level=Level.L2)
GOOD = "Theorem tgt : 2 + 2 = 4.\nProof. reflexivity. Qed."


def ask(
    source: str = GOOD, header: str = "", statement: str = "Theorem tgt : 2 + 2 = 4."
) -> Request:
    return Request(header=header, statement=statement, target="tgt", source=source, seconds=20)


@pytest.fixture
async def pool() -> AsyncIterator[RocqPool]:
    async with RocqPool(find_toolchain(), workers=1) as pool:
        yield pool


async def verdict(pool: RocqPool, request: Request, policy: Policy = SIEVE) -> Verdict:
    return decide(await pool.check(request), request, policy).verdict


@real
async def test_a_good_proof_is_plausible_and_no_more(pool: RocqPool) -> None:
    decision = decide(await pool.check(ask()), ask())

    assert (decision.verdict, decision.level) == (Verdict.ABSTAIN, Level.L2)
    assert await verdict(pool, ask()) is Verdict.PASS


@real
@pytest.mark.parametrize(
    "name",
    [
        "wrong proof",
        "admitted helper",
        "axiom",
        "guard unset and set again",
        "universes unset for one",
        "weaker statement",
        "redefined goal",
        "notation of equality",
        "section variable",
        "in a module",
        "left open",
        "no end of a comment",
        "forged answer",
    ],
)
async def test_a_trick_does_not_pass_the_sieve(name: str, pool: RocqPool) -> None:
    case = CASES[name]

    assert await verdict(pool, case.request) is Verdict.FAIL
    assert await verdict(pool, ask()) is Verdict.PASS, "and the next is not harmed"


@real
async def test_a_submission_sees_nothing_of_the_one_before(pool: RocqPool) -> None:
    first = f"Lemma helper : 2 + 2 = 4. Proof. reflexivity. Qed.\nSet Printing All.\n{GOOD}"
    second = "Theorem tgt : 2 + 2 = 4. Proof. exact helper. Qed."

    assert await verdict(pool, ask(first)) is Verdict.PASS
    answer = await pool.check(ask(second))
    assert "helper was not found" in answer.messages[0].text
    assert len(pool.pids) == 1


@real
async def test_an_error_has_its_place_and_the_goals_there(pool: RocqPool) -> None:
    source = "Theorem tgt : 2 + 2 = 4.\nProof.\n  assert (1 = 1).\n  - easyy.\n  - easy.\nQed."

    answer = await pool.check(ask(source))

    message = answer.messages[0]
    assert (message.line, source[message.start : message.end]) == (4, "easyy.")
    assert message.goals.endswith("1 = 1")


@real
@pytest.mark.parametrize(
    "source", ['Redirect "x" Print nat.', "Load x.", 'Declare ML Module "x".', "Quit.", "Drop."]
)
async def test_a_command_that_reaches_files_is_not_sent(source: str, pool: RocqPool) -> None:
    answer = await pool.check(ask(f"{source}\n{GOOD}"))

    assert "OneShotRocq" in answer.problem
    assert pool.pids == frozenset()


@real
async def test_the_headers_axioms_are_the_tasks_own(pool: RocqPool) -> None:
    header = "Axiom em : forall P : Prop, P \\/ ~ P."
    statement = "Theorem tgt : True \\/ ~ True."
    own = ask("Proof. apply em. Qed.", header, statement)
    forged = ask(
        "Axiom em2 : False.\nTheorem tgt : True \\/ ~ True. case em2. Qed.", header, statement
    )

    answer = await pool.check(own)

    assert answer.assumptions is not None
    assert [one.name for one in answer.assumptions] == ["Gadfly.Given.em"]
    assert await verdict(pool, own) is Verdict.PASS
    assert await verdict(pool, forged) is Verdict.FAIL


@real
async def test_time_that_is_used_up_is_no_verdict_and_ends_the_process(pool: RocqPool) -> None:
    slow = "Proof. do 1000 (do 1000 (do 1000 (do 1000 idtac))). reflexivity. Qed."
    request = Request(
        header="", statement="Theorem tgt : 2 + 2 = 4.", target="tgt", source=slow, seconds=1.5
    )

    answer = await pool.check(request)

    assert answer.problem == "coqtop: time was used up"
    assert pool.pids == frozenset()
    assert await verdict(pool, ask()) is Verdict.PASS


@real
async def test_a_process_that_dies_is_no_verdict(pool: RocqPool) -> None:
    await pool.check(ask())
    (pid,) = pool.pids
    os.kill(pid, signal.SIGKILL)

    answer = await pool.check(ask())

    assert answer.problem
    assert await verdict(pool, ask()) is Verdict.PASS


@real
async def test_a_header_with_an_error_is_a_problem(pool: RocqPool) -> None:
    answer = await pool.check(ask(header="Require Import Nothing."))

    assert "header is not accepted" in answer.problem


@real
async def test_closing_ends_what_was_started() -> None:
    pool = RocqPool(find_toolchain(), workers=2)
    await asyncio.gather(pool.check(ask()), pool.check(ask(header="Open Scope nat_scope.")))
    pids = pool.pids

    await pool.close()
    await pool.close()

    assert len(pids) == 2
    assert pool.pids == frozenset()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert "closed" in (await pool.check(ask())).problem


@real
async def test_a_worn_process_is_replaced() -> None:
    async with RocqPool(find_toolchain(), workers=1, limits=PoolLimits(recycle_uses=1)) as pool:
        assert await verdict(pool, ask()) is Verdict.PASS
        assert pool.pids == frozenset()


def stand_in(folder: Path, script: str) -> Toolchain:
    path = folder / "coqtop"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Toolchain(coqc="coqc", coqtop=str(path))


@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        "exec cat",
        "yes 'Closed under the global context' | head -c 9000000; sleep 5",
        "while read -r line; do echo 'Closed under the global context'; done",
        "sleep 5",
    ],
)
async def test_something_that_is_not_coqtop_is_no_verdict(script: str, tmp_path: Path) -> None:
    limits = PoolLimits(header_seconds=1.0)
    async with RocqPool(stand_in(tmp_path, script), workers=1, limits=limits) as pool:
        request = ask()
        answer = await pool.check(request)

        assert answer.problem
        assert decide(answer, request, SIEVE).verdict is Verdict.ABSTAIN
        assert pool.pids == frozenset()


def test_a_pool_needs_coqtop_and_a_worker() -> None:
    with pytest.raises(InputError, match="apt-get install coq"):
        RocqPool(Toolchain(coqc="coqc"))
    with pytest.raises(InputError, match="at least one"):
        RocqPool(Toolchain(coqc="coqc", coqtop="coqtop"), workers=0)
    with pytest.raises(InputError, match="positive"):
        PoolLimits(header_seconds=0)
