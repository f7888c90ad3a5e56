"""Keys and tokens: by the marks that their makers put on them, or by a name beside much entropy.

GitHub and npm end their tokens with a checksum (CRC-32, in base 62); one that holds is certain. All
else is a form: it needs characters that look drawn at random, so that a placeholder is none.
"""

from __future__ import annotations

import math
import re
import string
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

MIN_BITS = 3.0
"""Entropy of a marked token's characters, bits each; `XXXXXXXX` has 0, `your-key-here` some 3."""
MIN_BITS_NAMED = 3.3
"""The same where only a name beside it says that it is a secret."""
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_EDGE, _STOP = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])"
_MARKED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(_EDGE + form + _STOP))
    for kind, form in (
        ("GitHub token", r"(?:gh[oprsu]_)(?P<body>[A-Za-z0-9]{36})"),
        ("GitHub token", r"github_pat_(?P<body>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})"),
        ("npm token", r"npm_(?P<body>[A-Za-z0-9]{36})"),
        ("AWS access key", r"(?:AKIA|ASIA)(?P<body>[A-Z2-7]{16})"),
        ("Slack token", r"xox[abeoprs]-(?P<body>[A-Za-z0-9-]{10,250})"),
        ("Google API key", r"AIza(?P<body>[A-Za-z0-9_-]{35})"),
        ("Stripe key", r"(?:sk|rk)_live_(?P<body>[A-Za-z0-9]{16,200})"),
        ("model provider's key", r"sk-(?:[a-z]+-)*(?P<body>[A-Za-z0-9_-]{20,200})"),
        ("Hugging Face token", r"hf_(?P<body>[A-Za-z0-9]{30,40})"),
        ("GitLab token", r"glpat-(?P<body>[A-Za-z0-9_-]{20})"),
        ("web token", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.(?P<body>[A-Za-z0-9_-]{16,})"),
    )
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?P<body>[A-Za-z0-9+/=\s]{64,}?)"
    r"-----END (?:[A-Z]+ )*PRIVATE KEY-----"
)
_NAMED = re.compile(
    r"(?i:\b[\w-]{0,40}?(?:api[_-]?key|secret|token|passw(?:or)?d|pwd|access[_-]?key)[\w-]{0,20})"
    r"[\"']?\s{0,4}(?::|=|=>|\bis\b)\s{0,4}[\"'`]?(?P<body>[A-Za-z0-9+/_.~!@#$%^&*=-]{12,200})"
)


class Secret(NamedTuple):
    """A key or token in a text."""

    kind: str
    start: int
    end: int
    is_certain: bool


def find_secrets(text: str) -> Iterator[Secret]:
    """Yield the keys and tokens of a text, marked ones before named ones."""
    for kind, form in _MARKED:
        for match in form.finditer(text):
            # Words with hyphens between them may follow `sk-`.
            is_plain = kind == "model provider's key" and not _is_mixed(match["body"])
            if entropy(match["body"]) >= MIN_BITS and not is_plain:
                is_certain = kind in {"GitHub token", "npm token"} and _holds(match["body"])
                yield Secret(kind, match.start(), match.end(), is_certain)
    for match in _PRIVATE_KEY.finditer(text):
        if entropy(match["body"]) >= MIN_BITS:
            yield Secret("private key", match.start(), match.end(), is_certain=False)
    for match in _NAMED.finditer(text):
        body = match["body"].rstrip(".,!")
        if len(body) >= 12 and _is_mixed(body) and entropy(body) >= MIN_BITS_NAMED:
            start = match.start("body")
            yield Secret("secret", start, start + len(body), is_certain=False)


def entropy(text: str) -> float:
    """Return the bits that each character of a text carries, by its own frequencies."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values()) if size else 0.0


def _is_mixed(body: str) -> bool:
    """Whether there are digits among letters: words and numbers alone are no keys."""
    digits = sum(character.isdigit() for character in body)
    return digits >= 2 and sum(character.isalpha() for character in body) >= 2


def _holds(body: str) -> bool:
    """Whether the last six characters are the checksum of those before them."""
    payload, stated = body[:-6], body[-6:]
    value, written = zlib.crc32(payload.encode()), ""
    while value:
        value, digit = divmod(value, 62)
        written = _BASE62[digit] + written
    return written.rjust(6, "0") == stated
