"""The docker engine and the image that tests use. What is not there is a reason to skip, in words.

Nothing is built or pulled here: `.ci/run` does, and this says how.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Generator
from typing import Any

import pytest

IMAGE = "gadfly-python"
BUILD = f"python sandboxes/docker/images/build.py {IMAGE}"


@contextlib.contextmanager
def engine() -> Generator[Any]:
    """A client of this machine's docker engine.

    Raises:
        docker.errors.DockerException: There is none.
    """
    docker = pytest.importorskip("docker")
    with docker.APIClient(**docker.utils.kwargs_from_env(), version="auto", timeout=30) as client:
        yield client


@functools.cache
def why_not(runtime: str | None = None) -> str:
    """Return why containers cannot be used here, or an empty string."""
    docker = pytest.importorskip("docker")
    try:
        with engine() as client:
            images, runtimes = client.images(name=IMAGE, quiet=True), client.info()["Runtimes"]
    except docker.errors.DockerException as error:
        return f"no docker engine answers: {error}"
    if not images:
        return f"the docker engine has no image {IMAGE}: {BUILD}"
    if runtime is not None and runtime not in runtimes:
        return f"the docker engine has no runtime {runtime}"
    return ""


def skip_without_docker(runtime: str | None = None) -> None:
    """Skip the test where containers cannot be used."""
    if reason := why_not(runtime):
        pytest.skip(reason)
