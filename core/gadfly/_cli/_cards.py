"""Report cards for people: a paragraph, a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gadfly._cards.card import Card, Rates
from gadfly._cli._text import plain


def paragraph(card: Card) -> Iterator[str]:
    """Yield the lines of a card."""
    rates, costs = card.rates, card.costs
    yield (
        f"{card.critic} ({card.version}) on {card.data.title}: {rates.drafts} drafts of "
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
        f"{costs.sandbox_seconds_median:.3f} s, {costs.sandbox_seconds_p90:.3f} s"
        + ("" if costs.load is None else f"; load {costs.load:.1f} a core"),
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
        f"{card.critic} on {card.data.title}: {_short(card.rates)}, injected "
        f"{card.injections.passed.count} of {card.injections.passed.of}, mutants caught "
        f"{_share(card.mutants.caught.share, card.mutants.caught.of)}, "
        f"{card.costs.milliseconds_median:.1f} ms ({card.version}, {card.measured[:10]})"
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
