"""For tests of plugins and agents: doubles for every port, and the contracts as named checks.

    ScriptedModel, ScriptedActor,         doubles that answer from a script and record what they
    ScriptedCritic, ScriptedSandbox,      were asked
    fixed_tool, make_context
    check_critic, CRITIC_CHECKS           what every critic must do
    check_sandbox, SANDBOX_CHECKS         what every sandbox must do
    check_attacks, SANDBOX_ATTACKS        what hostile code does, and must not get from a sandbox
    load_fixtures, Fixture                drafts with the verdicts that are right for them
    install_plugin                        a plugin from source text, without pip

It needs no test framework: the checks raise AssertionError, and pytest can parametrise over them.
"""

from __future__ import annotations

from gadfly.testing._attacks import SANDBOX_ATTACKS as SANDBOX_ATTACKS
from gadfly.testing._attacks import Attack as Attack
from gadfly.testing._attacks import check_attacks as check_attacks
from gadfly.testing._context import NoSandbox as NoSandbox
from gadfly.testing._context import make_context as make_context
from gadfly.testing._critic import CRITIC_CHECKS as CRITIC_CHECKS
from gadfly.testing._critic import CriticCheck as CriticCheck
from gadfly.testing._critic import Trial as Trial
from gadfly.testing._critic import check_critic as check_critic
from gadfly.testing._doubles import ScriptedActor as ScriptedActor
from gadfly.testing._doubles import ScriptedModel as ScriptedModel
from gadfly.testing._doubles import ScriptedSandbox as ScriptedSandbox
from gadfly.testing._doubles import fixed_tool as fixed_tool
from gadfly.testing._fixtures import Fixture as Fixture
from gadfly.testing._fixtures import load_fixtures as load_fixtures
from gadfly.testing._install import install_plugin as install_plugin
from gadfly.testing._sandbox import SANDBOX_CHECKS as SANDBOX_CHECKS
from gadfly.testing._sandbox import SandboxCheck as SandboxCheck
from gadfly.testing._sandbox import check_sandbox as check_sandbox
from gadfly.testing._scripted_critic import Misbehaviour as Misbehaviour
from gadfly.testing._scripted_critic import ScriptedCritic as ScriptedCritic

__all__ = [
    "CRITIC_CHECKS",
    "SANDBOX_ATTACKS",
    "SANDBOX_CHECKS",
    "Attack",
    "CriticCheck",
    "Fixture",
    "Misbehaviour",
    "NoSandbox",
    "SandboxCheck",
    "ScriptedActor",
    "ScriptedCritic",
    "ScriptedModel",
    "ScriptedSandbox",
    "Trial",
    "check_attacks",
    "check_critic",
    "check_sandbox",
    "fixed_tool",
    "install_plugin",
    "load_fixtures",
    "make_context",
]
