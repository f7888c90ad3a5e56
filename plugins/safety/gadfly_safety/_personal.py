"""Personal data and secrets in a text, by their forms and checksums.

Found are e-mail addresses, telephone numbers, payment cards, IBANs, IP addresses, identity numbers
(`_identities`) and keys and tokens (`_secrets`). Names, postal addresses, birth dates and what is
said of a person's health or life have no form, and are not found.

A datum is **certain** where its checksum holds and its form, or a word beside it, says what it is.
What is set aside for examples by a standard is nobody's: addresses under `example.com` (RFC 2606,
6761), IP addresses for documentation and for inside a network (RFC 5737, 3849, 1918), telephone
numbers `555-01xx`, and the card numbers that payment providers publish for tests.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import phonenumbers
from stdnum import iban as _iban
from stdnum import luhn as _luhn

from gadfly import InputError
from gadfly_safety._folding import fold
from gadfly_safety._identities import IDENTITIES
from gadfly_safety._readings import Passage, Reading
from gadfly_safety._secrets import find_secrets

KINDS = ("email", "phone", "card", "iban", "ip", "identity", "secret")
NEAR = 40
"""Characters before or after a number in which a word may say what it is."""

_EMAIL = re.compile(
    r"(?<![\w.+%-])(?P<user>[\w+%-]+(?:\.[\w+%-]+)*)"
    r"(?:@|\s?[\[({]\s?at\s?[\])}]\s?|\s+at\s+(?=[\w-]+\s+dot\s))"
    r"(?P<host>[\w-]+(?:(?:\.|\s?[\[({]\s?dot\s?[\])}]\s?|\s+dot\s+)[\w-]+)*"
    r"(?:\.|\s?[\[({]\s?dot\s?[\])}]\s?|\s+dot\s+)[A-Za-z]{2,24})(?![\w-])",
    re.IGNORECASE,
)
_DOT = re.compile(r"\s?[\[({]\s?dot\s?[\])}]\s?|\s+dot\s+", re.IGNORECASE)
_EXAMPLES = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost|local)$")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_CARD_WORDS = re.compile(
    r"\b(?:card|visa|master ?card|amex|american express|discover|maestro|cvv|cvc|expir\w*|credit|"
    r"debit|pan)\b",
    re.IGNORECASE,
)
_CARD_GROUPS = re.compile(r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5}")
# Network, then lengths: ISO/IEC 7812 issuer ranges as the networks publish them.
_NETWORKS: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...] = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"6011|64[4-9]|65"), (16, 19)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 17, 18, 19)),
    (re.compile(r"30[0-5]|3[689]"), (14, 16, 19)),
    (re.compile(r"62"), (16, 17, 18, 19)),
    (re.compile(r"50|5[6-9]|6"), (13, 15, 16, 18, 19)),
)
_TEST_CARDS = frozenset({
    "4111111111111111", "4012888888881881", "4242424242424242", "4000056655665556",
    "5555555555554444", "5105105105105100", "5200828282828210", "2223003122003222",
    "378282246310005", "371449635398431", "6011111111111117", "6011000990139424",
    "30569309025904", "3056930009020004", "3566002020360505", "6200000000000005",
})  # fmt: skip
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])", re.IGNORECASE
)
_IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:]))",
    re.IGNORECASE,
)
_VERSION = re.compile(r"\b(?:v|ver|version|release|chapter|section|§)\.?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDatum:
    """One datum in a text. It holds the datum itself only as a place in that text."""

    kind: str
    """One of `KINDS`."""
    what: str
    """Its name, as findings write it (`payment card number`)."""
    start: int
    end: int
    is_certain: bool
    """Whether a checksum holds and the datum can hardly be something else."""
    masked: str
    """The datum with most of its characters hidden."""


@dataclass(frozen=True, slots=True)
class _Found:
    kind: str
    what: str
    start: int
    end: int
    is_certain: bool
    value: str
    """Without separators: what "the same datum" goes by."""


def find_personal_data(
    text: str,
    *,
    kinds: Sequence[str] = KINDS,
    countries: Sequence[str] = (),
    known: str = "",
    allow: Sequence[str] = (),
) -> tuple[PersonalDatum, ...]:
    """Return the personal data of a text, in reading order; none overlaps another.

    Args:
        text: Any text.
        kinds: What to look for.
        countries: Two-letter codes of countries whose telephone numbers are also found in the form
            that people use inside the country; numbers that begin with + are found anyway.
        known: A text whose data do not count (the question that is answered).
        allow: Data that do not count, as they are written, or `@` and a domain.

    Raises:
        InputError: A kind or country is unknown.
    """
    _check(kinds, countries)
    folded = fold(text, lookalikes=False)
    found = _distinct(_find(folded.text, kinds, countries))
    plain = fold(known, lookalikes=False).text
    asked = {(one.kind, one.value) for one in _find(plain, kinds, countries)}
    return tuple(
        _datum(folded.text, one, folded.span(one.start, one.end))
        for one in found
        if (one.kind, one.value) not in asked
        and not _stands_in(folded.text[one.start : one.end], plain)
        and not _is_allowed(one, allow)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDataMeter:
    """Counts personal data: 1 - 1/2^n for n of them. See `find_personal_data` for the fields."""

    kinds: Sequence[str] = KINDS
    countries: Sequence[str] = ()
    known: str = ""
    allow: Sequence[str] = ()

    @property
    def name(self) -> str:
        """What evidence calls it."""
        return "personal data"

    def read(self, text: str) -> Reading:
        """Count the personal data of a text; see `Meter.read`."""
        found = find_personal_data(
            text,
            kinds=self.kinds,
            countries=self.countries,
            known=self.known,
            allow=self.allow,
        )
        passages = tuple(
            Passage(start=one.start, end=one.end, label=one.what, score=0.5) for one in found
        )
        return Reading(score=1 - 0.5 ** len(found), passages=passages, is_exact=True)


def mask(text: str) -> str:
    """Return a datum with its letters and digits hidden, but for the first and two at the end.

    Of a short one only the first is shown. Separators stay, so that a person sees which it is.
    """
    shown = [place for place, character in enumerate(text) if character.isalnum()]
    kept = {*shown[:1], *(shown[-2:] if len(shown) >= 8 else ())}
    if len(text) > 40:
        return f"{text[:1]}… ({len(text)} characters)"
    return "".join(
        "*" if character.isalnum() and place not in kept else character
        for place, character in enumerate(text)
    )


def _check(kinds: Sequence[str], countries: Sequence[str]) -> None:
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(
                f"there is no kind {kind!r} of personal data; known: {', '.join(KINDS)}"
            )
    known = cast("Iterable[str]", phonenumbers.SUPPORTED_REGIONS)
    for country in countries:
        if country not in known:
            raise InputError(f"country {country!r}: give codes of two capital letters, such as DE")


def _find(text: str, kinds: Sequence[str], countries: Sequence[str]) -> Iterator[_Found]:
    for kind, finder in _FINDERS.items():
        if kind in kinds:
            yield from finder(text)
    if "phone" in kinds:
        yield from _phones(text, countries)


def _emails(text: str) -> Iterator[_Found]:
    for match in _EMAIL.finditer(text):
        host = _DOT.sub(".", match["host"]).lower()
        if not _EXAMPLES.search(host):
            value = f"{match['user'].lower()}@{host}"
            yield _Found("email", "e-mail address", *match.span(), is_certain=False, value=value)


def _cards(text: str) -> Iterator[_Found]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if digits in _TEST_CARDS or len(set(digits)) < 3 or not _is_card(digits):
            continue
        telling = _CARD_GROUPS.fullmatch(match.group()) or _is_near(text, match, _CARD_WORDS)
        # Every tenth number has a right check digit: ungrouped and unnamed it may be any number.
        yield _Found("card", "payment card number", *match.span(), bool(telling), digits)


def _is_card(digits: str) -> bool:
    return bool(cast("Any", _luhn).is_valid(digits)) and any(
        issuer.match(digits) and len(digits) in lengths for issuer, lengths in _NETWORKS
    )


def _ibans(text: str) -> Iterator[_Found]:
    for match in _IBAN.finditer(text):
        # The form is greedy: words in capitals may follow, so shorter readings are tried too.
        whole = match.group()
        ends = [len(whole), *(blank.start() for blank in re.finditer(" ", whole))]
        for end in sorted(ends, reverse=True):
            value = whole[:end].replace(" ", "").upper()
            if len(value) >= 15 and cast("Any", _iban).is_valid(value):
                start = match.start()
                yield _Found("iban", "IBAN", start, start + end, is_certain=True, value=value)
                break


def _addresses(text: str) -> Iterator[_Found]:
    for match in _IP.finditer(text):
        if _VERSION.search(text[max(0, match.start() - 12) : match.start()]):
            continue
        try:
            address = ipaddress.ip_address(match.group())
        except ValueError:
            continue
        if address.is_global and not address.is_multicast:
            yield _Found("ip", "IP address", *match.span(), is_certain=False, value=str(address))


def _identity_numbers(text: str) -> Iterator[_Found]:
    for identity in IDENTITIES:
        for match in identity.form.finditer(text):
            is_named = _is_near(text, match, identity.words)
            form = identity.unnamed
            has_form = identity.telling or (form and form.fullmatch(match.group()))
            if not (is_named or has_form):
                continue
            if not identity.is_valid(match.group()):
                continue
            is_certain = identity.has_checksum and (is_named or identity.telling)
            value = re.sub(r"[^0-9A-Za-z]", "", match.group()).upper()
            yield _Found("identity", identity.kind, *match.span(), is_certain, value)


def _secrets(text: str) -> Iterator[_Found]:
    for secret in find_secrets(text):
        value = text[secret.start : secret.end]
        yield _Found("secret", secret.kind, secret.start, secret.end, secret.is_certain, value)


def _phones(text: str, countries: Sequence[str]) -> Iterator[_Found]:
    for region in (None, *countries):
        matcher = cast("Any", phonenumbers.PhoneNumberMatcher)(text, region)
        for match in matcher:
            value = str(
                cast("Any", phonenumbers).format_number(
                    match.number, phonenumbers.PhoneNumberFormat.E164
                )
            )
            if not re.fullmatch(r"\+1\d{3}55501\d{2}", value):
                yield _Found(
                    "phone",
                    "telephone number",
                    match.start,
                    match.end,
                    is_certain=False,
                    value=value,
                )


_FINDERS: dict[str, Callable[[str], Iterator[_Found]]] = {
    "secret": _secrets,
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "identity": _identity_numbers,
    "ip": _addresses,
}
"""In the order in which they claim a place; `phone` comes last, because any digits may be one."""


def _distinct(found: Iterator[_Found]) -> list[_Found]:
    """What was found, without what overlaps something certain or found before."""
    kept: list[_Found] = []
    for one in sorted(found, key=lambda one: not one.is_certain):
        if all(one.end <= other.start or other.end <= one.start for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def _is_near(text: str, match: re.Match[str], words: re.Pattern[str]) -> bool:
    around = text[max(0, match.start() - NEAR) : match.start()]
    return bool(words.search(around) or words.search(text[match.end() : match.end() + NEAR]))


def _stands_in(datum: str, text: str) -> bool:
    """Whether a text holds a datum as it is written, not as a part of a longer word or number."""
    return bool(text) and bool(re.search(rf"(?<!\w){re.escape(datum)}(?!\w)", text, re.IGNORECASE))


def _is_allowed(one: _Found, allow: Sequence[str]) -> bool:
    written = {re.sub(r"[^0-9A-Za-z@]", "", entry).casefold() for entry in allow}
    if re.sub(r"[^0-9A-Za-z@]", "", one.value).casefold() in written:
        return True
    domains = tuple(entry.casefold() for entry in allow if entry.startswith("@"))
    return one.kind == "email" and one.value.endswith(domains) if domains else False


def _datum(text: str, one: _Found, span: tuple[int, int]) -> PersonalDatum:
    start, end = span
    written = text[one.start : one.end]
    # A maker's mark may be shown, and of a password nothing.
    marked = f"{written[:4]}…" if one.what != "secret" else f"… ({len(written)} characters)"
    shown = marked if one.kind == "secret" else mask(written)
    return PersonalDatum(
        kind=one.kind,
        what=one.what,
        start=start,
        end=end,
        is_certain=one.is_certain,
        masked=shown,
    )
