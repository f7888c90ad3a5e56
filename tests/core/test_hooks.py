"""The hooks: each is documented, and each can be implemented."""

from __future__ import annotations

import inspect
import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pluggy
import pytest

from gadfly import API_VERSION, Event, EventKind, Plugins, _hooks, hookimpl
from gadfly._plugins import KINDS, Kind

HOOKS = sorted(name for name, hook in vars(_hooks).items() if hasattr(hook, f"{_hooks.GROUP}_spec"))


def test_there_is_one_registration_hook_for_each_kind() -> None:
    assert set(HOOKS) == {f"register_{kind}" for kind in KINDS} | {"on_event"}


def test_pluggy_knows_the_same_hooks() -> None:
    manager = pluggy.PluginManager(_hooks.GROUP)
    manager.add_hookspecs(_hooks)

    assert {name for name in vars(manager.hook) if not name.startswith("_")} == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_documented_signature(name: str) -> None:
    hook = getattr(_hooks, name)

    assert len(inspect.getdoc(hook) or "") > 40
    assert list(inspect.signature(hook).parameters) == (
        ["event"] if name == "on_event" else ["register"]
    )


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """One plugin that implements every hook."""
    module = ModuleType("gadfly_everything")
    seen: list[Event] = []

    def registering(kind: str) -> object:
        def implementation(register: object) -> None:
            assert callable(register)
            register("thing", lambda *args, **options: (kind, args, options))

        implementation.__name__ = f"register_{kind}"
        return hookimpl(implementation)

    for kind in KINDS:
        setattr(module, f"register_{kind}", registering(kind))

    def on_event(event: Event) -> None:
        seen.append(event)

    module.on_event = hookimpl(on_event)  # type: ignore[attr-defined] # a module made by hand
    module.seen = seen  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gadfly_everything", module)
    return Plugins([EntryPoint("everything", "gadfly_everything", _hooks.GROUP)])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_registered_and_made(plugins: Plugins, kind: Kind) -> None:
    assert plugins.names(kind) == ("everything/thing",)
    assert plugins.create(kind, "everything/thing", 1, option=2) == (kind, (1,), {"option": 2})


def test_events_are_seen(plugins: Plugins) -> None:
    plugins.load_all()
    event = Event(kind=EventKind.STARTED, run="r")

    plugins.emit(event)

    assert sys.modules["gadfly_everything"].seen == [event]


def test_the_api_version_has_two_numbers() -> None:
    assert [part.isdigit() for part in API_VERSION.split(".")] == [True, True]
