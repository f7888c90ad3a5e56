"""`gadfly verify`: check a file of drafts, and go on where an interrupted run stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from gadfly._cli import DONE, NOT_ACCEPTED, TOOL_BROKE
from gadfly._cli._options import Require, critic_options
from gadfly._cli._output import (
    Advance,
    AsJson,
    console,
    foreign_output,
    load_plugins,
    plain,
    print_json,
    progress,
)
from gadfly._errors import InputError
from gadfly._jobs._parquet import is_parquet
from gadfly._jobs.results import VerifyReport
from gadfly._jobs.session import Session
from gadfly._values.codec import dump_dict
from gadfly._values.critique import Verdict
from gadfly._values.job import Level
from gadfly._values.task import JSON

SLOWEST = 3
"""How many critics the summary names as the slowest."""


def command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="One draft a row: JSON lines (.gz is read too), or .parquet."
        ),
    ],
    *,
    critic: Annotated[
        list[str] | None,
        typer.Option(help="A critic's id; repeat for several. [default: python/runs]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The results file, JSON lines or .parquet. "
            "[default: INPUT's name with .verified.jsonl (of Parquet: .parquet), here]"
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE",
            envvar="GADFLY_STORE",
            help="Keep the work here, with other jobs: postgresql://..., or an SQLite file. "
            "[default: OUT.db]",
            show_default=False,
        ),
    ] = None,
    prompt_field: Annotated[
        str | None, typer.Option(help="[default: prompt or question]", show_default=False)
    ] = None,
    draft_field: Annotated[
        str | None, typer.Option(help="[default: draft, response, program or text]")
    ] = None,
    id_field: Annotated[str | None, typer.Option(help="[default: id, or the line number]")] = None,
    input_field: Annotated[
        list[str] | None,
        typer.Option(help="One more field that critics may see; all others stay hidden."),
    ] = None,
    priority_field: Annotated[
        str | None,
        typer.Option(help="Rows of a higher one come first. [default: priority, if whole numbers]"),
    ] = None,
    priority: Annotated[int, typer.Option(help="That of rows that have none.")] = 0,
    option: Annotated[
        list[str] | None,
        typer.Option(help="A critic's option, such as python/runs:answer=ans; repeat for several."),
    ] = None,
    sandbox: Annotated[
        str, typer.Option(help="Where critics' programs run; `none` for nowhere.")
    ] = "local",
    require: Require = Level.UNSAFE,
    tool: Annotated[
        list[str] | None, typer.Option(help="A tool that critics may use; repeat for several.")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="The model that critics may ask.")] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="What checks: this machine, or a Ray cluster.")
    ] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(help="The Ray cluster. [default: RAY_ADDRESS, or one of its own, here]"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Drafts checked at a time. [default: number of cores]")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Verify only the first rows.")] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an earlier run has left.")
    ] = False,
    fail_on: Annotated[
        Literal["fail"] | None, typer.Option(help="Exit with 1 if any draft got this verdict.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a file of drafts with critics, each draft once.

    Results are written when all drafts are done: one JSON line each, in input order. Until then
    they are kept in OUT.db or the store, and the same command goes on after an interruption; with a
    store, it also joins in where others are at work. `gadfly jobs` shows and cancels what is kept.

    Exits with 0 when all drafts were verified, whatever the verdicts; with 3 when a critic broke on
    some: started again, the same command tries those once more.
    """
    out = out or default_out(source)
    with foreign_output():
        session = Session(
            source,
            critic or ["python/runs"],
            out=out,
            store=store,
            prompt_field=prompt_field,
            draft_field=draft_field,
            id_field=id_field,
            input_fields=input_field or (),
            priority_field=priority_field,
            priority=priority,
            options=critic_options(option or []),
            sandbox=None if sandbox == "none" else sandbox,
            require=require,
            tools=tool or (),
            judge=judge,
            engine=engine,
            ray_address=ray_address,
            workers=workers,
            limit=limit,
            restart=restart,
            plugins=load_plugins(),
        )
        with session:
            if session.kept:
                already = f"{session.kept} of {session.total} were already done"
                typer.echo(f"going on: {already}", err=True)
            with progress("verifying", session.total - session.kept) as advance:
                report = _run(session, advance)
    if as_json:
        print_json(_plain(report))
    else:
        _print_summary(report)
    raise typer.Exit(_code(report, fail_on))


def default_out(source: Path) -> Path:
    """Return the results file's default: in the current folder, in the form of the input."""
    name = source.name.removesuffix(".gz")
    if is_parquet(name):
        return Path(f"{name.removesuffix('.parquet')}.verified.parquet")
    return Path(f"{name.removesuffix('.jsonl').removesuffix('.json')}.verified.jsonl")


def _run(session: Session, advance: Advance) -> VerifyReport:
    try:
        return session.run(advance)
    except InputError as error:
        if session.cancelled:
            # Nothing that was given is wrong: somebody has ended it, from outside.
            raise KeyboardInterrupt(str(error)) from error
        raise


def _code(report: VerifyReport, fail_on: str | None) -> int:
    if report.errors:
        return TOOL_BROKE
    if fail_on is not None and report.verdicts.get(Verdict.FAIL):
        return NOT_ACCEPTED
    return DONE


def _plain(report: VerifyReport) -> dict[str, JSON]:
    facts = dump_dict(report) | {"rows_per_second": round(report.rows_per_second, 2)}
    # They are in the file.
    del facts["results"]
    return facts


def _print_summary(report: VerifyReport) -> None:
    out = console()
    verified = report.rows - report.kept
    speed = f"{verified} verified in {report.seconds:.1f} s, {report.rows_per_second:.1f} a second"
    this_run = speed if verified else "all were done before"
    out.print(f"{report.rows} drafts: {_counts(report.verdicts)} ({this_run})")
    if report.shared:
        out.print(f"identical drafts: {report.shared} took the result of an earlier one")
    if report.ended:
        seconds = f"{report.usage.sandbox_seconds:.1f} s in the sandbox"
        out.print(f"programs: {_counts(report.ended)}; {seconds}")
    medians, longest = report.critic_median_seconds, report.critic_longest_seconds
    slowest = [
        f"{plain(id_)} {medians[id_]:.3f} s, at most {longest[id_]:.3f} s"
        for id_ in list(report.critic_seconds)[:SLOWEST]
    ]
    if slowest:
        out.print(f"slowest critics, in the median: {'; '.join(slowest)}")
    if report.errors:
        out.print(f"drafts on which a critic broke: {report.errors}; run it again to retry them")
    out.print(f"results: {plain(report.out or '')}")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {plain(name)}" for name, number in counts.items())
