"""`gadfly plugins test`: a report card for every critic of a plugin.

A critic is measured before it is trusted: how often it passes what is wrong (false accepts) and
fails what is right (false rejects), by the plugin's own fixtures, and whether it keeps the promises
of `gadfly.testing`. The critics run in this process, with the sandbox that a person names.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from gadfly._cli import NOT_ACCEPTED
from gadfly._cli._options import CriticOptions, Judge, Tools, critic_options
from gadfly._cli._output import (
    Advance,
    AsJson,
    console,
    find_plugin,
    foreign_output,
    load_plugins,
    plain,
    print_json,
    progress,
)
from gadfly._errors import CriticError, InputError, PluginError, UnknownNameError, boundary
from gadfly._hooks import GROUP
from gadfly._models import as_model
from gadfly._plugins import Plugins
from gadfly._ports import Critic, Model, Sandbox, Tool
from gadfly._values.critique import Verdict
from gadfly._values.task import JSON
from gadfly.testing import CRITIC_CHECKS, CriticCheck, Trial, load_fixtures

logger = logging.getLogger(__name__)

DEFAULT_SANDBOX = "local"


@dataclass(kw_only=True)
class Card:
    """What the trial of one critic showed."""

    critic: str
    good: int = 0
    """Fixtures that must pass."""
    bad: int = 0
    """Fixtures that must fail."""
    fixtures: int = 0
    """All fixtures: some must get another verdict."""
    right: int = 0
    false_accepts: int = 0
    """Passed, though they must not be."""
    false_rejects: int = 0
    """Failed, though they must not be."""
    milliseconds: float = 0.0
    """Mean wall time of one critique of a fixture."""
    checks: dict[str, str] = field(default_factory=dict[str, str])
    """By name of the promise: empty where it is kept, else how it was broken."""
    problems: list[str] = field(default_factory=list[str])
    """Everything that speaks against the critic, one line each; empty when it passes."""


def measure(
    plugin: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FOLDER", help="A plugin, or a folder with a pyproject.toml, as it is."
        ),
    ],
    *,
    option: CriticOptions = None,
    sandbox: Annotated[
        str | None, typer.Option(help="Where critics run jobs.", show_default="local, if installed")
    ] = None,
    tool: Tools = None,
    judge: Judge = None,
    as_json: AsJson = False,
) -> None:
    """Measure a plugin's critics.

    By the plugin's fixtures, and by the promises that every critic makes; the exit code is 1 where
    one of either fails. A critic that asks a model needs one: --judge PROVIDER:NAME.
    """
    installed = load_plugins()
    options = critic_options(option or [])
    with foreign_output():
        means = _Means(
            sandbox=sandbox,
            tools={name: installed.create("tools", name) for name in tool or ()},
            model=None if judge is None else as_model(judge, installed),
            plugins=installed,
        )
        critics = [
            found
            for plugins, name in _subjects(plugin, installed)
            for found in _critics(plugins, name, options)
        ]
        if unknown := sorted(set(options) - {id_ for id_, _, _ in critics}):
            raise InputError(f"an option is for {unknown[0]}, which is not measured")
        cards = [asyncio.run(_measure(*found, means)) for found in critics]
    if as_json:
        print_json([vars(card) | {"passed": not card.problems} for card in cards])
    else:
        for card in cards:
            _show(card)
    if any(card.problems for card in cards):
        raise typer.Exit(NOT_ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Means:
    """What critics may use."""

    sandbox: str | None
    tools: Mapping[str, Tool]
    model: Model | None
    plugins: Plugins

    def make_sandbox(self) -> Sandbox | None:
        try:
            sandbox: Sandbox = self.plugins.create("sandboxes", self.sandbox or DEFAULT_SANDBOX)
        except (UnknownNameError, PluginError):
            if self.sandbox is None:
                return None  # Many critics run no jobs, and one that does will say what it misses.
            raise
        return sandbox


def _subjects(plugin: str, installed: Plugins) -> Iterator[tuple[Plugins, str]]:
    """The plugins to test: an installed one, or whatever a folder's pyproject.toml names."""
    folder = Path(plugin).expanduser()
    known = {name for info in installed.infos for name in (info.name, info.distribution)}
    if plugin in known or not folder.is_dir():
        for name in sorted({info.name for info in find_plugin(installed, plugin)}):
            yield installed, name
        return
    points = _entry_points(folder)
    # In front of everything: the folder is meant, not an installed version of the same plugin.
    sys.path[:0] = [str(path.absolute()) for path in (folder / "src", folder) if path.is_dir()]
    plugins = Plugins(points)
    for point in points:
        yield plugins, point.name


def _entry_points(folder: Path) -> list[EntryPoint]:
    path = folder / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text("utf-8")).get("project", {})
    except FileNotFoundError as error:
        raise InputError(f"{folder} has no pyproject.toml: it is not a plugin's folder") from error
    except ValueError as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    names = project.get("entry-points", {}).get(GROUP, {})
    if not names:
        raise InputError(f"{path} has no [project.entry-points.{GROUP}]: it declares no plugin")
    return [EntryPoint(name, value, GROUP) for name, value in names.items()]


def _critics(
    plugins: Plugins, name: str, options: Mapping[str, Mapping[str, JSON]]
) -> Iterator[tuple[str, Critic, ModuleType]]:
    info = plugins.load(name)
    if info.status != "loaded":
        raise PluginError(f"plugin {name!r} is {info.status}: {info.problem or 'enable it first'}")
    ids = info.offers.get("critics", ())
    if not ids:
        raise InputError(f"plugin {name!r} offers no critic, and only critics are measured")
    module = importlib.import_module(info.module.partition(":")[0])
    for id_ in ids:
        with boundary(CriticError, f"making critic {id_}"):
            critic: Critic = plugins.create("critics", id_, **options.get(id_, {}))
        yield id_, critic, module


async def _measure(id_: str, critic: Critic, module: ModuleType, means: _Means) -> Card:
    card = Card(critic=id_)
    try:
        fixtures = load_fixtures(module, critic=id_)
    except InputError as error:
        fixtures = []
        card.problems.append(str(error))
    sandbox = means.make_sandbox()
    trial = Trial(critic, fixtures, sandbox=sandbox, tools=means.tools, model=means.model)
    try:
        with progress(f"testing {id_}", len(fixtures) + len(CRITIC_CHECKS)) as advance:
            await _judge_fixtures(card, trial, advance)
            for check in CRITIC_CHECKS:
                card.checks[check.name] = await _problem(check, trial)
                advance()
    finally:
        if sandbox is not None:
            await sandbox.close()
    card.problems += _by_problem(card.checks)
    return card


async def _judge_fixtures(card: Card, trial: Trial, advance: Advance) -> None:
    card.fixtures = len(trial.fixtures)
    wanted = [fixture.verdict for fixture in trial.fixtures]
    card.good, card.bad = wanted.count(Verdict.PASS), wanted.count(Verdict.FAIL)
    if not ((card.good and card.bad) or card.problems):
        needs = "at least one draft that must pass and one that must fail"
        card.problems.append(f"it is not measured: fixtures.jsonl needs {needs}")
    started = time.perf_counter()
    for fixture in trial.fixtures:
        try:
            verdict = (await trial.said(fixture)).verdict
        except (Exception, SystemExit) as error:  # It may raise anything: then it said nothing.
            logger.debug("a critic raised on a fixture", exc_info=error)
            verdict = Verdict.ERROR
        card.right += verdict is fixture.verdict
        card.false_accepts += verdict is Verdict.PASS is not fixture.verdict
        card.false_rejects += verdict is Verdict.FAIL is not fixture.verdict
        advance()
    seconds = time.perf_counter() - started
    card.milliseconds = round(1000 * seconds / max(card.fixtures, 1), 3)


async def _problem(check: CriticCheck, trial: Trial) -> str:
    """How the critic breaks a promise, in one line; empty where it keeps it."""
    try:
        await check.run(trial)
    except AssertionError as error:
        text = str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it may raise anything; it is named
        text = f"it raised {type(error).__name__}: {error}"
    else:
        return ""
    return " ".join(text.split()) or "it is broken"


def _by_problem(checks: Mapping[str, str]) -> Iterator[str]:
    """One line for each problem: what a critic misses may break all its promises."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name, problem in checks.items():
        names[problem].append(name)
    return (f"{', '.join(broken)}: {problem}" for problem, broken in names.items() if problem)


def _show(card: Card) -> None:
    out = console()
    kept = sum(not problem for problem in card.checks.values())
    other = card.fixtures - card.good - card.bad
    out.print(f"{plain(card.critic)}: {'FAILED' if card.problems else 'passed'}")
    out.print(
        f"  fixtures       {card.right} of {card.fixtures} right "
        f"({card.good} good, {card.bad} bad, {other} other)"
    )
    out.print(f"  false accepts  {card.false_accepts} of {card.fixtures - card.good}")
    out.print(f"  false rejects  {card.false_rejects} of {card.fixtures - card.bad}")
    out.print(f"  promises       {kept} of {len(card.checks)} kept")
    for name, problem in card.checks.items():
        out.print(f"    {'broken' if problem else 'kept':<7} {name}")
    out.print(f"  cost           {card.milliseconds:.1f} ms per check")
    for problem in card.problems:
        out.print(f"  problem        {plain(problem)}")
