"""Finding, checking and loading plugins, so that one bad plugin never takes anything else down.

pluggy's stock loader stops at the first plugin that fails to import and loses one of two plugins
that share a name without a word. So this module walks the entry points itself: each is loaded in
its own try, on first need, with a time limit; what fails is set aside (`PluginInfo.problem`) and
reported by name. Names: a critic `runs` of the plugin `python` is `python/runs`.

Who owns a name that two distributions claim: the one called `gadfly-NAME`. Where neither is, or
both are, all are refused until a person disables or uninstalls one.
"""

from __future__ import annotations

import inspect
import logging
import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_args

import pluggy

from gadfly import _hooks
from gadfly._errors import InputError, PluginError, UnknownNameError

logger = logging.getLogger(__name__)

Kind = Literal[
    "critics", "tools", "sandboxes", "models", "strategies", "stores", "benchmarks", "commands"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
SINGULAR = {"sandboxes": "sandbox", "strategies": "strategy"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
LOAD_SECONDS = 15.0
"""How long one plugin may take to import, by default."""
SLOW_SECONDS = 1.0
"""From here on `plugins list` calls a plugin's import slow."""

Factory = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """One installed plugin, as `gadfly plugins list` shows it."""

    name: str
    """The entry point's name: the part before the slash in its ids."""
    distribution: str
    """The distribution that brought it; what `plugins uninstall` removes."""
    version: str
    module: str
    status: Literal["available", "loaded", "quarantined", "disabled"] = "available"
    """`available`: not needed yet, so not imported."""
    problem: str = ""
    """Why it is quarantined."""
    import_seconds: float | None = None
    """How long its import took; None while it has not been imported."""
    offers: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Full ids by kind; empty while it has not been imported."""

    @property
    def is_slow(self) -> bool:
        """Whether its import is slow enough to be named."""
        return self.import_seconds is not None and self.import_seconds >= SLOW_SECONDS


class Plugins:
    """The plugins of this environment. `Plugins.discover()` makes one; nothing is global.

    Args:
        points: Entry points to consider, with their distribution.
        only: Plugin names to consider; None for all (`GADFLY_PLUGINS`).
        disabled: Plugin or distribution names to leave out.
        load_seconds: How long one plugin may take to import before it is set aside.
    """

    def __init__(
        self,
        points: Iterable[EntryPoint],
        only: Iterable[str] | None = None,
        disabled: Iterable[str] = (),
        *,
        load_seconds: float = LOAD_SECONDS,
    ) -> None:
        self._load_seconds = load_seconds
        self._manager = pluggy.PluginManager(_hooks.GROUP)
        self._manager.add_hookspecs(_hooks)
        self._points: dict[str, EntryPoint] = {}
        self._infos: list[PluginInfo] = []
        self._factories: dict[Kind, dict[str, Factory]] = {kind: {} for kind in KINDS}
        self._sort(list(points), None if only is None else set(only), set(disabled))

    @classmethod
    def discover(cls, disabled: Iterable[str] = ()) -> Plugins:
        """Find what is installed, importing none of it.

        `GADFLY_PLUGINS` (comma-separated names) limits the set; set but empty, it means none.
        """
        only = os.environ.get("GADFLY_PLUGINS")
        names = None if only is None else {name.strip() for name in only.split(",") if name.strip()}
        return cls(entry_points(group=_hooks.GROUP), names, disabled)

    def _sort(self, points: list[EntryPoint], only: set[str] | None, disabled: set[str]) -> None:
        claims: dict[str, dict[str, EntryPoint]] = defaultdict(dict)
        for point in points:
            info = _describe(point)
            if only is not None and point.name not in only:
                continue
            if point.name in disabled or info.distribution in disabled:
                self._infos.append(replace(info, status="disabled"))
            elif not NAME.fullmatch(point.name):
                problem = f"its name {point.name!r} may hold only letters, digits, - and _"
                self._infos.append(replace(info, status="quarantined", problem=problem))
            else:
                # The same distribution found twice on sys.path is no conflict.
                claims[point.name].setdefault(info.distribution, point)
        for name, claimants in claims.items():
            owner = f"gadfly-{name}"
            accepted = owner if owner in claimants else next(iter(claimants))
            refuse_all = len(claimants) > 1 and owner not in claimants
            for distribution, point in claimants.items():
                info = _describe(point)
                if distribution == accepted and not refuse_all:
                    self._points[name] = point
                else:
                    others = ", ".join(sorted(set(claimants) - {distribution}))
                    problem = (
                        f"the name {name!r} is also claimed by {others}; uninstall or disable one"
                    )
                    info = replace(info, status="quarantined", problem=problem)
                self._infos.append(info)
        self._infos.sort(key=lambda info: (info.name, info.distribution))

    @property
    def infos(self) -> tuple[PluginInfo, ...]:
        """Every installed plugin as far as it is known now; the whole truth after `load_all`."""
        return tuple(self._infos)

    def load_all(self) -> tuple[PluginInfo, ...]:
        """Import every plugin that may be, and say how it went."""
        for name in list(self._points):
            self.load(name)
        return self.infos

    def load(self, name: str) -> PluginInfo:
        """Import one plugin, once, and say how it went. A failure is an answer, not an exception.

        Raises:
            UnknownNameError: No such plugin is installed.
        """
        index = self._index(name)
        info = self._infos[index]
        if info.status != "available":
            return info
        started = time.perf_counter()
        outcome = _within(self._load_seconds, self._points[name].load)
        seconds = time.perf_counter() - started
        info = replace(info, import_seconds=seconds)
        try:
            if isinstance(outcome, BaseException):
                raise outcome
            _check_api(outcome)
            offers = self._register(name, outcome)
        except BaseException as error:  # a plugin may raise anything, SystemExit too
            if isinstance(error, KeyboardInterrupt):
                raise
            problem = (
                str(error)
                if isinstance(error, PluginError)
                else f"it does not load: {type(error).__name__}: {error}"
            )
            info = replace(info, status="quarantined", problem=" ".join(problem.split())[:300])
            logger.warning("plugin %s is set aside: %s", name, info.problem)
        else:
            info = replace(info, status="loaded", offers=offers)
        self._infos[index] = info
        return info

    def _index(self, name: str) -> int:
        candidates = [i for i, info in enumerate(self._infos) if info.name == name]
        if not candidates:
            raise UnknownNameError("plugin", name, {info.name for info in self._infos})
        # Of several claimants the one that kept the name comes first.
        return min(candidates, key=lambda i: self._infos[i].status in {"quarantined", "disabled"})

    def _register(self, plugin: str, module: object) -> Mapping[str, tuple[str, ...]]:
        if self._manager.is_registered(module):
            raise PluginError(
                f"its module is already the plugin {self._manager.get_name(module)!r}"
            )
        try:
            self._manager.register(module, name=plugin)
            self._manager.check_pending()
            offered: dict[Kind, dict[str, Factory]] = {}
            for kind in KINDS:
                caller = self._manager.subset_hook_caller(
                    f"register_{kind}",
                    [p for p in self._manager.get_plugins() if p is not module],
                )
                table: dict[str, Factory] = {}
                caller(register=_registrar(plugin, table))
                offered[kind] = table
        except BaseException as error:
            # Older versions of pluggy leave a plugin that they refuse half registered.
            if self._manager.is_registered(module):
                self._manager.unregister(module)
            if isinstance(error, pluggy.PluginValidationError):
                raise PluginError(f"it breaks the plugin contract: {error}") from error
            raise
        for kind, table in offered.items():
            self._factories[kind].update(table)
        return {kind: tuple(sorted(table)) for kind, table in offered.items() if table}

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the ids of everything of one kind. Imports every plugin."""
        self.load_all()
        return tuple(sorted(self._factories[kind]))

    def create(self, kind: Kind, id: str, *args: object, **options: object) -> Any:  # noqa: A002, ANN401 - what a factory makes depends on the kind
        """Make the thing of that id.

        Args:
            kind: `critics`, `sandboxes`, ...
            id: `plugin/name`, or `plugin` alone for the thing that bears its plugin's name.
            *args: Passed to the factory.
            **options: Passed to the factory.

        Raises:
            UnknownNameError: There is no such thing; the nearest names are given.
            InputError: The factory does not take these options.
            PluginError: Its plugin is quarantined, with the reason.
        """
        plugin, _, name = id.partition("/")
        full = f"{plugin}/{name or plugin}"
        known = {info.name for info in self._infos}
        if plugin in known:
            info = self.load(plugin)
            if info.status in {"quarantined", "disabled"}:
                why = f": {info.problem}" if info.problem else ""
                raise PluginError(f"plugin {plugin!r} is {info.status}{why}")
        if full not in self._factories[kind]:
            remedy = "see `gadfly plugins list`"
            singular = SINGULAR.get(kind, kind.removesuffix("s"))
            raise UnknownNameError(singular, id, self.names(kind), remedy)
        factory = self._factories[kind][full]
        try:
            inspect.signature(factory).bind(*args, **options)
        except TypeError as error:
            raise InputError(f"{full} does not take these options: {error}") from error
        except ValueError:
            pass  # A factory without a readable signature has to judge for itself.
        return factory(*args, **options)

    def provider(self, name: str) -> str | None:
        """Return the id of the model provider that people write as `name:`, or None.

        Providers are known by their bare name, so two plugins may not offer the same one.

        Raises:
            PluginError: Several plugins offer it.
        """
        # A plugin called like its provider is found without importing the others.
        if name in self._points and f"{name}/{name}" in self.load(name).offers.get("models", ()):
            return f"{name}/{name}"
        found = [full for full in self.names("models") if full.partition("/")[2] == name]
        if len(found) > 1:
            raise PluginError(f"model provider {name!r} is offered by {' and '.join(found)}")
        return found[0] if found else None

    def providers(self) -> tuple[str, ...]:
        """Return the bare names of all model providers."""
        return tuple(full.partition("/")[2] for full in self.names("models"))

    def emit(self, event: object) -> None:
        """Show an event to the plugins that are loaded; what they raise is logged."""
        for implementation in self._manager.hook.on_event.get_hookimpls():
            # As with every hook, an implementation may leave the argument out.
            arguments = (event,) if implementation.argnames else ()
            try:
                implementation.function(*arguments)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an observer breaks no run
                name = implementation.plugin_name
                logger.warning("plugin %s failed in on_event: %r", name, error)


def _describe(point: EntryPoint) -> PluginInfo:
    distribution = point.dist
    return PluginInfo(
        name=point.name,
        distribution=distribution.name.lower().replace("_", "-") if distribution else "(unknown)",
        version=distribution.version if distribution else "",
        module=point.value,
    )


def _registrar(plugin: str, table: dict[str, Factory]) -> Callable[[str, Factory], None]:
    def register(name: str, factory: Factory) -> None:
        if not NAME.fullmatch(name):
            raise PluginError(f"it registers {name!r}: a name holds letters, digits, - and _")
        if not callable(factory):
            raise PluginError(f"it registers {name!r} with something that is not callable")
        full = f"{plugin}/{name}"
        if full in table:
            raise PluginError(f"it registers {full!r} twice")
        table[full] = factory

    return register


def _check_api(module: object) -> None:
    wanted = getattr(module, "gadfly_api", None)
    if wanted is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        fits = _hooks.API_VERSION in SpecifierSet(str(wanted))
    except InvalidSpecifier as error:
        raise PluginError(f"its gadfly_api {wanted!r} is not a version range") from error
    if not fits:
        raise PluginError(
            f"it needs plugin API {wanted}, this is {_hooks.API_VERSION}; "
            "install a version of it that fits, or of gadfly"
        )


def _within(seconds: float, load: Callable[[], object]) -> object:
    """Call `load` in a thread; return what it returned or raised, or a PluginError if it hangs."""
    box: list[object] = []

    def call() -> None:
        try:
            box.append(load())
        except BaseException as error:  # noqa: BLE001 - carried to the caller as a value
            box.append(error)

    # A daemon thread: an import that never ends must not keep the process alive.
    thread = threading.Thread(target=call, name="gadfly-plugin-import", daemon=True)
    thread.start()
    thread.join(seconds)
    if not box:
        return PluginError(f"its import did not finish within {seconds:g} s")
    return box[0]
