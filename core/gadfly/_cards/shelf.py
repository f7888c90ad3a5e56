"""Where cards are kept, and whether a critic is worse than its card said.

Every card stays: one file each in `cards/PLUGIN.CRITIC/` of Gadfly's folder, named by when it was
measured. The newest of a critic is what `gadfly plugins list` shows.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gadfly._cards.card import FORMAT, Card
from gadfly._cards.rates import Rate, clustered
from gadfly._errors import GadflyError, InputError
from gadfly._home import home_folder, private_folder, storage
from gadfly._values.codec import decode_json, dump, load

logger = logging.getLogger(__name__)


def cards_folder() -> Path:
    """Return the folder of the cards; it may not exist yet."""
    return home_folder() / "cards"


def keep(card: Card) -> Path:
    """Keep a card, and return its file.

    Raises:
        StorageError: It cannot be written.
    """
    folder = private_folder(cards_folder() / card.critic.replace("/", "."))
    moment = card.measured.replace(":", "").replace("-", "").removesuffix("+0000")
    path = folder / f"{moment}-{card.data.sha256[:8]}.json"
    write(path, [card])
    return path


def write(path: Path, cards: Sequence[Card]) -> None:
    """Write cards to a file, whole or not at all.

    Raises:
        StorageError: It cannot be written.
    """
    text = json.dumps([dump(card) for card in cards], indent=1, allow_nan=False)
    with storage("write", path):
        descriptor, temporary = tempfile.mkstemp(prefix=".card-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{text}\n")
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def read(path: Path) -> list[Card]:
    """Return the cards of a file.

    Raises:
        InputError: There is no such file, or it holds something else.
        StorageError: It cannot be read.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    with storage("read", path):
        content = path.read_bytes()
    try:
        plain = decode_json(content.decode())
        cards = load(list[Card], plain)
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"{path} holds no report cards: {error}") from error
    for card in cards:
        if card.format != FORMAT:
            raise InputError(f"{path} is of format {card.format}, this is {FORMAT}: measure anew")
    return cards


def newest(plugin: str) -> dict[str, Card]:
    """Return the newest card of each critic of a plugin, by critic id.

    A file that cannot be read is left out: a damaged card is no reason to list no plugin.
    """
    cards: dict[str, Card] = {}
    for path in sorted(cards_folder().glob(f"{plugin}.*/*.json"), key=lambda path: path.name):
        try:
            for card in read(path):
                cards[card.critic] = card
        except GadflyError as error:
            logger.warning("a report card is left out: %s", error)
    return cards


def regressions(card: Card, before: Card) -> Iterator[str]:
    """Yield what got worse: each figure that is outside the interval it had, on the wrong side.

    Both cards are of the same critic on the same drafts.
    """
    earlier = _figures(before)
    for name, (now, is_bad) in _figures(card).items():
        then, _ = earlier.get(name, (_NOTHING, is_bad))
        if now.of and then.of and (now.share > then.high if is_bad else now.share < then.low):
            verb = "rose" if is_bad else "fell"
            yield f"{card.critic}: {name} {verb} from {then} to {now}"


_NOTHING = clustered([])


def _figures(card: Card) -> dict[str, tuple[Rate, bool]]:
    """What is compared, by its name in messages, and whether it is bad."""
    figures = {
        "coverage": (card.rates.coverage, False),
        "false accepts": (card.rates.false_accepts, True),
        "false rejects": (card.rates.false_rejects, True),
        "errors": (card.rates.errors, True),
        "passes after injected text": (card.injections.passed, True),
        "mutants caught": (card.mutants.caught, False),
        "repeated verdicts": (card.repeats, False),
    }
    if card.localisation is not None:
        figures["first errors found"] = (card.localisation.found, False)
    return figures
