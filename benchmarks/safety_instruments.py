"""How good the instruments of gadfly-safety are.

    python benchmarks/safety_instruments.py [--data FOLDER]

lexicon     the word list against recorded toxicity scores of web sentences, at two thresholds and
            for one and two listed words; and on each half, because the list was revised after
            a look at the first one, and never on the second
classifier  a small classifier, trained from nothing on one half of the same sentences (split by
            prompt) and read through `ClassifierMeter` on the other half, both ways round; it shows
            that the port works, not how good a classifier can be: 300 sentences teach little
rewrites    made from toxic sentences: without their listed words (to be kept), and three sorts that
            lose content (to be turned down)
personal    data made here with right and wrong checksums by code of its own, in sentences; and
            false alarms on recorded prose, where no datum is expected

The gold scores are read by the scorer only, and by the classifier's training on the half that it is
not tested on. Intervals of 95 %: Wilson; for the area under the curve a bootstrap. What comes out
is printed, and written as JSON beside this file.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import string
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import phonenumbers
from figures import percent, read_rows, wilson

from gadfly_safety import (
    ClassifierMeter,
    LexiconMeter,
    Meter,
    compare_rewrite,
    find_personal_data,
)

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
SEED = 20261130
MADE = 500
"""Data of each kind, right ones and wrong ones."""
ATTRIBUTES = ("toxicity", "profanity", "insult", "threat", "identity_attack", "sexually_explicit")
Row = dict[str, Any]


def main() -> int:
    """Run the benchmark; the exit status says whether the figures that are promised are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded data")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    arguments = parser.parse_args()
    recorded = _read(arguments.data, "toxicity_continuations")
    # A few sentences have no recorded score of one attribute or another.
    rows = [row for row in recorded if None not in row["scores"].values()]
    report: Row = {
        "sentences": len(rows),
        "without_scores": len(recorded) - len(rows),
        "lexicon": _by_meter(LexiconMeter(), rows, (0.5, 0.75)),
        "lexicon_by_half": [
            _by_meter(LexiconMeter(), [row for row in rows if _half(row) == side], (0.5,))[0]
            for side in (0, 1)
        ],
        "classifier": _by_classifier(rows),
        "rewrites": _rewrites(rows),
        "personal": _personal(),
        "false_alarms": [
            _false_alarms(name, _read(arguments.data, name))
            for name in ("toxicity_continuations", "gsm8k_oai", "factool_claims")
        ],
    }
    arguments.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    _print(report)
    print(f"written to {arguments.report}")
    precision = report["lexicon"][0]["precision"][0]
    return (
        0 if precision >= 0.75 and all(row["as_made"][0] == 1 for row in report["personal"]) else 1
    )


def _read(folder: Path, name: str) -> list[Row]:
    return read_rows(folder / "recorded" / f"{name}.jsonl.gz")


def _half(row: Row) -> int:
    return int(hashlib.sha256(row["gid"].encode()).hexdigest(), 16) % 2


def _by_meter(meter: Meter, rows: Sequence[Row], thresholds: Sequence[float]) -> list[Row]:
    """What the meter finds against what was scored toxic, for each pair of thresholds."""
    scores = [meter.read(row["response"]).score for row in rows]
    return [
        _agreement(scores, rows, gold, threshold) for gold in (0.5, 0.8) for threshold in thresholds
    ]


def _agreement(scores: Sequence[float], rows: Sequence[Row], gold: float, threshold: float) -> Row:
    toxic = [row["scores"]["toxicity"] >= gold for row in rows]
    found = [score >= threshold for score in scores]
    both = sum(a and b for a, b in zip(toxic, found, strict=True))
    clean = len(toxic) - sum(toxic)
    return {
        "gold": gold,
        "threshold": threshold,
        "toxic": sum(toxic),
        "found": sum(found),
        "right": both,
        "precision": wilson(both, sum(found)),
        "recall": wilson(both, sum(toxic)),
        "false_alarms": wilson(sum(found) - both, clean),
    }


def _by_classifier(rows: Sequence[Row]) -> Row:
    """Train on one half, test on the other, both ways; the halves share no prompt."""
    half = [_half(row) for row in rows]
    scores = [0.0] * len(rows)
    with tempfile.TemporaryDirectory() as place:
        for side in (0, 1):
            folder = Path(place) / f"trained-on-{side}"
            _train(folder, [row for row, own in zip(rows, half, strict=True) if own == side])
            meter = ClassifierMeter(folder, labels=["toxicity"], device="cpu")
            for index, row in enumerate(rows):
                if half[index] != side:
                    scores[index] = meter.read(row["response"]).score
    agreement = [_agreement(scores, rows, 0.5, threshold) for threshold in (0.4, 0.5)]
    toxic = [bool(row["toxic"]) for row in rows]
    return {
        "trained_on": [half.count(0), half.count(1)],
        "area": _area_interval(scores, toxic),
        "area_of_the_word_list": _area_interval(
            [LexiconMeter().read(row["response"]).score for row in rows], toxic
        ),
        "at": agreement,
    }


def _train(folder: Path, rows: Sequence[Row]) -> None:
    """Write a one-layer classifier with a head of several labels, trained on soft targets."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    texts = [row["response"] for row in rows]
    inner = cast("Any", Tokenizer)(cast("Any", models).BPE(unk_token="[UNK]"))  # noqa: S106 - a token of a vocabulary
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    inner.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=1500, special_tokens=special, show_progress=False)
    )
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = cast("Any", PreTrainedTokenizerFast)(
        tokenizer_object=inner,
        pad_token="[PAD]",  # noqa: S106 - a token of a vocabulary
        unk_token="[UNK]",  # noqa: S106 - a token of a vocabulary
        cls_token="[CLS]",  # noqa: S106 - a token of a vocabulary
        sep_token="[SEP]",  # noqa: S106 - a token of a vocabulary
    )
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    config = BertConfig(
        vocab_size=inner.get_vocab_size(),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=258,
        hidden_dropout_prob=0.3,
        attention_probs_dropout_prob=0.0,
        pad_token_id=0,
        problem_type="multi_label_classification",
        id2label=dict(enumerate(ATTRIBUTES)),
        label2id={name: number for number, name in enumerate(ATTRIBUTES)},
    )
    model = cast("Any", BertForSequenceClassification)(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    targets = torch.tensor([[row["scores"][name] for name in ATTRIBUTES] for row in rows])
    dice = random.Random(SEED)
    order = list(range(len(rows)))
    model.train()
    for _ in range(20):
        dice.shuffle(order)
        for first in range(0, len(order), 32):
            some = order[first : first + 32]
            batch = tokenizer([texts[i] for i in some], padding=True, return_tensors="pt")
            batch.pop("token_type_ids", None)
            loss = model(**batch, labels=targets[some]).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _area(scores: Sequence[float], toxic: Sequence[bool]) -> float:
    """The chance that a toxic sentence scores above another one; equals count half."""
    below = good = 0.0
    pairs = sorted(zip(scores, toxic, strict=True))
    for _, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        same = [is_toxic for _, is_toxic in group]
        others = len(same) - sum(same)
        good += sum(same) * (below + others / 2)
        below += others
    return good / (sum(toxic) * (len(toxic) - sum(toxic)))


def _area_interval(scores: Sequence[float], toxic: Sequence[bool]) -> list[float]:
    dice = random.Random(SEED)
    again: list[float] = []
    for _ in range(300):
        some = dice.choices(range(len(scores)), k=len(scores))
        again.append(_area([scores[index] for index in some], [toxic[index] for index in some]))
    again.sort()
    return [round(value, 4) for value in (_area(scores, toxic), again[7], again[292])]


def _rewrites(rows: Sequence[Row]) -> list[Row]:
    """Rewrites of toxic sentences whose right fate is known by how they were made."""
    meter, dice = LexiconMeter(), random.Random(SEED)
    toxic = [row["prompt"] + row["response"] for row in rows if row["toxic"]]
    toxic = [text for text in toxic if meter.read(text).passages]
    kept: Counter[str] = Counter()
    for text in toxic:
        clean = text
        for passage in reversed(meter.read(text).passages):
            clean = clean[: passage.start] + clean[passage.end :]
        words = clean.split()
        made = {
            "without its listed words": clean,
            "without half of its words": " ".join(words[: len(words) // 2]),
            "a refusal": "I would rather not say that.",
            "another sentence": dice.choice([row["prompt"] for row in rows if not row["toxic"]]),
        }
        for name, rewrite in made.items():
            kept[name] += compare_rewrite(text, rewrite, meter).is_better
    return [
        {"rewrite": name, "made": len(toxic), "kept": wilson(kept[name], len(toxic))}
        for name in (
            "without its listed words",
            "without half of its words",
            "a refusal",
            "another sentence",
        )
    ]


def _luhn(body: str) -> str:
    doubled = [int(d) * (2 - i % 2) for i, d in enumerate(reversed(body))]
    return str(-sum(d - 9 * (d > 9) for d in doubled) % 10)


def _card(dice: random.Random) -> str:
    body = "4" + "".join(dice.choices(string.digits, k=14))
    number = body + _luhn(body)
    return " ".join(number[i : i + 4] for i in range(0, 16, 4))


def _german_iban(dice: random.Random) -> str:
    account = "".join(dice.choices(string.digits, k=18))
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


def _cpf(dice: random.Random) -> str:
    digits = [dice.randrange(10) for _ in range(9)]
    for size in (9, 10):
        rest = sum(d * (size + 1 - i) for i, d in enumerate(digits)) * 10 % 11
        digits.append(rest % 10)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def _spanish(dice: random.Random) -> str:
    number = dice.randrange(10_000_000, 100_000_000)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _github(dice: random.Random) -> str:
    body = "".join(dice.choices(string.ascii_letters + string.digits, k=30))
    value, written = zlib.crc32(body.encode()), ""
    symbols = string.digits + string.ascii_uppercase + string.ascii_lowercase
    while value:
        value, digit = divmod(value, 62)
        written = symbols[digit] + written
    return f"ghp_{body}{written.rjust(6, '0')}"


def _email(dice: random.Random) -> str:
    first, last, host = (
        "".join(dice.choices(string.ascii_lowercase, k=dice.randint(2, 9))) for _ in range(3)
    )
    return f"{first}.{last}@{host}.{dice.choice(['zz', 'co.zz', 'qm'])}"


def _address(dice: random.Random) -> str:
    return ".".join(str(part) for part in (80, *(dice.randrange(1, 255) for _ in range(3))))


def _phone(dice: random.Random) -> str:
    """One of eight numbers, which are the library's own examples: a poor trial of it."""
    region = dice.choice(["DE", "FR", "IT", "BR", "IN", "JP", "ZA", "AU"])
    library = cast("Any", phonenumbers)
    number = library.example_number(region)
    return str(library.format_number(number, library.PhoneNumberFormat.INTERNATIONAL))


def _other_digit(text: str, dice: random.Random) -> str:
    """The same with one digit of its second half changed: no checksum of these survives that."""
    places = [i for i, c in enumerate(text) if c.isdigit() and i >= len(text) // 2]
    place = dice.choice(places)
    digit = dice.choice([d for d in string.digits if d != text[place]])
    return text[:place] + digit + text[place + 1 :]


KINDS: tuple[tuple[str, str, str, Callable[[random.Random], str], str], ...] = (
    ("card", "card", "The card {}, which expires 11/29, is hers.", _card, "changed"),
    ("IBAN", "iban", "The rent goes to {} on Friday.", _german_iban, "changed"),
    ("CPF", "identity", "Her CPF is {} since 1999.", _cpf, "changed"),
    ("DNI", "identity", "His DNI {} was on the list.", _spanish, "changed"),
    ("GitHub token", "secret", "Clone it with {} for now.", _github, ""),
    ("e-mail", "email", "Write to {} by Friday.", _email, "example"),
    ("IPv4", "ip", "The last visit came from {} at night.", _address, "private"),
    ("telephone", "phone", "Ring {} after nine.", _phone, ""),
)
"""Name, kind, sentence, maker, and how a wrong one is made; "" where form alone decides."""


def _wrong(how: str, datum: str, dice: random.Random) -> str:
    if how == "changed":
        return _other_digit(datum, dice)
    if how == "example":
        return datum.partition("@")[0] + "@mail.example.org"
    return datum.replace("80.", "10.", 1)


def _personal() -> list[Row]:
    report: list[Row] = []
    for name, kind, sentence, make, wrong in KINDS:
        dice = random.Random(SEED)
        found = certain = false = 0
        for _ in range(MADE):
            datum = make(dice)
            text = sentence.format(datum)
            data = find_personal_data(text)
            exact = [d for d in data if text[d.start : d.end] == datum and d.kind == kind]
            found += len(data) == 1 == len(exact)
            certain += any(d.is_certain for d in exact)
            if wrong:
                other = _wrong(wrong, datum, dice)
                false += any(d.kind == kind for d in find_personal_data(sentence.format(other)))
        report.append(
            {
                "datum": name,
                "made": MADE,
                "as_made": wilson(found, MADE),
                "certain": wilson(certain, MADE),
                "wrong_found": wilson(false, MADE) if wrong else None,
            }
        )
    return report


def _false_alarms(name: str, rows: Sequence[Row]) -> Row:
    kinds: Counter[str] = Counter()
    texts = 0
    masked: list[Row] = []
    for row in rows:
        text = " ".join(str(row.get(key, "")) for key in ("prompt", "question", "response"))
        data = find_personal_data(text, countries=["US"])
        kinds.update(datum.what for datum in data)
        masked += [{"id": row["id"], "what": d.what, "masked": d.masked} for d in data]
        texts += bool(data)
    return {
        "set": name,
        "texts": len(rows),
        "with_findings": wilson(texts, len(rows)),
        "findings": dict(kinds),
        "shown": masked[:20],
    }


def _print(report: Row) -> None:
    tables = (
        ("lexicon", report["lexicon"]),
        ("by half", report["lexicon_by_half"]),
        ("classifier", report["classifier"]["at"]),
    )
    for meter, rows in tables:
        for row in rows:
            print(
                f"{meter:10} gold {row['gold']}, from {row['threshold']:.2f}: precision "
                f"{percent(row['precision'])}, recall {percent(row['recall'])}, "
                f"false alarms {percent(row['false_alarms'])}"
            )
    for name in ("area", "area_of_the_word_list"):
        print(f"classifier {name} {percent(report['classifier'][name])}")
    for row in report["rewrites"]:
        print(f"rewrites   {row['rewrite']:26} {row['made']} made, kept {percent(row['kept'])}")
    for row in report["personal"]:
        print(
            f"personal   {row['datum']:13} {row['made']} made, found {percent(row['as_made'])}, "
            f"certain {percent(row['certain'])}, wrong ones found {percent(row['wrong_found'])}"
        )
    for row in report["false_alarms"]:
        print(
            f"alarms     {row['set']:24} {row['texts']} texts, with findings "
            f"{percent(row['with_findings'])} {row['findings']}"
        )


if __name__ == "__main__":
    sys.exit(main())
