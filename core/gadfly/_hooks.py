"""The hook specifications. Their docstrings are the reference manual for plugin authors.

A plugin is a module (or object) named by an entry point in the group `gadfly`:

    [project.entry-points.gadfly]
    mine = "gadfly_mine"

It implements any of the hooks below with `@gadfly.hookimpl`. What it registers as `check` is known
to people as `mine/check`. Hooks are called once, when the plugin is first needed, and should only
register: heavy imports belong into the factories.

A plugin may declare the range of the plugin API that it was written for, as a module attribute
`gadfly_api = ">=1,<2"`. Outside that range it is set aside, by name, and the rest works on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from gadfly._ports import Benchmark, Critic, Register, Sandbox, Strategy, Tool
    from gadfly._values.outcome import Event

GROUP = "gadfly"
"""The entry-point group, and the name under which pluggy marks our hooks."""
API_VERSION = "1.1"
"""Version of the plugin API: what `gadfly_api` is compared with. The second number grows with
additions, the first with changes that break plugins."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function of a plugin as the implementation of a hook."""


@hookspec
def register_critics(register: Register[Critic]) -> None:
    """Offer critics.

    `register(name, factory)`: the factory takes the critic's options as keyword arguments (all
    with defaults) and returns a `Critic`. A class with default arguments is a factory.
    """


@hookspec
def register_tools(register: Register[Tool]) -> None:
    """Offer tools for critics. The factory returns a `Tool`; critics find it in `Context.tools`."""


@hookspec
def register_sandboxes(register: Register[Sandbox]) -> None:
    """Offer sandboxes. The factory returns a `Sandbox` that passes `gadfly.testing.check_sandbox`.

    It raises `SandboxError` where the backend cannot work here, saying what is missing.
    """


@hookspec
def register_models(register: Register[Any]) -> None:
    """Offer model providers. The registered name is the part before the colon of `name:rest`.

    The factory is called with `rest` and keyword options. It returns a LangChain chat model, a
    `gadfly.Model`, or another model string (an alias).
    """


@hookspec
def register_strategies(register: Register[Strategy]) -> None:
    """Offer stop rules: `Agent(..., strategy="plugin/name")`. The factory returns a `Strategy`."""


@hookspec
def register_stores(register: Register[Any]) -> None:
    """Offer places for checkpoints: `Agent(..., checkpoints="plugin://...")`.

    The scheme of the URL is the store's id, or its plugin's name where both are the same. The
    factory is called with the URL and returns an async context manager that yields a LangGraph
    checkpointer.
    """


@hookspec
def register_benchmarks(register: Register[Benchmark]) -> None:
    """Offer data sets. The factory returns a `Benchmark`; its gold answers never enter a loop."""


@hookspec
def register_commands(register: Register[int]) -> None:
    """Offer commands: `gadfly PLUGIN NAME ...` calls the factory of that name.

    The factory is called with the words that were typed after the name, and returns the exit
    status. What it raises is reported as for any command. Options and `--help` are its own.
    """


@hookspec
def on_event(event: Event) -> None:
    """See every event of every run, in order, in the engine's process.

    It must return quickly and cannot change anything. What it raises is logged and ignored.
    """
