"""What a text says, as far as its words go, and how much of it another text still says.

Content words are stemmed (Snowball, by PyStemmer) and counted as a set: the recall of the original
in the rewrite, as ROUGE-1 measures it (Lin 2004), without function words. Numbers and names are
held apart, because a rewrite that drops one of them says something else. Words that a word list has
are no content, so that leaving out an insult loses nothing.

It measures words and not meaning: a synonym counts as lost, and a denial as kept.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gadfly import InputError
from gadfly_safety._folding import fold
from gadfly_safety._lexicon import LexiconMeter
from gadfly_safety._sentences import sentences

_snowball: Any = importlib.import_module("Stemmer")  # PyStemmer, which has no types
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_FUNCTION_WORDS = frozenset({
    "a", "about", "above", "after", "again", "against", "all", "also", "am", "among", "an", "and",
    "any", "are", "as", "at", "be", "because", "been", "before", "being", "below", "between",
    "both", "but", "by", "can", "could", "did", "do", "does", "doing", "done", "down", "during",
    "each", "either", "else", "even", "ever", "every", "few", "for", "from", "further", "get",
    "gets", "getting", "go", "goes", "going", "got", "had", "has", "have", "having", "he", "her",
    "here", "hers", "herself", "him", "himself", "his", "how", "however", "i", "if", "in", "into",
    "is", "it", "its", "itself", "just", "let", "like", "made", "make", "makes", "many", "may",
    "maybe", "me", "might", "mine", "more", "most", "much", "must", "my", "myself", "neither",
    "no", "nor", "not", "now", "of", "off", "often", "on", "once", "one", "only", "onto", "or",
    "other", "others", "our", "ours", "ourselves", "out", "over", "own", "per", "perhaps",
    "quite", "rather", "really", "same", "shall", "she", "should", "since", "so", "some", "such",
    "than", "that", "the", "their", "theirs", "them", "themselves", "then", "there", "therefore",
    "these", "they", "thing", "things", "this", "those", "though", "through", "thus", "to", "too",
    "toward", "towards", "under", "until", "up", "upon", "us", "very", "via", "was", "we", "well",
    "were", "what", "when", "where", "whether", "which", "while", "who", "whom", "whose", "why",
    "will", "with", "within", "without", "would", "yet", "you", "your", "yours", "yourself",
    "yourselves", "isn't", "aren't", "wasn't", "weren't", "don't", "doesn't", "didn't", "won't",
    "wouldn't", "can't", "couldn't", "shouldn't", "hasn't", "haven't", "hadn't", "i'm", "you're",
    "he's", "she's", "it's", "we're", "they're", "i've", "you've", "we've", "they've", "i'd",
    "you'd", "i'll", "you'll", "he'll", "she'll", "we'll", "they'll", "that's", "there's",
    "what's", "let's",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How much of a text's content another one keeps."""

    words: float
    """The share of content words that are kept; 1 where there was none to lose."""
    lost_words: tuple[str, ...] = ()
    lost_numbers: tuple[str, ...] = ()
    lost_names: tuple[str, ...] = ()

    def is_enough(self, min_words: float) -> bool:
        """Whether this share of words is kept, and every number and name."""
        return self.words >= min_words and not self.lost_numbers and not self.lost_names

    @property
    def losses(self) -> tuple[str, ...]:
        """What was lost, in words, a few of each sort."""
        kinds = (
            ("numbers", self.lost_numbers),
            ("names", self.lost_names),
            ("words", self.lost_words),
        )
        return tuple(f"{kind}: {', '.join(lost[:8])}" for kind, lost in kinds if lost)


def kept_content(
    before: str,
    after: str,
    *,
    ignore: Sequence[tuple[int, int]] = (),
    language: str = "english",
) -> Kept:
    """Return how much of the content of `before` is still in `after`.

    Args:
        before: The original.
        after: The rewrite.
        ignore: Parts of the original that may go. Listed words may go anyway.
        language: One that Snowball stems (`german`, ...). Function words are known for English; in
            other languages words of up to three letters are taken for them.

    Raises:
        InputError: There is no stemmer for the language.
    """
    stem = _stemmer(language)
    listed = [(one.start, one.end) for one in LexiconMeter().read(before).passages]
    source = _without(before, [*ignore, *listed])
    words = {stem(word): word for word in _content_words(source, language)}
    names = {_bare(name): name for name in _names(source)}
    numbers = {_value(number): number for number in _NUMBER.findall(source)}
    plain = fold(after, lookalikes=False).text
    there = {stem(word) for word in _content_words(plain, language)}
    spoken = {_bare(word) for word in _WORD.findall(plain)}
    spoken |= {half for word in spoken for half in re.split("-", word)}
    counted = {_value(number) for number in _NUMBER.findall(plain)}
    lost = [word for stemmed, word in words.items() if stemmed not in there]
    return Kept(
        words=1.0 if not words else 1 - len(lost) / len(words),
        lost_words=tuple(lost),
        lost_numbers=tuple(text for value, text in numbers.items() if value not in counted),
        lost_names=tuple(text for bare, text in names.items() if bare not in spoken),
    )


def check_language(language: str) -> None:
    """Return if there is a stemmer for the language.

    Raises:
        InputError: There is none; the message names those there are.
    """
    _stemmer(language)


def _stemmer(language: str) -> Any:  # noqa: ANN401 - PyStemmer has no types
    try:
        # One for each call: a stemmer must not be shared between threads.
        stemmer = _snowball.Stemmer(language)
    except KeyError as error:
        known = ", ".join(_snowball.algorithms())
        raise InputError(f"there is no stemmer for {language!r}; known: {known}") from error
    return stemmer.stemWord


def _without(text: str, parts: Sequence[tuple[int, int]]) -> str:
    """The text, folded, with some of its parts blank."""
    for start, end in parts:
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return fold(text, lookalikes=False).text


def _content_words(text: str, language: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        word = match.group().lower().removesuffix("'s")
        is_function = word in _FUNCTION_WORDS if language == "english" else len(word) < 4
        if not is_function and len(word) > 1:
            yield word


def _names(text: str) -> Iterator[str]:
    """Words with a capital where no sentence begins; none of a sentence in capitals."""
    for start, end in sentences(text):
        words = list(_WORD.finditer(text[start:end]))
        if not any(word.group().islower() for word in words):
            continue
        for word in words[1:]:
            name = word.group()
            if name[0].isupper() and name.lower().removesuffix("'s") not in _FUNCTION_WORDS:
                yield name.removesuffix("'s")


def _bare(word: str) -> str:
    return word.lower().removesuffix("'s")


def _value(number: str) -> str:
    """A number without its thousands separators, which a rewrite may drop."""
    return re.sub(r",(?=\d{3}(?!\d))", "", number)
