"""`python -m gadfly` in a process of its own, with plugins that a test has written."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from gadfly.testing import install_plugin


@dataclass(frozen=True)
class Gadfly:
    """The command line, with a home and a folder of plugins of its own."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def install(self, name: str, source: str, **how: Any) -> None:
        """See `gadfly.testing.install_plugin`."""
        install_plugin(self.site, name, source, **how)

    def start(
        self, *arguments: object, stdout: int | IO[str] = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        environment = {"PYTHONPATH": str(self.site), "GADFLY_HOME": str(self.home)}
        return subprocess.Popen(
            [sys.executable, "-m", "gadfly", *map(str, arguments)],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            # A test run in the background has SIGINT ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - the tests start no threads
        )

    def run(self, *arguments: object, **how: Any) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **how)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def json(self, *arguments: object, **how: Any) -> Any:
        """What a command that succeeds prints with `--json`; nothing else may be on stdout."""
        done = self.run(*arguments, "--json", **how)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def gadfly(tmp_path: Path) -> Gadfly:
    return Gadfly(tmp_path)


@pytest.fixture
def own_logging() -> Iterator[None]:
    """`main` sets up logging for its process; here the process is pytest's."""
    loggers = [logging.getLogger(name) for name in ("gadfly", "gadfly._plugins")]
    before = [(logger, logger.handlers, logger.level) for logger in loggers]
    yield
    for logger, handlers, level in before:
        logger.handlers = handlers
        logger.setLevel(level)
