"""Gadfly: agents whose answers are checked by instruments before they are believed.

    from gadfly import Agent, Task

    agent = Agent("embedded:", critics=["python/runs", "python/quantities"])
    outcome = agent.invoke(Task(prompt="..."))

Everything public is here, or in `gadfly.testing`. Names are resolved on first use, so that
`import gadfly` imports neither langgraph nor torch nor docker.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gadfly._actors import ModelActor as ModelActor
    from gadfly._actors import extract_artifacts as extract_artifacts
    from gadfly._agent import Agent as Agent
    from gadfly._errors import CriticError as CriticError
    from gadfly._errors import GadflyError as GadflyError
    from gadfly._errors import InputError as InputError
    from gadfly._errors import ModelError as ModelError
    from gadfly._errors import OracleError as OracleError
    from gadfly._errors import PluginError as PluginError
    from gadfly._errors import SandboxError as SandboxError
    from gadfly._errors import StorageError as StorageError
    from gadfly._errors import ToolError as ToolError
    from gadfly._errors import UnknownNameError as UnknownNameError
    from gadfly._evidence import Replay as Replay
    from gadfly._evidence import job_evidence as job_evidence
    from gadfly._evidence import replay as replay
    from gadfly._feedback import shape_feedback as shape_feedback
    from gadfly._hooks import API_VERSION as API_VERSION
    from gadfly._hooks import hookimpl as hookimpl
    from gadfly._jobs.results import VerifyReport as VerifyReport
    from gadfly._jobs.results import VerifyResult as VerifyResult
    from gadfly._jobs.verify import Verification as Verification
    from gadfly._jobs.verify import VerifyOptions as VerifyOptions
    from gadfly._jobs.verify import averify as averify
    from gadfly._jobs.verify import verify as verify
    from gadfly._models import as_model as as_model
    from gadfly._plugins import PluginInfo as PluginInfo
    from gadfly._plugins import Plugins as Plugins
    from gadfly._ports import Actor as Actor
    from gadfly._ports import Benchmark as Benchmark
    from gadfly._ports import Context as Context
    from gadfly._ports import Cost as Cost
    from gadfly._ports import Critic as Critic
    from gadfly._ports import CriticSpec as CriticSpec
    from gadfly._ports import Feedback as Feedback
    from gadfly._ports import Model as Model
    from gadfly._ports import Refiner as Refiner
    from gadfly._ports import Register as Register
    from gadfly._ports import Round as Round
    from gadfly._ports import Sandbox as Sandbox
    from gadfly._ports import Stop as Stop
    from gadfly._ports import Strategy as Strategy
    from gadfly._ports import Tool as Tool
    from gadfly._ports import critic as critic
    from gadfly._sandboxes import require_level as require_level
    from gadfly._strategies import CriticRule as CriticRule
    from gadfly._values.budget import Budget as Budget
    from gadfly._values.budget import Usage as Usage
    from gadfly._values.codec import digest as digest
    from gadfly._values.codec import dump as dump
    from gadfly._values.codec import load as load
    from gadfly._values.critique import Critique as Critique
    from gadfly._values.critique import Evidence as Evidence
    from gadfly._values.critique import Finding as Finding
    from gadfly._values.critique import Hardness as Hardness
    from gadfly._values.critique import Span as Span
    from gadfly._values.critique import Verdict as Verdict
    from gadfly._values.job import Ended as Ended
    from gadfly._values.job import Isolation as Isolation
    from gadfly._values.job import Job as Job
    from gadfly._values.job import JobResult as JobResult
    from gadfly._values.job import Level as Level
    from gadfly._values.job import Limits as Limits
    from gadfly._values.outcome import Event as Event
    from gadfly._values.outcome import EventKind as EventKind
    from gadfly._values.outcome import Outcome as Outcome
    from gadfly._values.outcome import Stopped as Stopped
    from gadfly._values.task import JSON as JSON
    from gadfly._values.task import Artifact as Artifact
    from gadfly._values.task import Draft as Draft
    from gadfly._values.task import Message as Message
    from gadfly._values.task import Reference as Reference
    from gadfly._values.task import Reply as Reply
    from gadfly._values.task import Task as Task

_HOMES = {
    "_actors": ("ModelActor", "extract_artifacts"),
    "_agent": ("Agent",),
    "_errors": (
        "CriticError",
        "GadflyError",
        "InputError",
        "ModelError",
        "OracleError",
        "PluginError",
        "SandboxError",
        "StorageError",
        "ToolError",
        "UnknownNameError",
    ),
    "_evidence": ("Replay", "job_evidence", "replay"),
    "_feedback": ("shape_feedback",),
    "_hooks": ("API_VERSION", "hookimpl"),
    "_jobs.results": ("VerifyReport", "VerifyResult"),
    "_jobs.verify": ("Verification", "VerifyOptions", "averify", "verify"),
    "_models": ("as_model",),
    "_plugins": ("PluginInfo", "Plugins"),
    "_ports": (
        "Actor",
        "Benchmark",
        "Context",
        "Cost",
        "Critic",
        "CriticSpec",
        "Feedback",
        "Model",
        "Refiner",
        "Register",
        "Round",
        "Sandbox",
        "Stop",
        "Strategy",
        "Tool",
        "critic",
    ),
    "_sandboxes": ("require_level",),
    "_strategies": ("CriticRule",),
    "_values.budget": ("Budget", "Usage"),
    "_values.codec": ("digest", "dump", "load"),
    "_values.critique": ("Critique", "Evidence", "Finding", "Hardness", "Span", "Verdict"),
    "_values.job": ("Ended", "Isolation", "Job", "JobResult", "Level", "Limits"),
    "_values.outcome": ("Event", "EventKind", "Outcome", "Stopped"),
    "_values.task": ("JSON", "Artifact", "Draft", "Message", "Reference", "Reply", "Task"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

# Type checkers read the block above, so this need not be a literal.
__all__ = sorted(_HOME_OF, key=str.lower)  # noqa: PLE0605 # pyright: ignore[reportUnsupportedDunderAll]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's names have every type
    if name == "__version__":
        from importlib.metadata import version

        return version("gadfly")
    if name == "testing":
        return importlib.import_module("gadfly.testing")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'gadfly' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"gadfly.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__", "testing"]
