"""Values to plain JSON data and back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gadfly
from gadfly import (
    Artifact,
    Budget,
    Critique,
    Draft,
    Ended,
    Event,
    EventKind,
    Evidence,
    Finding,
    Hardness,
    InputError,
    Isolation,
    Job,
    JobResult,
    Level,
    Limits,
    Message,
    Outcome,
    Reply,
    Span,
    Stopped,
    Task,
    Usage,
    Verdict,
    digest,
    dump,
    load,
)
from gadfly._values.codec import decode_json, dump_dict

texts = st.text(max_size=8)
counts = st.integers(0, 2**40)
seconds = st.floats(0, 1e6, allow_nan=False)
plain: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
plain_maps = st.dictionaries(texts, plain, max_size=3)
text_maps = st.dictionaries(texts, texts, max_size=3)
paths = st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5})?", fullmatch=True)

drafts = st.builds(Draft, texts, counts, st.none() | counts, texts)
tasks = st.builds(Task, prompt=texts.filter(str.strip), id=texts, inputs=plain_maps)
spans = st.builds(Span, counts, st.none() | counts, st.none() | counts)
findings = st.builds(
    Finding, texts, st.sampled_from(Hardness), st.none() | spans, st.none() | texts
)
evidence = st.builds(
    Evidence, id=texts, tool=texts, request=plain_maps, observation=plain_maps, versions=text_maps
)
critiques = st.builds(
    Critique,
    st.sampled_from(Verdict),
    texts,
    st.lists(findings, max_size=2).map(tuple),
    st.lists(evidence, max_size=2).map(tuple),
    st.none() | st.floats(0, 1),
    st.none() | texts,
)
limits = st.builds(
    Limits,
    wall_seconds=st.floats(0.1, 1e3),
    memory_mib=st.integers(1, 9999),
    network=st.booleans(),
)
jobs = st.builds(
    Job,
    st.lists(texts, min_size=1, max_size=3).map(tuple),
    files=st.dictionaries(paths, texts, max_size=2),
    stdin=texts,
    collect=st.lists(paths, max_size=2).map(tuple),
    limits=limits,
)
isolations = st.builds(
    Isolation, sandbox=texts, level=st.sampled_from(Level), network=texts, details=plain_maps
)
results = st.builds(
    JobResult,
    ended=st.sampled_from(Ended),
    exit_code=st.none() | counts,
    signal=st.none() | counts,
    stdout=texts,
    truncated=st.booleans(),
    files=text_maps,
    rejected=text_maps,
    wall_seconds=seconds,
    isolation=st.none() | isolations,
)
usages = st.builds(Usage, model_calls=counts, prompt_tokens=counts, sandbox_seconds=seconds)
outcomes = st.builds(
    Outcome,
    run=texts,
    task=tasks,
    draft=drafts,
    stopped=st.sampled_from(Stopped),
    critiques=st.dictionaries(texts, critiques, max_size=2),
    drafts=st.lists(drafts, max_size=2).map(tuple),
    usage=usages,
    seconds=seconds,
)
values = st.one_of(
    tasks,
    drafts,
    critiques,
    jobs,
    results,
    outcomes,
    usages,
    st.builds(Budget, rounds=counts, tokens=st.none() | counts, seconds=st.none() | seconds),
    st.builds(Artifact, kind=texts, text=texts, start=counts),
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts),
    st.builds(Reply, text=texts, prompt_tokens=counts),
    st.builds(Event, kind=st.sampled_from(EventKind), run=texts, data=plain_maps, at=seconds),
)


@given(values)
def test_every_value_comes_back_from_json_text(value: object) -> None:
    text = json.dumps(dump(value), allow_nan=False)

    assert load(type(value), decode_json(text)) == value


@given(values)
def test_the_plain_form_stays_as_it_is(value: object) -> None:
    form = dump(value)

    assert dump(form) == form
    assert digest(value) == digest(form)


@given(plain_maps)
def test_a_digest_does_not_depend_on_the_order_of_keys(mapping: Mapping[str, Any]) -> None:
    backwards = dict(reversed(list(mapping.items())))

    assert digest(mapping) == digest(backwards)


DIGEST = "e8af8dafade3cc703e303d8c885b35d9"
"""Recorded traces hold digests: a change here makes old evidence unrecognisable."""


def test_a_digest_is_the_same_in_every_process_and_version() -> None:
    job = Job(("python", "-c", "print('\u00e9')"), files={"a/b.txt": "1"})
    script = (
        "from gadfly import Job, digest;"
        "print(digest(Job(('python', '-c', \"print('\\u00e9')\"), files={'a/b.txt': '1'})))"
    )

    elsewhere = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()

    assert digest(job) == elsewhere == DIGEST


@given(values, values)
def test_different_values_have_different_digests(a: object, b: object) -> None:
    same_text = json.dumps(dump(a), sort_keys=True) == json.dumps(dump(b), sort_keys=True)

    assert (digest(a) == digest(b)) is same_text


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        pytest.param(Draft, {"text": 5}, r"not a Draft: text", id="wrong-type"),
        pytest.param(Draft, {}, r"not a Draft: text: ", id="missing-field"),
        pytest.param(Critique, {"verdict": "maybe"}, r"not a Critique: verdict", id="no-member"),
        pytest.param(
            Critique,
            {"verdict": "fail", "findings": [{"message": "x", "hardness": 7}]},
            r"not a Critique: findings\.0\.hardness",
            id="nested",
        ),
        pytest.param(Critique, {"verdict": "pass", "score": 3}, r"between 0 and 1", id="rule"),
        pytest.param(Task, None, r"not a Task: it", id="nothing"),
        pytest.param(Job, {"argv": ["x"], "files": {"../x": ""}}, r"'\.\./x'", id="path"),
    ],
)
def test_what_is_not_a_value_is_refused_with_its_place(
    kind: type[object], data: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load(kind, data)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(object(), id="object"),
        pytest.param({"a": [b"bytes"]}, id="nested-bytes"),
        pytest.param({"a"}, id="set"),
        pytest.param(float("nan"), id="nan"),
        pytest.param([float("inf")], id="infinity"),
        pytest.param(Draft, id="a-class"),
    ],
)
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="JSON-able"):
        dump(value)


def test_only_mappings_and_values_have_a_dict_form() -> None:
    assert dump_dict(Message("user", "hi")) == {"role": "user", "text": "hi"}
    with pytest.raises(InputError, match="list has no dict form"):
        dump_dict([1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "column 1", id="empty"),
        pytest.param('{"a": }', "column 7", id="broken"),
        pytest.param("[NaN]", "NaN is not JSON", id="nan"),
        pytest.param("-Infinity", "-Infinity is not JSON", id="infinity"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
    ],
)
def test_json_is_read_strictly(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode_json(text)


def test_every_public_value_type_is_tried_here() -> None:
    """A new value has to join the round trip above."""
    tried = {
        "Artifact", "Budget", "Critique", "Draft", "Event", "Evidence", "Finding", "Isolation",
        "Job", "JobResult", "Limits", "Message", "Outcome", "Reply", "Span", "Task", "Usage",
    }  # fmt: skip
    homes = ("budget", "critique", "job", "outcome", "task")
    public = {
        name
        for home in homes
        for name in gadfly._HOMES[f"_values.{home}"]
        if hasattr(getattr(gadfly, name), "__dataclass_fields__")
    }

    assert public - {"Reference"} == tried
