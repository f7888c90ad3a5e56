"""From a critic and a data set to a card, by way of a folder in which a stopped run goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gadfly._cards.card import Card, Data
from gadfly._cards.checks import Watch, run_checks
from gadfly._cards.data import DataSet
from gadfly._cards.probes import plan_probes
from gadfly._cards.scoring import Scorer
from gadfly._errors import InputError
from gadfly._home import home_folder, private_folder, storage
from gadfly._jobs.plan import Plan
from gadfly._jobs.verify import VerifyOptions
from gadfly._values.codec import digest, dump_dict
from gadfly._values.critique import Verdict
from gadfly._values.job import Level
from gadfly._values.task import JSON

PROBES = 40
"""How many drafts are looked at again, each way, by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What is to be measured: a critic on labelled drafts, with what it may use.

    Raises:
        InputError: `probes` is negative.
    """

    critic: str
    """Its id."""
    data: DataSet
    how: VerifyOptions
    """Options, sandbox, tools, judge, workers, plugins."""
    limit: int | None = None
    """As the data were read with."""
    probes: int = PROBES

    def __post_init__(self) -> None:
        if self.probes < 0:
            raise InputError(f"probes must not be negative, not {self.probes}")

    def run(self, watch: Watch, *, restart: bool = False) -> Card:
        """Return the card. Stopped and started again, the same measurement goes on.

        Its folder is removed when the card is there: the next one is measured anew, since what a
        critic says may change without its version.

        Args:
            watch: Shows how far it is.
            restart: Throw away what a stopped run has left.

        Raises:
            InputError: Something that was given is wrong.
            StorageError: What was found cannot be kept.
            KeyboardInterrupt: On SIGINT or SIGTERM; what was finished is kept.
        """
        identity = self._identity()
        folder = self._folder(identity)
        if restart:
            shutil.rmtree(folder, ignore_errors=True)
        private_folder(folder)
        rows = [subject.row() for subject in self.data.subjects]
        how = self._how()
        said = run_checks(
            rows, self.critic, folder / "checks.jsonl", how, watch, f"measuring {self.critic}"
        )
        scorer = Scorer(self.data, said)
        probes = plan_probes(self.data.subjects, said, scorer.right(), self.probes)
        again = run_checks(
            [probe.subject.row() for probe in probes],
            self.critic,
            folder / "probes.jsonl",
            how,
            watch,
            f"probing {self.critic}",
        )
        card = Card(
            critic=self.critic,
            version=str(identity["critics"][self.critic]),
            gadfly=version("gadfly"),
            measured=datetime.now(UTC).isoformat(timespec="seconds"),
            setting={name: identity[name] for name in ("options", "sandbox", "tools", "judge")},
            data=self.described(),
            rates=scorer.rates(),
            groups=scorer.groups(),
            localisation=scorer.localisation(),
            injections=scorer.injections(probes, again),
            mutants=scorer.mutants(probes, again),
            repeats=scorer.repeats(probes, again),
            costs=scorer.costs(_load()),
            false_accepts=scorer.examples(Verdict.PASS, label=False),
            false_rejects=scorer.examples(Verdict.FAIL, label=True),
            errors=scorer.errors(),
        )
        with storage("remove", folder):
            shutil.rmtree(folder)
        return card

    def described(self) -> Data:
        """Return what stands on the card of the data."""
        return Data(
            name=self.data.name,
            sha256=self.data.sha256,
            fields=dump_dict(self.data.fields),
            limit=self.limit,
            tasks=self.data.tasks,
        )

    def _how(self) -> VerifyOptions:
        return {**self.how, "input_fields": tuple(self.data.fields.inputs)}

    def _identity(self) -> dict[str, Any]:
        plan = Plan(
            [self.critic],
            options=self.how.get("options"),
            sandbox=self.how.get("sandbox"),
            require=self.how.get("require", Level.UNSAFE),
            tools=self.how.get("tools", ()),
            judge=self.how.get("judge"),
            plugins=self.how.get("plugins"),
        )
        return plan.identity()

    def _folder(self, identity: Mapping[str, JSON]) -> Path:
        """Where a stopped run goes on: of another measurement it is another folder."""
        data = [self.described(), self.probes]
        return home_folder() / "bench" / digest([version("gadfly"), identity, data])


def _load() -> float | None:
    try:
        average, _, _ = os.getloadavg()
    except (AttributeError, OSError):
        return None  # Windows has none.
    return round(average / (os.cpu_count() or 1), 2)
