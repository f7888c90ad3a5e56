"""`gadfly bench`: measure critics on labelled drafts, and fail where one got worse."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gadfly._cards import shelf
from gadfly._cards.card import Card
from gadfly._cards.data import read_data
from gadfly._cards.fields import LabelledFields
from gadfly._cards.measuring import PROBES, Measurement
from gadfly._cli import DONE, NOT_ACCEPTED, TOOL_BROKE
from gadfly._cli._cards import paragraph
from gadfly._cli._options import (
    CriticOptions,
    Judge,
    Require,
    Tools,
    critic_options,
    value_of,
)
from gadfly._cli._output import (
    AsJson,
    console,
    find_plugin,
    foreign_output,
    load_plugins,
    plain,
    print_json,
    progress,
)
from gadfly._errors import InputError, PluginError
from gadfly._jobs.verify import VerifyOptions
from gadfly._plugins import Plugins
from gadfly._values.job import Level
from gadfly._values.task import JSON

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def bench_() -> None:
    """Measure critics on labelled drafts, and compare with what was measured before."""


@app.command("critics")
def critics(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A critic's id, or a plugin: then all its critics."),
    ],
    *,
    data: Annotated[
        list[Path],
        typer.Option(
            help="Labelled drafts, JSON lines (.gz is read too) or .parquet; repeat for several."
        ),
    ],
    tasks: Annotated[
        Path | None,
        typer.Option(
            help="The drafts' tasks: what a row lacks is taken from the task of the same problem."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="So many drafts at most, drawn from as many problems as can.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Cards from before: exit with 1 where something got worse.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Write the cards here, too.")] = None,
    prompt_field: Annotated[
        str | None, typer.Option(help="[default: prompt or question]", show_default=False)
    ] = None,
    draft_field: Annotated[
        str | None, typer.Option(help="[default: draft, response, program, text or steps]")
    ] = None,
    id_field: Annotated[str | None, typer.Option(help="[default: id, or the line number]")] = None,
    label_field: Annotated[
        str,
        typer.Option(
            metavar="FIELD|FIELD=VALUE",
            help="Whether the draft is right: it is true there, or that value.",
        ),
    ] = "correct",
    problem_field: Annotated[
        str | None, typer.Option(help="What drafts of one problem share. [default: gid, or prompt]")
    ] = None,
    first_error_field: Annotated[
        str | None,
        typer.Option(help="The first wrong step. [default: first_error_step, first_error_index]"),
    ] = None,
    group_field: Annotated[
        str | None, typer.Option(help="Give the rates for each value of this field, too.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE",
            help="Only rows with that value; with one of several, if a field is named again.",
        ),
    ] = None,
    drop_field: Annotated[
        str | None, typer.Option(help="Leave rows out in which this is true (label_conflict).")
    ] = None,
    input_field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD|NAME=FIELD|NAME=[FIELD,...]",
            help="One more field that critics may see, by its name; several become a list.",
        ),
    ] = None,
    option: CriticOptions = None,
    sandbox: Annotated[
        str, typer.Option(help="Where critics' programs run; `none` for nowhere.")
    ] = "local",
    require: Require = Level.UNSAFE,
    tool: Tools = None,
    judge: Judge = None,
    workers: Annotated[
        int | None, typer.Option(help="Drafts checked at a time. [default: number of cores]")
    ] = None,
    probes: Annotated[
        int, typer.Option(help="Drafts looked at again: repeated, injected, mutated.")
    ] = PROBES,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what a stopped run has left.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure a critic, or all of a plugin, on drafts whose truth is known.

    How much it decides, what it gets wrong in both directions, whether text in a draft talks it
    round, whether it notices small changes, whether it repeats itself, and what it costs. Labels
    are read by the scorer alone. The card is kept, and `gadfly plugins list` shows the newest one.

    Stopped, the same command goes on. Exits with 1 where --against finds something worse, with 3
    when a critic broke on every draft.
    """
    fields = LabelledFields(
        prompt=prompt_field,
        draft=draft_field,
        id=id_field,
        label=label_field.partition("=")[0],
        right=value_of(label_field.partition("=")[2]) if "=" in label_field else None,
        problem=problem_field,
        first_error=first_error_field,
        group=group_field,
        where=_where(where or ()),
        drop=drop_field,
        inputs=dict(_input(text) for text in input_field or ()),
    )
    before = [] if against is None else shelf.read(against)
    if to is not None and not to.parent.is_dir():
        raise InputError(f"there is no folder {to.parent} to put the cards in")
    data_sets = [read_data(path, fields, limit, tasks) for path in data]
    options = critic_options(option or [])
    with foreign_output():
        plugins = load_plugins()
        how = VerifyOptions(
            sandbox=None if sandbox == "none" else sandbox,
            require=require,
            tools=tool or (),
            judge=judge,
            workers=workers,
            plugins=plugins,
        )
        measurements = [
            Measurement(
                critic=id_,
                data=data_set,
                how={**how, "options": {id_: options[id_]} if id_ in options else {}},
                limit=limit,
                probes=probes,
            )
            for id_ in _critics(plugins, name, options)
            for data_set in data_sets
        ]
        if against is not None:
            # Now, not after an hour.
            _refuse_strangers(measurements, before, against)
        cards = [_measure(measurement, restart=restart) for measurement in measurements]
    if to is not None:
        shelf.write(to, cards)
    if as_json:
        print_json(cards)
    else:
        for card in cards:
            for text in paragraph(card):
                console().print(text)
    worse = [text for card in cards for text in _worse(card, before)]
    for text in worse:
        typer.echo(f"worse: {plain(text)}", err=True)
    raise typer.Exit(_code(cards, worse))


def _code(cards: Sequence[Card], worse: Sequence[str]) -> int:
    if worse:
        return NOT_ACCEPTED
    broke = any(card.rates.errors.count == card.rates.drafts for card in cards)
    return TOOL_BROKE if broke else DONE


def _measure(measurement: Measurement, *, restart: bool) -> Card:
    card = measurement.run(progress, restart=restart)
    shelf.keep(card)
    return card


def _critics(plugins: Plugins, name: str, options: Collection[str]) -> Sequence[str]:
    """The ids that a name stands for: its own, or those of all critics of a plugin."""
    ids = [name] if "/" in name else _offered(plugins, name)
    if unknown := sorted(set(options) - set(ids)):
        raise InputError(f"an option is for {unknown[0]}, which is not measured")
    return ids


def _offered(plugins: Plugins, name: str) -> list[str]:
    ids: list[str] = []
    for plugin in sorted({info.name for info in find_plugin(plugins, name)}):
        info = plugins.load(plugin)
        if info.status != "loaded":
            problem = info.problem or "enable it first"
            raise PluginError(f"plugin {plugin!r} is {info.status}: {problem}")
        ids += info.offers.get("critics", ())
    if not ids:
        raise InputError(f"plugin {name!r} offers no critic, and only critics are measured")
    return ids


def _input(text: str) -> tuple[str, str | tuple[str, ...]]:
    name, _, field = text.partition("=")
    if not name:
        raise InputError(f"input field {text!r} must read FIELD, NAME=FIELD or NAME=[FIELD,...]")
    if field.startswith("[") and field.endswith("]"):
        return name, tuple(one.strip() for one in field[1:-1].split(","))
    return name, field or name


def _where(given: Sequence[str]) -> dict[str, tuple[JSON, ...]]:
    where: dict[str, tuple[JSON, ...]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InputError(f"--where {text!r} must read FIELD=VALUE")
        where[name] = (*where.get(name, ()), value_of(value))
    return where


def _refuse_strangers(
    measurements: Sequence[Measurement], before: Sequence[Card], path: Path
) -> None:
    there = {(card.critic, card.data.identity) for card in before}
    for measurement in measurements:
        critic, data, drafts = measurement.critic, measurement.data, len(measurement.data.subjects)
        if (critic, measurement.described().identity) not in there:
            raise InputError(
                f"{path} has no card of {critic} on these {drafts} drafts of {data.name} "
                f"(sha256 {data.sha256[:8]}): only the same drafts can be compared"
            )


def _worse(card: Card, before: Sequence[Card]) -> list[str]:
    """What got worse since the last card of the same critic on the same drafts, if there is one."""
    same = [
        then
        for then in before
        if (then.critic, then.data.identity) == (card.critic, card.data.identity)
    ]
    return list(shelf.regressions(card, same[-1])) if same else []
