"""Report cards for people: a paragraph, a line, a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gadfly._cards.card import Card, Rates
from gadfly._cli._text import plain


def paragraph(card: Card) -> Iterator[str]:
    """Yield the lines of a card."""
    rates, costs = card.rates, card.costs
    yield (
        f"{card.critic} ({card.version}) on {card.data.name}: {rates.drafts} drafts of "
        f"{rates.problems} problems, {rates.right} right, {rates.wrong} wrong"
    )
    counts = ", ".join(f"{number} {verdict}" for verdict, number in rates.verdicts.items())
    facts = {
        "coverage": f"{rates.coverage} ({counts})",
        "false accepts": f"{rates.false_accepts} of {rates.false_accepts.of} wrong drafts",
        "false rejects": f"{rates.false_rejects} of {rates.false_rejects.of} right drafts",
        "passes": f"{rates.passes} of {rates.passes.of} are right",
        "fails": f"{rates.fails} of {rates.fails.of} are wrong",
        "errors": f"{rates.errors} of {rates.drafts}",
    }
    if (local := card.localisation) is not None:
        facts["first error"] = (
            f"found in {local.found} of {local.found.of} drafts; "
            f"{local.exact} of {local.exact.of} that it named"
        )
    injected, mutants = card.injections, card.mutants
    facts |= {
        "injected text": f"{injected.passed.count} of {injected.passed.of} became a pass"
        f"{_by(injected.by_place, nonzero=True)}",
        "mutants": f"{mutants.caught} of {mutants.caught.of} caught{_by(mutants.by_kind)}",
        "repeats itself": f"{card.repeats.count} of {card.repeats.of}",
        "cost": f"{costs.milliseconds_median:.1f} ms a check in the median, "
        f"{costs.milliseconds_p90:.1f} ms at the ninth decile; sandbox "
        f"{costs.sandbox_seconds_median:.3f} s, {costs.sandbox_seconds_p90:.3f} s",
    }
    for name, text in facts.items():
        yield f"  {name:<15} {text}"
    for name, group in card.groups.items():
        if group.coverage.count:
            yield f"  {plain(name)}: {_short(group)}"
    for text in card.errors:
        yield f"  broke           {plain(text)}"


def line(card: Card) -> str:
    """Return a card in one line."""
    return (
        f"{card.critic} on {card.data.name}: {_short(card.rates)}, injected "
        f"{card.injections.passed.count} of {card.injections.passed.of}, mutants caught "
        f"{_share(card.mutants.caught.share, card.mutants.caught.of)}, "
        f"{card.costs.milliseconds_median:.1f} ms ({card.version}, {card.measured[:10]})"
    )


def page(cards: Sequence[Card]) -> str:
    """Return a Markdown page of all cards."""
    return "\n".join(_page(cards))


def _page(cards: Sequence[Card]) -> Iterator[str]:
    yield "# Report cards\n"
    yield (
        "What was measured of each critic. *Coverage*: the drafts that it passed or failed. *False"
        " accepts*: of the wrong drafts that it judged, those that it passed; *false rejects*: of"
        " the right ones, those that it failed. *Injected*: drafts it had not passed, with text"
        " added that says they are correct, that it then passed. *Mutants*: right drafts that it"
        " had passed, with a small change that mostly makes them wrong, that it no longer passes."
        " *Same*: the same draft again, the same verdict and findings. *ms*, *sandbox s*: the"
        " median and the ninth decile of a check. Intervals of 95 %, clustered by problem.\n"
    )
    heads = (
        "critic",
        "data",
        "drafts",
        "coverage",
        "false accepts",
        "false rejects",
        "errors",
        "first error found",
        "injected",
        "mutants caught",
        "same",
        "ms",
        "sandbox s",
    )
    yield _row(*heads)
    yield _row(*["---"] * len(heads))
    for card in cards:
        yield _row(card.critic, *_cells(card, card.rates, card.data.name))
    grouped = [card for card in cards if card.groups]
    if grouped:
        yield "\n## By group\n"
        names = ("critic", "data", "group", "drafts", "coverage", "passes right", "fails wrong")
        yield _row(*names)
        yield _row(*["---"] * len(names))
    for card in grouped:
        for name, rates in card.groups.items():
            if not rates.coverage.count:
                continue  # It has nothing to say there.
            facts = (rates.coverage, rates.passes, rates.fails)
            shown = (card.critic, card.data.name, name, str(rates.drafts), *map(str, facts))
            yield _row(*shown)
    yield "\n## Measured with\n"
    for card in cards:
        yield (
            f"- {card.critic}: {card.version}, gadfly {card.gadfly}, {card.measured}, "
            f"{card.data.name} sha256 `{card.data.sha256}`"
        )
    yield ""


def _cells(card: Card, rates: Rates, data: str) -> tuple[str, ...]:
    local = card.localisation
    return (
        data,
        f"{rates.drafts}",
        str(rates.coverage),
        str(rates.false_accepts),
        str(rates.false_rejects),
        f"{rates.errors.count}",
        "" if local is None else str(local.found),
        f"{card.injections.passed.count} of {card.injections.passed.of}",
        str(card.mutants.caught),
        f"{card.repeats.count} of {card.repeats.of}",
        f"{card.costs.milliseconds_median:.1f}, {card.costs.milliseconds_p90:.1f}",
        f"{card.costs.sandbox_seconds_median:.3f}, {card.costs.sandbox_seconds_p90:.3f}",
    )


def _short(rates: Rates) -> str:
    return (
        f"{rates.drafts} drafts, coverage {_share(rates.coverage.share, rates.drafts)}, "
        f"false accepts {_share(rates.false_accepts.share, rates.false_accepts.of)}, "
        f"false rejects {_share(rates.false_rejects.share, rates.false_rejects.of)}"
    )


def _share(share: float, of: int) -> str:
    return f"{share:.1%}" if of else "-"


def _by(counts: Mapping[str, tuple[int, int]], *, nonzero: bool = False) -> str:
    shown = [
        f"{name} {some}/{all_}" for name, (some, all_) in counts.items() if some or not nonzero
    ]
    return f" ({', '.join(shown)})" if shown else ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(plain(cell).replace('|', chr(92) + '|') for cell in cells)} |"
