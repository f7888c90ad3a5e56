"""Identity numbers of some countries: their forms, their checksums and the words beside them.

Checksums and date rules are python-stdnum's. A checksum of one digit holds for every tenth number,
so a form that is only digits is taken for an identity number where a word beside it says so; a form
of its own (letters in their places, a date with its separators and two check digits) needs none.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One country's identity number."""

    kind: str
    """Its name, as findings write it."""
    form: re.Pattern[str]
    module: str
    """The module of `stdnum` that validates it."""
    words: re.Pattern[str]
    """What stands beside it in a text that gives it."""
    telling: bool = False
    """Whether the form is hardly met by chance."""
    unnamed: re.Pattern[str] | None = None
    """The way of writing it that counts without a word beside it; None where there is none."""
    has_checksum: bool = True

    def is_valid(self, text: str) -> bool:
        """Whether checksum, dates and ranges hold."""
        validator = cast("Any", importlib.import_module(f"stdnum.{self.module}"))
        return bool(validator.is_valid(text))


def _identity(
    kind: str,
    form: str,
    module: str,
    words: str,
    *,
    telling: bool = False,
    unnamed: str | None = None,
    has_checksum: bool = True,
) -> Identity:
    return Identity(
        kind=kind,
        form=re.compile(rf"(?<![\w.-])(?:{form})(?![\w-]|\.\d)", re.IGNORECASE),
        module=module,
        words=re.compile(rf"\b(?:{words})\b", re.IGNORECASE),
        telling=telling,
        unnamed=re.compile(unnamed, re.IGNORECASE) if unnamed else None,
        has_checksum=has_checksum,
    )


IDENTITIES: tuple[Identity, ...] = (
    _identity(
        "US social security number",
        r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}|\d{9}",
        "us.ssn",
        r"ssn|social security",
        unnamed=r"\d{3}-\d{2}-\d{4}",
        has_checksum=False,
    ),
    _identity(
        "Canadian social insurance number",
        r"\d{3}[ -]?\d{3}[ -]?\d{3}",
        "ca.sin",
        r"sin|social insurance|nas",
    ),
    _identity("British NHS number", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs", r"nhs"),
    _identity(
        "German tax identification number",
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        "de.idnr",
        r"steuer-?id\w*|steuerliche\w*|idnr|tax id\w*|tin",
    ),
    _identity(
        "French social security number",
        r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}",
        "fr.nir",
        r"nir|insee|sécurité sociale|securite sociale",
        telling=True,
    ),
    _identity(
        "Italian tax code",
        r"[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
        "it.codicefiscale",
        r"codice fiscale|c\.?f\.?",
        telling=True,
    ),
    _identity(
        "Spanish identity number",
        r"\d{8}-?[A-Z]",
        "es.dni",
        r"dni|nif|documento nacional",
        unnamed=r"\d{8}-?[A-Z]",
    ),
    _identity(
        "Spanish foreigner's number",
        r"[XYZ]-?\d{7}-?[A-Z]",
        "es.nie",
        r"nie|extranjero",
        unnamed=r"[XYZ]-?\d{7}-?[A-Z]",
    ),
    _identity(
        "Dutch citizen service number",
        r"\d{9}|\d{4}\.\d{2}\.\d{3}",
        "nl.bsn",
        r"bsn|burgerservicenummer|sofinummer",
    ),
    _identity(
        "Belgian national number",
        r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}",
        "be.nn",
        r"rijksregister\w*|registre national|national number",
        telling=True,
    ),
    _identity(
        "Swiss social security number",
        r"756\.\d{4}\.\d{4}\.\d{2}|756\d{10}",
        "ch.ssn",
        r"ahv|avs",
        telling=True,
    ),
    _identity("Polish national number", r"\d{11}", "pl.pesel", r"pesel"),
    _identity(
        "Swedish personal number",
        r"(?:\d{2})?\d{6}[-+]\d{4}",
        "se.personnummer",
        r"personnummer|personal number",
        unnamed=r"\d+[-+]\d{4}",
    ),
    _identity(
        "Finnish personal identity code",
        r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]",
        "fi.hetu",
        r"hetu|henkilötunnus",
        telling=True,
    ),
    _identity(
        "Norwegian birth number",
        r"\d{6} ?\d{5}",
        "no.fodselsnummer",
        r"fødselsnummer|fodselsnummer|personnummer",
    ),
    _identity(
        "Brazilian CPF",
        r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{11}",
        "br.cpf",
        r"cpf",
        unnamed=r"[\d.]+-\d{2}",
    ),
    _identity(
        "Indian Aadhaar number",
        r"\d{4}[ -]?\d{4}[ -]?\d{4}",
        "in_.aadhaar",
        r"aadhaar|uidai|aadhar",
    ),
    _identity(
        "Chinese resident identity number",
        r"\d{17}[\dX]",
        "cn.ric",
        r"resident id\w*|身份证\w*",
        telling=True,
    ),
    _identity("Australian tax file number", r"\d{3} ?\d{3} ?\d{3}", "au.tfn", r"tfn|tax file"),
    _identity(
        "Mexican CURP", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d", "mx.curp", r"curp", telling=True
    ),
)
"""What is looked for, in no particular order."""
