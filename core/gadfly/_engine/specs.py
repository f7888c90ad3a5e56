"""Critics as people name them, to critics as the engine runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from gadfly._errors import InputError, UnknownNameError
from gadfly._plugins import Plugins
from gadfly._ports import Critic, CriticSpec, critic_spec
from gadfly._values.task import JSON

NamedCritic = str | Critic | CriticSpec


def resolve_critics(
    critics: Sequence[NamedCritic],
    plugins: Plugins,
    options: Mapping[str, Mapping[str, JSON]] | None = None,
) -> tuple[CriticSpec, ...]:
    """Return the critics with their prerequisites, each prerequisite before what needs it.

    Args:
        critics: Ids of plugin critics, critics made in code, or finished specs.
        plugins: Where ids are looked up.
        options: Options for the factories of plugin critics, by id.

    Raises:
        UnknownNameError: No plugin offers a critic of that id; the nearest names are given.
        InputError: They are no list, an id comes twice, options name a critic that is not used, or
            prerequisites form a circle.
    """
    if isinstance(critics, str | Critic | CriticSpec):
        raise InputError("critics are given as a list, a single one too: critics=[...]")
    options = dict(options or {})
    specs: dict[str, CriticSpec] = {}
    for named in critics:
        spec = _resolve(named, plugins, options)
        if spec.id in specs:
            raise InputError(f"critic {spec.id!r} is given twice")
        specs[spec.id] = spec
    missing = [need for spec in specs.values() for need in spec.requires if need not in specs]
    while missing:
        need = missing.pop()
        if need in specs:
            continue
        if "/" not in need:
            raise InputError(f"critic {need!r} is required by another one but not given")
        specs[need] = _resolve(need, plugins, options)
        missing += specs[need].requires
    if options:
        raise UnknownNameError("critic in use", min(options), specs)
    return _in_order(specs)


def _in_order(specs: dict[str, CriticSpec]) -> tuple[CriticSpec, ...]:
    graph = {id_: spec.requires for id_, spec in specs.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise InputError(f"these critics require each other: {circle}") from error
    # What a required critic rests on is required too: else it could be skipped and never missed.
    for id_ in reversed(order):
        for need in specs[id_].requires:
            if specs[id_].required:
                specs[need] = replace(specs[need], required=True)
    return tuple(specs[id_] for id_ in order)


def _resolve(
    named: NamedCritic, plugins: Plugins, options: dict[str, Mapping[str, JSON]]
) -> CriticSpec:
    if not isinstance(named, str):
        return critic_spec(named)
    plugin, _, name = named.partition("/")
    full = f"{plugin}/{name or plugin}"
    given = {**options.pop(named, {}), **options.pop(full, {})}
    return critic_spec(plugins.create("critics", full, **given), full)
