"""What to verify with: critics and what they may use, by name or as objects."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import cast

from gadfly._engine.checker import Checker
from gadfly._engine.specs import NamedCritic, resolve_critics
from gadfly._errors import InputError
from gadfly._models import as_model
from gadfly._plugins import Plugins
from gadfly._ports import Sandbox, Tool
from gadfly._values.codec import dump
from gadfly._values.task import JSON


class Plan:
    """The critics of a job with all they need, every name resolved.

    For the arguments see `VerifyOptions`.

    Raises:
        InputError: There is no critic, a name is unknown, or an option does not fit.
    """

    def __init__(
        self,
        critics: Sequence[NamedCritic],
        *,
        options: Mapping[str, Mapping[str, JSON]] | None = None,
        sandbox: str | Sandbox | None = "local",
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
        if isinstance(sandbox, str):
            # Made anew in the event loop; made once now so that a wrong name fails here.
            self.make_sandbox()
        if isinstance(tools, Mapping):
            self._tools = dict(tools)
        else:
            self._tools = {name: self._plugins.create("tools", name) for name in tools}
        self._judge = None if judge is None else as_model(judge, self._plugins)

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
        if isinstance(self._sandbox, str):
            return cast("Sandbox", self._plugins.create("sandboxes", self._sandbox))
        return self._sandbox

    @property
    def owns_sandbox(self) -> bool:
        """Whether the sandbox was named, not given: whoever makes it from the name closes it."""
        return isinstance(self._sandbox, str)

    def make_checker(self, sandbox: Sandbox | None) -> Checker:
        """Return a checker for one event loop."""
        return Checker(sandbox=sandbox, tools=self._tools, model=self._judge, workers=self.workers)
