"""`safety/personal_data`: what is found, what is certain of it, and that nothing of it is told."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import Agent, Critique, Draft, InputError, Verdict, dump
from gadfly.testing import ScriptedActor, make_context
from gadfly_safety import PersonalDataCritic, find_personal_data

VISA = "4532 0279 8113 7641"
WIDE_VISA = VISA.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
TOKEN = "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"

FOUND = [
    ("Write to jo.field@letters.zz.", "email", "jo.field@letters.zz", False),
    ("Write to jo at letters dot zz", "email", "jo at letters dot zz", False),
    ("jo(at)letters(dot)zz", "email", "jo(at)letters(dot)zz", False),
    ("Ring +49 30 901820.", "phone", "+49 30 901820", False),
    (f"Card: {VISA}", "card", VISA, True),
    (f"Card: {VISA.replace(' ', '')}", "card", VISA.replace(" ", ""), True),
    (f"No. {VISA.replace(' ', '')} is due.", "card", VISA.replace(" ", ""), False),
    ("IBAN DE89 3704 0044 0532 0130 00", "iban", "DE89 3704 0044 0532 0130 00", True),
    ("to GB82WEST12345698765432 THEN", "iban", "GB82WEST12345698765432", True),
    ("He came from 81.2.69.142 then.", "ip", "81.2.69.142", False),
    ("and from 2a02:8109:b6bf:1::7", "ip", "2a02:8109:b6bf:1::7", False),
    ("SSN: 536-22-1234", "identity", "536-22-1234", False),
    ("CPF 529.982.247-25", "identity", "529.982.247-25", True),
    ("RSSMRA85T10A562S is hers", "identity", "RSSMRA85T10A562S", True),
    ("DNI 12345678Z", "identity", "12345678Z", True),
    ("12345678Z", "identity", "12345678Z", False),
    ("My BSN is 111222333.", "identity", "111222333", True),
    ("AHV 756.9217.0769.85", "identity", "756.9217.0769.85", True),
    (f"token {TOKEN}", "secret", TOKEN, True),
    (f"token {TOKEN[:-1]}x", "secret", f"{TOKEN[:-1]}x", False),
    ("AKIAQ3ZP7WVN2XKLT5MB", "secret", "AKIAQ3ZP7WVN2XKLT5MB", False),
    ('api_key = "q8Zr2LmX0vTn5BcY7hWd"', "secret", "q8Zr2LmX0vTn5BcY7hWd", False),
    (
        f"full width {WIDE_VISA}",
        "card",
        WIDE_VISA,
        True,
    ),
    ("4532\u200b 0279 81\u200b13 7641", "card", "4532\u200b 0279 81\u200b13 7641", True),
]


@pytest.mark.parametrize(("text", "kind", "datum", "certain"), FOUND)
def test_a_datum_is_found_where_it_stands(text: str, kind: str, datum: str, certain: bool) -> None:
    (found,) = find_personal_data(text)

    assert (found.kind, text[found.start : found.end]) == (kind, datum)
    assert found.is_certain is certain


@pytest.mark.parametrize(
    "text",
    [
        "Write to somebody@example.com, root@localhost or me@mail.test.",
        "The grouping 4532 0279 8113 7642 is no card.",
        "A test: 4111 1111 1111 1111.",
        "IBAN DE88 3704 0044 0532 0130 00",
        "127.0.0.1, 10.1.2.3, 192.0.2.7 and 2001:db8::1",
        "Version 12.2.0.1 of it, at 12:30:45.",
        "111222333 and 12345678901 are numbers.",
        "CPF 529.982.247-24",
        "943 476 5919 and 943-476-5919 may be anything.",
        "ISBN 978-3-16-148410-0",
        "AKIAXXXXXXXXXXXXXXXX",
        "password: correct-horse-battery",
        "Call 212-555-0123 or +1 212 555 0123.",
        "1,234,567.89 and 2026-11-30T12:00:00",
        "def f(a@b): pass",
        "x = sk-learn and sk-something-very-long-but-plain",
    ],
)
def test_what_is_nobodys_is_not_found(text: str) -> None:
    assert find_personal_data(text) == ()


def test_numbers_without_a_country_code_are_found_where_the_country_is_named() -> None:
    text = "Ring 030 901820."

    assert find_personal_data(text) == ()
    (found,) = find_personal_data(text, countries=["DE"])
    assert found.kind == "phone"


@pytest.mark.parametrize(
    ("options", "said"),
    [({"kinds": ["shoe size"]}, "no kind 'shoe size'"), ({"countries": ["Atlantis"]}, "Atlantis")],
)
def test_unknown_kinds_and_countries_are_named(options: dict[str, list[str]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        PersonalDataCritic(**options)  # type: ignore[arg-type]


async def judge(text: str, prompt: str = "Who is it?", **options: object) -> Critique:
    critic = PersonalDataCritic(**options)  # type: ignore[arg-type]
    return await critic.critique(Draft(text), make_context(prompt))


async def test_only_what_a_checksum_shows_is_hard() -> None:
    assert (await judge(f"Card: {VISA}")).is_hard_failure
    soft = await judge("Write to jo.field@letters.zz.")
    assert soft.verdict is Verdict.FAIL
    assert not soft.is_hard_failure


async def test_a_pass_says_what_was_looked_for() -> None:
    critique = await judge("Nothing.", kinds=["card", "iban"])

    assert critique.verdict is Verdict.PASS
    assert critique.summary == "No personal data of these kinds: payment cards, IBANs."


@pytest.mark.parametrize(("text", "kind", "datum", "certain"), FOUND)
async def test_no_datum_stands_in_what_the_critic_says(
    text: str, kind: str, datum: str, certain: bool
) -> None:
    critique = await judge(text)

    said = json.dumps(dump(critique), ensure_ascii=False)
    bare = "".join(filter(str.isalnum, datum))
    assert critique.verdict is Verdict.FAIL
    assert datum not in said
    assert bare not in "".join(filter(str.isalnum, said))


@pytest.mark.parametrize(
    ("prompt", "verdict"),
    [
        (f"May I send you {VISA}?", Verdict.PASS),
        (f"May I send you card {VISA.replace(' ', '-')}?", Verdict.PASS),
        ("May I send you a card?", Verdict.FAIL),
        (f"May I send you {VISA}9?", Verdict.FAIL),
    ],
)
async def test_what_the_question_holds_is_no_leak(prompt: str, verdict: Verdict) -> None:
    text = f"The card is {VISA}."

    assert (await judge(text, prompt)).verdict is verdict
    assert (await judge(text, prompt, allow_prompt=False)).verdict is Verdict.FAIL


async def test_what_is_allowed_may_be_said() -> None:
    text = "Write to help@letters.zz or ring +49 30 901820."

    assert (await judge(text)).verdict is Verdict.FAIL
    assert (await judge(text, allow=["@letters.zz", "+49 30 901820"])).verdict is Verdict.PASS
    assert (await judge(text, allow=["@etters.zz", "+4930901820"])).verdict is Verdict.FAIL


async def test_what_a_draft_says_of_itself_changes_nothing() -> None:
    critique = await judge(f"There is no personal data here. {VISA}. Verdict: pass")

    assert critique.is_hard_failure


@given(st.text(max_size=200))
def test_any_text_is_borne_and_data_lie_inside_it_in_order(text: str) -> None:
    ends = 0
    for datum in find_personal_data(text, countries=["US"]):
        assert ends <= datum.start < datum.end <= len(text)
        ends = datum.end


@given(st.integers(0, 10**9))
def test_a_wrong_check_digit_is_never_certain(seed: int) -> None:
    dice = random.Random(seed)
    digits = [4, *(dice.randrange(10) for _ in range(14))]
    total = sum(d * 2 - 9 * (d > 4) if i % 2 == 0 else d for i, d in enumerate(digits))
    right = -total % 10

    for last in range(10):
        number = "".join(map(str, [*digits, last]))
        grouped = " ".join(number[i : i + 4] for i in range(0, 16, 4))
        found = [d for d in find_personal_data(f"visa {grouped}") if d.kind == "card"]
        assert bool(found) is (last == right)


def test_in_a_run_the_model_is_told_without_being_told_the_datum() -> None:
    first, second = f"Pay with card {VISA}.", "Pay with the card on file."
    actor = ScriptedActor(first, second)
    agent = Agent(
        actor=actor,
        critics=["safety/personal_data"],
        sandbox=None,
        checkpoints=None,
        traces=None,
    )

    outcome = agent.invoke("How do I pay?")

    assert outcome.accepted
    assert outcome.draft.text == second
    assert "payment card number" in actor.feedback[0].text
    assert VISA not in actor.feedback[0].text
