"""A report card is what a person would count by hand, and no critic sees what it is counted by."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import InputError, OracleError, Plugins
from gadfly._cards import shelf
from gadfly._cards.card import Card
from gadfly._cards.data import read_data
from gadfly._cards.fields import LabelledFields
from gadfly._cards.injections import PHRASES, injected
from gadfly._cards.measuring import Measurement
from gadfly._cards.mutants import KINDS, mutants
from gadfly._cards.rates import Rate, clustered
from gadfly._cards.source import find_code, shape
from gadfly._experiment.statistics import wilson
from gadfly.testing import install_plugin

PLUGIN = """
import gc, json, os
from gadfly import Critique, Finding, Hardness, Reference, Verdict, critic, dump, hookimpl

def judge(text):
    if "bad" in text:
        return Critique(Verdict.FAIL, findings=(Finding("it is bad", Hardness.HARD),))
    return Critique(Verdict.PASS if "good" in text else Verdict.ABSTAIN)

def words():
    @critic(name="words", inline=True)
    def words(draft, context):
        return judge(draft.text)
    return words

def foolish():
    @critic(name="foolish", inline=True)
    def foolish(draft, context):
        # As a model does that is told what to answer.
        return Critique(Verdict.PASS) if "PASS" in draft.text else judge(draft.text)
    return foolish

def breaks():
    @critic(name="breaks", inline=True)
    def breaks(draft, context):
        if "fragile" in draft.text:
            raise RuntimeError("the instrument is unplugged")
        return judge(draft.text)
    return breaks

def moody():
    said = []
    @critic(name="moody", inline=True)
    def moody(draft, context):
        said.append(draft.text)
        return Critique(Verdict.FAIL, findings=(Finding(f"objection {len(said)}"),))
    return moody

def seen(draft, context):
    found = {"task": dump(context.task), "draft": dump(draft), "earlier": dump(context.earlier)}
    with open(os.environ["PROBE_SEEN"], "a") as file:
        file.write(json.dumps(found) + "\\n")

def spies():
    @critic(name="spies", inline=True)
    def spies(draft, context):
        seen(draft, context)
        return judge(draft.text)
    return spies

def digs():
    @critic(name="digs")
    def digs(draft, context):
        seen(draft, context)
        # All that its process holds, not just what it was given.
        held = [thing for thing in gc.get_objects() if isinstance(thing, Reference)]
        texts = [t for d in gc.get_objects() if type(d) is dict for t in d.values()]
        secret = "".join(reversed("aggauq"))
        leaked = [t for t in texts if isinstance(t, str) and secret in t]
        return Critique(Verdict.FAIL if held or leaked else Verdict.PASS, f"{held} {leaked}")
    return digs

@hookimpl
def register_critics(register):
    for factory in (words, foolish, breaks, moody, spies, digs):
        register(factory.__name__, factory)
"""


@contextmanager
def unwatched(what: str, total: int) -> Generator[Any]:
    yield lambda n: None


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    site = install_plugin(tmp_path / "site", "probe", PLUGIN)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("PROBE_SEEN", str(tmp_path / "seen.jsonl"))
    return Plugins.discover()


def write(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows(*drafts: tuple[str, bool | None], **more: object) -> list[dict[str, object]]:
    """Rows of which each two are of one problem."""
    return [
        {"prompt": f"{n // 2}?", "response": text, "correct": label, "gid": f"g{n // 2}"} | more
        for n, (text, label) in enumerate(drafts)
    ]


@pytest.fixture
def measure(tmp_path: Path, plugins: Plugins) -> Any:
    def run(critic: str, some: Sequence[Mapping[str, object]], **how: Any) -> Card:
        fields = LabelledFields(group=how.pop("group", None))
        data = read_data(write(tmp_path / "data.jsonl", some), fields)
        options: Any = {"sandbox": None, "plugins": plugins, "workers": 1}
        return Measurement(critic=f"probe/{critic}", data=data, how=options, **how).run(unwatched)

    return run


# --------------------------------------------------------------------------------- intervals


def test_with_one_draft_a_problem_the_interval_is_wilsons() -> None:
    rate = clustered([(str(n), n < 81) for n in range(263)])

    # Newcombe (1998), as in test_statistics.
    assert (rate.count, rate.of) == (81, 263)
    assert (round(rate.low, 4), round(rate.high, 4)) == (0.2553, 0.3662)


def test_drafts_that_are_alike_count_as_one() -> None:
    # Ten problems of five drafts each that all share their fate: worth as much as ten drafts.
    alike = clustered([(str(n), n < 3) for n in range(10) for _ in range(5)])
    mixed = clustered([(str(n % 10), n < 15) for n in range(50)])

    once = wilson(3, 10)
    assert alike.share == mixed.share == 0.3
    # The design effect is (10 / 9) * (10 * 25 * 0.21 / 2500) / (0.21 / 49) = 5.44: worth nine.
    assert wilson(0.3 * 9, 9).low == pytest.approx(alike.low)
    assert alike.high - alike.low > once.high - once.low > mixed.high - mixed.low


def test_where_all_are_the_same_each_problem_counts_once() -> None:
    rate = clustered([(str(n % 20), False) for n in range(200)])

    assert rate.share == 0.0
    assert round(rate.high, 4) == 0.1611  # 0 of 20


def test_of_nothing_the_interval_is_everything() -> None:
    assert clustered([]) == Rate(count=0, of=0, share=0.0, low=0.0, high=1.0)
    assert str(clustered([])) == "-"


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), min_size=1, max_size=60))
def test_an_interval_holds_its_share(outcomes: list[tuple[str, bool]]) -> None:
    rate = clustered(outcomes)

    assert 0.0 <= rate.low <= rate.share <= rate.high <= 1.0
    # Never narrower than if all were independent.
    plain = wilson(rate.count, rate.of)
    assert rate.high - rate.low >= plain.high - plain.low - 1e-9


# -------------------------------------------------------------------------------------- data


def test_the_usual_names_are_found_and_the_digest_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl.gz"
    row = {"id": "a", "gid": "g", "question": "?", "steps": ["one", "two"], "correct": False}
    text = json.dumps(row | {"first_error_index": 1}) + "\n"
    path.write_bytes(gzip.compress(text.encode()))

    data = read_data(path, LabelledFields())

    (subject,) = data.subjects
    assert (subject.prompt, subject.text) == ("?", "one\ntwo")
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert data.known[subject.id].steps == (0, 4)
    assert data.references[subject.id].gold == {"correct": False, "first_error": 1}


def test_names_can_be_given_and_rows_dropped(tmp_path: Path) -> None:
    path = write(
        tmp_path / "data.jsonl",
        [
            {"q": "a?", "a": "x", "ok": True, "code": "f", "odd": False, "wrong_step": None},
            {"q": "b?", "a": "y\n\nz", "ok": None, "code": "g", "odd": False, "wrong_step": 2},
            {"q": "c?", "a": "z", "ok": True, "code": "h", "odd": True, "wrong_step": 1},
        ],
    )
    fields = LabelledFields(
        prompt="q",
        draft="a",
        label="ok",
        drop="odd",
        first_error="wrong_step",
        inputs={"given": "code"},
    )

    data = read_data(path, fields)

    assert [subject.inputs for subject in data.subjects] == [{"given": "f"}, {"given": "g"}]
    golds = [data.references[subject.id].gold for subject in data.subjects]
    assert golds == [{"correct": True, "first_error": None}, {"correct": None, "first_error": 1}]
    assert data.known[data.subjects[1].id].steps == (0, 3)
    assert {known.problem for known in data.known.values()} == {"a?", "b?"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("[1]", "data.jsonl:1: a row is an object", id="no-object"),
        pytest.param("{", "data.jsonl:1: not JSON", id="no-json"),
        pytest.param('{"prompt": "?", "correct": true}', "no field 'draft' or", id="no-draft"),
        pytest.param('{"prompt": "?", "draft": "x"}', "1: no field 'correct'", id="no-label"),
        pytest.param(
            '{"prompt": "?", "draft": "x", "correct": "yes"}', "must be true, false or", id="label"
        ),
        pytest.param('{"prompt": " ", "draft": "x", "correct": true}', "is empty", id="prompt"),
        pytest.param('{"prompt": "?", "draft": 1, "correct": true}', "a list of", id="draft"),
        pytest.param(
            '{"prompt": "?", "draft": "x", "correct": true, "first_error_step": 0}',
            "must be a step's number",
            id="step",
        ),
        pytest.param("", "holds no rows", id="empty"),
    ],
)
def test_a_wrong_row_is_named_by_its_place(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(row)

    with pytest.raises(InputError, match=message):
        read_data(path, LabelledFields())


def test_a_part_is_of_as_many_problems_as_can_be_and_always_the_same(tmp_path: Path) -> None:
    some = [
        {"prompt": "?", "draft": str(n), "correct": True, "gid": f"g{n // 5}"} for n in range(100)
    ]
    path = write(tmp_path / "data.jsonl", some)

    part, larger = (read_data(path, LabelledFields(), limit) for limit in (10, 30))

    texts = [subject.text for subject in part.subjects]
    assert texts == [subject.text for subject in larger.subjects][:10]
    problems = [larger.known[subject.id].problem for subject in larger.subjects]
    # Drawn at random, and not each problem's first draft.
    assert problems[:20] != sorted(problems[:20]) and {int(text) % 5 for text in texts} != {0}
    # All of the twenty problems have their first draft before one has its second.
    assert len(set(problems[:20])) == 20 and len(set(problems[20:])) == 10


def test_rows_are_chosen_by_the_values_of_fields(tmp_path: Path) -> None:
    some = [
        {
            "prompt": "?",
            "draft": str(n),
            "correct": True,
            "task": task,
            "split": n % 2,
            "odd": n == 4,
        }
        for n, task in enumerate("abcabc")
    ]
    fields = LabelledFields(where={"task": ("a", "b"), "split": (0,)}, drop="odd")

    data = read_data(write(tmp_path / "data.jsonl", some), fields)

    # 1 and true are two things, 0 and false too.
    assert [subject.text for subject in data.subjects] == ["0"]
    with pytest.raises(InputError, match="no rows that are asked for"):
        read_data(tmp_path / "data.jsonl", LabelledFields(where={"split": (False,)}))
    with pytest.raises(InputError, match=r"data.jsonl:1: no field 'half'"):
        read_data(tmp_path / "data.jsonl", LabelledFields(where={"half": (0,)}))


def test_a_label_may_be_any_value(tmp_path: Path) -> None:
    labels = ["SUPPORTS", "REFUTES", None]
    path = write(
        tmp_path / "data.jsonl",
        [{"prompt": "?", "draft": "x", "label": label, "toxic": not label} for label in labels],
    )

    def golds(fields: LabelledFields) -> list[object]:
        golds: list[Any] = [one.gold for one in read_data(path, fields).references.values()]
        return [gold["correct"] for gold in golds]

    assert golds(LabelledFields(label="label", right="SUPPORTS")) == [True, False, None]
    assert golds(LabelledFields(label="toxic", right=False)) == [True, True, False]


def test_what_a_row_lacks_is_taken_from_its_task(tmp_path: Path) -> None:
    tasks = write(
        tmp_path / "tasks.jsonl",
        [
            {"gid": "a", "id": "t1", "prompt": "Write a.", "test": "assert a", "gold_code": "a"},
            {"gid": "b", "id": "t2", "prompt": "Write b.", "test": "assert b", "gold_code": "b"},
        ],
    )
    drafts = [{"id": n, "gid": gid, "response": "x", "correct": True} for n, gid in enumerate("ba")]
    path = write(tmp_path / "data.jsonl", drafts)
    inputs: dict[str, str | tuple[str, ...]] = {"tests": ("test",), "test": "test"}

    data = read_data(path, LabelledFields(inputs=inputs), tasks=tasks)

    assert [subject.prompt for subject in data.subjects] == ["Write b.", "Write a."]
    assert data.subjects[0].inputs == {"tests": ["assert b"], "test": "assert b"}
    # What both have is the row's own.
    assert [known.name for known in data.known.values()] == ["0", "1"]
    assert data.tasks == hashlib.sha256(tasks.read_bytes()).hexdigest()
    with pytest.raises(OracleError, match="'gold_code' is a gold field"):
        read_data(path, LabelledFields(inputs={"code": ("gold_code",)}), tasks=tasks)


@pytest.mark.parametrize(
    ("gids", "message"),
    [
        pytest.param("ab", r"data.jsonl:1: there is no task with gid 'c'", id="missing"),
        pytest.param("aca", r"tasks.jsonl:3: a second task with gid 'a'", id="twice"),
    ],
)
def test_a_row_has_one_task(tmp_path: Path, gids: str, message: str) -> None:
    tasks = write(tmp_path / "tasks.jsonl", [{"gid": gid, "prompt": "?"} for gid in gids])
    path = write(tmp_path / "data.jsonl", [{"gid": "c", "draft": "x", "correct": True}])

    with pytest.raises(InputError, match=message):
        read_data(path, LabelledFields(), tasks=tasks)


# ---------------------------------------------------------------------------------- firewall

SECRET = [
    {
        "id": "row-1-wrong-quagga",
        "gid": "quagga",
        "prompt": "What?",
        "response": "good",
        "signature": "f(x)",
        "correct": False,
        "gold": "quagga",
        "first_error_step": 1,
    }
]


@pytest.mark.parametrize("critic", ["spies", "digs"])
def test_a_spying_critic_sees_no_label(
    tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch, critic: str
) -> None:
    data = read_data(
        write(tmp_path / "data.jsonl", SECRET), LabelledFields(inputs={"given": "signature"})
    )
    how: Any = {"sandbox": None, "plugins": plugins, "workers": 1}

    card = Measurement(critic=f"probe/{critic}", data=data, how=how).run(unwatched)

    seen = [json.loads(line) for line in (tmp_path / "seen.jsonl").read_text().splitlines()]
    assert seen
    for found in seen:
        assert set(found["task"]) == {"prompt", "id", "inputs"}
        assert found["task"]["inputs"] == {"given": "f(x)"}
        assert "quagga" not in json.dumps(found) and "wrong" not in json.dumps(found)
    # It found nothing else in its process either, and was scored by what it never saw.
    assert card.rates.verdicts == {"pass": 1}
    assert card.false_accepts == ("row-1-wrong-quagga",)


@pytest.mark.parametrize("field", ["correct", "first_error_step", "gold"])
def test_a_label_is_refused_as_an_input(tmp_path: Path, field: str) -> None:
    path = write(tmp_path / "data.jsonl", SECRET)

    with pytest.raises(OracleError, match="a critic must never see it"):
        read_data(path, LabelledFields(inputs={"given": field}))
    with pytest.raises(OracleError):
        read_data(path, LabelledFields(draft=field))
    with pytest.raises(OracleError):
        read_data(path, LabelledFields(inputs={"given": ("signature", field)}))


# ------------------------------------------------------------------------------------- cards


def test_a_card_is_what_one_counts_by_hand(measure: Any) -> None:
    card = measure(
        "words",
        rows(
            ("good", True),
            ("good too", True),
            ("good but wrong", False),
            ("bad", False),
            ("bad but right", True),
            ("whatever", False),
            ("good, who knows", None),
        ),
    )

    rates = card.rates
    assert (rates.drafts, rates.problems, rates.right, rates.wrong) == (7, 4, 3, 3)
    assert rates.verdicts == {"pass": 4, "fail": 2, "abstain": 1}
    counts = {
        name: (rate.count, rate.of)
        for name in ("coverage", "false_accepts", "false_rejects", "passes", "fails", "errors")
        if (rate := getattr(rates, name))
    }
    assert counts == {
        "coverage": (6, 7),
        "false_accepts": (1, 3),
        "false_rejects": (1, 3),
        "passes": (2, 3),
        "fails": (1, 2),
        "errors": (0, 7),
    }
    assert (card.false_accepts, card.false_rejects) == (("3",), ("5",))
    assert (card.repeats.count, card.repeats.of) == (7, 7)
    assert card.injections.passed.of == 5 * 3 and card.injections.passed.count == 0
    assert card.version == "gadfly-probe 1.0"
    assert card.data.name == "data.jsonl" and card.setting["sandbox"] == {}


def test_a_critic_that_breaks_counts_as_errors_not_as_rejects(measure: Any) -> None:
    card = measure(
        "breaks", rows(("good", True), ("fragile", True), ("bad", False), ("good", True))
    )

    rates = card.rates
    assert (rates.errors.count, rates.errors.of) == (1, 4)
    assert (rates.coverage.count, rates.coverage.of) == (3, 4)
    assert (rates.false_rejects.count, rates.false_rejects.of) == (0, 2)
    assert card.errors == ("RuntimeError: the instrument is unplugged",)


def test_a_critic_that_is_talked_round_is_counted(measure: Any) -> None:
    drafts = [(f"bad {n}", False) for n in range(6)]

    card = measure("foolish", rows(*drafts))

    # Half of the phrases have the word, and in six drafts each comes to each place once.
    assert sum("PASS" in phrase for phrase in PHRASES) == 3
    assert card.injections.passed.of == 6 * 5
    assert card.injections.passed.count == 3 * 5
    assert card.injections.by_place["after the draft"] == (3, 6)
    assert measure("words", rows(*drafts)).injections.passed.count == 0


def test_mutants_that_are_passed_are_counted_by_what_was_changed(measure: Any) -> None:
    card = measure("words", rows(("It is good. There are 3.", True), ("A bad one is 3.", True)))

    # The critic looks for one word: only the sentence with it is missed.
    kinds = card.mutants.by_kind
    assert set(kinds) == {"number", "sentence negated", "sentence left out"}
    assert kinds["number"] == kinds["sentence negated"] == (0, 1)
    assert kinds["sentence left out"] == (1, 1)


def test_a_critic_that_says_something_else_the_second_time_is_found_out(measure: Any) -> None:
    card = measure("moody", rows(("a", True), ("b", False)))

    assert (card.repeats.count, card.repeats.of) == (0, 2)


def test_the_rates_of_groups_are_those_of_their_drafts(measure: Any) -> None:
    some = [*rows(("good", True), ("bad", False), task="x"), *rows(("good", False), task="y")]

    card = measure("words", some, group="task")

    accepts = {name: (g.false_accepts.count, g.drafts) for name, g in card.groups.items()}
    assert accepts == {"x": (0, 2), "y": (1, 1)}


def test_a_card_survives_being_kept(measure: Any, tmp_path: Path) -> None:
    card = measure("words", rows(("good", True), ("bad", False)))

    path = shelf.keep(card)

    assert shelf.read(path) == [card]
    newer = replace(card, measured="2999-01-01T00:00:00+00:00")
    shelf.keep(newer)
    assert shelf.newest("probe") == {"probe/words": newer}


def test_a_damaged_card_hides_no_other(
    measure: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    path = shelf.keep(measure("words", rows(("good", True), ("bad", False))))
    path.with_name("9999.json").write_text("{}")

    assert list(shelf.newest("probe")) == ["probe/words"]
    assert "a report card is left out" in caplog.text
    with pytest.raises(InputError, match="holds no report cards"):
        shelf.read(path.with_name("9999.json"))


def test_what_got_worse_is_named_and_what_is_within_the_interval_is_not(measure: Any) -> None:
    drafts = [("good", True)] * 30 + [("bad", False)] * 30
    before = measure("words", rows(*((f"{text} {n}", ok) for n, (text, ok) in enumerate(drafts))))
    changed = [(f"{'good' if n > 50 else text} {n}", ok) for n, (text, ok) in enumerate(drafts)]
    worse = measure("words", rows(*changed))
    hardly = replace(
        before,
        rates=replace(
            before.rates, false_rejects=clustered([("a", True)] * 1 + [("b", False)] * 29)
        ),
    )

    assert list(shelf.regressions(before, before)) == []
    assert list(shelf.regressions(hardly, before)) == []
    (text,) = shelf.regressions(worse, before)
    assert text.startswith("probe/words: false accepts rose from 0.0% [0.0%, ")


def test_a_better_critic_is_no_regression(measure: Any) -> None:
    drafts = [("?", True), ("good", False), ("bad", True), ("x", False)] * 6
    before = measure("words", rows(*((f"{text} {n}", ok) for n, (text, ok) in enumerate(drafts))))
    better = measure(
        "words", rows(*((f"{'good' if ok else 'bad'} {n}", ok) for n, (_, ok) in enumerate(drafts)))
    )

    assert list(shelf.regressions(better, before)) == []
    assert [text.split(": ")[1][:13] for text in shelf.regressions(before, better)] == [
        "coverage fell",
        "false accepts",
        "false rejects",
    ]


# ------------------------------------------------------------------------------ second looks

PROGRAM = '''\
"""Legs."""

def legs(cats, *, each=4):
    if cats < 0 and each == 4:
        return 0
    return cats * each


@print
def twice():
    return """
# not a comment
"""

total = legs(3)
ans = total + 10
'''
FENCED = f"We compute it.\n\n```python\n{PROGRAM}```\n\nThe answer is 22. It is not 23."
PROSE = "Mia has 12 apples. She eats 3, so 12 - 3 = 9 are left.\nThe answer is 9."


@pytest.mark.parametrize("draft", [PROGRAM, FENCED, PROSE, "Paris", "42", ""])
def test_every_phrase_comes_to_every_place(draft: str) -> None:
    found = [(name, text) for turn in range(len(PHRASES)) for name, text in injected(draft, turn)]

    places = {name for name, _ in found}
    assert len(places) == {PROGRAM: 4, FENCED: 9}.get(draft, 5)
    for place in places:
        texts = [text for name, text in found if name == place]
        assert [sum(phrase in text for text in texts) for phrase in PHRASES] == [1] * len(PHRASES)


def test_a_program_stays_what_it_was() -> None:
    for draft in (PROGRAM, FENCED):
        code = find_code(draft)
        assert code is not None and code.text == PROGRAM
        for place, text in injected(draft, 0):
            after = find_code(text)
            assert after is not None
            if not place.startswith("string"):
                assert shape(after.text) == shape(PROGRAM), place


@pytest.mark.parametrize(
    ("draft", "kinds"),
    [
        (PROGRAM, {"number in code", "operator in code"}),
        (FENCED, set(KINDS) - {"operator"}),
        (PROSE, {"number", "operator", "sentence negated", "sentence left out"}),
        ("Paris", set[str]()),
    ],
)
def test_a_mutant_is_another_draft_and_the_same_for_the_same_seed(
    draft: str, kinds: set[str]
) -> None:
    found = dict(mutants(draft, "seed"))

    assert set(found) == kinds
    assert draft not in found.values()
    assert found == dict(mutants(draft, "seed"))
    for kind, text in found.items():
        code = find_code(text)
        if kind.endswith("in code"):
            assert code is not None and shape(code.text) != shape(PROGRAM)
        elif draft == FENCED:
            assert code is not None and code.text == PROGRAM


@given(st.text(alphabet=st.sampled_from("ab1 .=+*<>()[]:\n\r\t\f#'\"`\\python\x00é"), max_size=80))
def test_any_text_can_be_injected_and_mutated(draft: str) -> None:
    for _, text in [*injected(draft, 3), *mutants(draft, "seed")]:
        assert text != draft
