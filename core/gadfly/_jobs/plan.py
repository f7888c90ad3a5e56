"""What to verify with: critics and what they may use, by name or as objects."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

from gadfly._engine.checker import Checker
from gadfly._engine.specs import NamedCritic, resolve_critics
from gadfly._errors import InputError
from gadfly._models import as_model
from gadfly._plugins import Plugins
from gadfly._ports import Sandbox, Tool
from gadfly._sandboxes import require_level
from gadfly._values.codec import dump
from gadfly._values.job import Level
from gadfly._values.task import JSON


class Plan:
    """The critics of a job with all they need, every name resolved.

    It can be pickled where its parts can; plugins are then discovered where it is unpickled. For
    the arguments see `VerifyOptions`.

    Raises:
        InputError: There is no critic, a name is unknown, or an option does not fit.
    """

    def __init__(
        self,
        critics: Sequence[NamedCritic],
        *,
        options: Mapping[str, Mapping[str, JSON]] | None = None,
        sandbox: str | Sandbox | None = "local",
        require: Level | str = Level.UNSAFE,
        tools: Sequence[str] | Mapping[str, Tool] = (),
        judge: object = None,
        workers: int | None = None,
        plugins: Plugins | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"workers must be at least 1, not {workers}")
        self._plugins = plugins or Plugins.discover()
        self.specs = resolve_critics(critics, self._plugins, options)
        if not self.specs:
            raise InputError("there is nothing to verify with: name at least one critic")
        self.workers = workers or os.cpu_count() or 1
        self._options = options or {}
        self._sandbox = sandbox
        self._require = require
        # Made anew in the event loop; made once now so that a wrong name fails here.
        self.make_sandbox()
        if isinstance(tools, Mapping):
            self._tools = dict(tools)
        else:
            self._tools = {name: self._plugins.create("tools", name) for name in tools}
        self._judge = None if judge is None else as_model(judge, self._plugins)

    def __getstate__(self) -> dict[str, object]:
        disabled = {info.name for info in self._plugins.infos if info.status == "disabled"}
        return {**vars(self), "_plugins": disabled}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _plugins=Plugins.discover(disabled=state["_plugins"]))

    def identity(self) -> dict[str, JSON]:
        """Return what results depend on besides the input: ids, versions and options."""
        versions = {
            info.name: f"{info.distribution} {info.version}"
            for info in self._plugins.infos
            if info.status == "loaded"
        }

        def versioned(ids: Sequence[str]) -> dict[str, JSON]:
            return {id_: versions.get(id_.partition("/")[0], "made in code") for id_ in ids}

        named = self._sandbox
        if named is not None and not isinstance(named, str):
            named = named.name
        return {
            "critics": versioned([spec.id for spec in self.specs]),
            "options": dump(self._options),
            "sandbox": versioned([named] if named else []),
            "tools": versioned(list(self._tools)),
            "judge": None if self._judge is None else self._judge.name,
        }

    def make_sandbox(self) -> Sandbox | None:
        """Return the sandbox for one event loop; see `owns_sandbox` for who closes it."""
        sandbox = self._sandbox
        if isinstance(sandbox, str):
            sandbox = cast("Sandbox", self._plugins.create("sandboxes", sandbox))
        return None if sandbox is None else require_level(sandbox, self._require)

    @property
    def owns_sandbox(self) -> bool:
        """Whether the sandbox was named, not given: whoever makes it from the name closes it."""
        return isinstance(self._sandbox, str)

    def make_checker(self, sandbox: Sandbox | None) -> Checker:
        """Return a checker for one event loop."""
        return Checker(sandbox=sandbox, tools=self._tools, model=self._judge, workers=self.workers)
