"""A container's label says whose it is, and the dead are told from the living."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from gadfly_docker._owner import Owner


def test_a_label_can_be_read_back() -> None:
    owner = Owner.here()

    assert Owner.parse(str(owner)) == owner
    assert owner.pid == os.getpid()


def test_what_is_no_label_names_nobody() -> None:
    assert Owner.parse("") is None
    assert Owner.parse("somebody") is None


def test_this_process_is_not_gone() -> None:
    assert not Owner.here().is_gone()


def test_a_process_that_has_ended_is_gone() -> None:
    code = "from gadfly_docker._owner import Owner; print(Owner.here())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    owner = Owner.parse(done.stdout.strip())

    assert owner is not None
    assert owner.is_gone()


def test_a_process_that_waits_only_for_its_parent_is_gone() -> None:
    code = "from gadfly_docker._owner import Owner; print(Owner.here(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        owner = Owner.parse(process.stdout.readline().strip())
        assert owner is not None
        assert not owner.is_gone()

        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert owner.is_gone()


def test_a_number_that_another_process_bears_by_now_is_gone() -> None:
    owner = replace(Owner.here(), started=Owner.here().started - 1)

    assert owner.is_gone()


def test_of_another_machine_nothing_is_known() -> None:
    owner = replace(Owner.here(), machine="elsewhere", pid=2**22 + 1)

    assert not owner.is_gone()
