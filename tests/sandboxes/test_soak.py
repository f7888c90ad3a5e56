"""A short soak, as `make soak` does it at length: what runs jobs is killed, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.sandbox
@pytest.mark.slow
@pytest.mark.parametrize("level", ["strict", "fast"])
def test_soak_loses_nothing_and_leaves_nothing(level: str) -> None:
    command = [sys.executable, str(SOAK), "--jobs=200", "--quiet=1", f"--level={level}"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is lost, nothing is left" in done.stdout
    assert "200 endings of 200 jobs" in done.stdout
