"""Critics for toxicity and personal data, and a refiner that keeps only better rewrites.

safety/toxicity       no sentence is insulting, obscene, threatening, ... by a classifier on this
                      machine, or by a word list that says how weak it is
safety/personal_data  no e-mail address, telephone number, card, account, identity number or secret
safety/kept_content   a rewrite says what the original said: its words, numbers and names

    KeepBetter          a refiner that keeps a rewrite only if it measures better and lost nothing
    compare_rewrite     whether one text is a better version of another, and why not
    toxicity_meter      the classifier in a folder, or the word list, as a meter
    ClassifierMeter     any Hugging Face text classifier
    LexiconMeter        the word list, or your own
    PersonalDataMeter   how much personal data a text holds
    find_personal_data  what of it there is, and where
    kept_content        how much of a text's content another one keeps

A meter is anything that turns a text into a `Reading`: a score, 0 for nothing wrong, with the
passages that it rests on. The modules, lowest first:

    _readings    the values: passage, reading, and the port `Meter`
    _folding     a text as a reader sees it, whatever characters it is written in
    _sentences   a text's sentences, with their places
    _lexicon     the word list, and what people do to words that are listed
    _classifier  a folder of weights to a meter
    _secrets, _identities, _personal   what personal data looks like, and its checksums
    _content     what a text says, as far as words, numbers and names go
    _toxicity_critic, _personal_critic, _content_critic, _refining   what the engine is given
"""

from __future__ import annotations

from gadfly import Critic, Register, hookimpl
from gadfly_safety._classifier import ClassifierMeter
from gadfly_safety._content import Kept, kept_content
from gadfly_safety._content_critic import KeptContentCritic
from gadfly_safety._lexicon import LexiconMeter
from gadfly_safety._personal import PersonalDataMeter, PersonalDatum, find_personal_data
from gadfly_safety._personal_critic import PersonalDataCritic
from gadfly_safety._readings import Meter, Passage, Reading
from gadfly_safety._refining import Comparison, KeepBetter, compare_rewrite
from gadfly_safety._toxicity_critic import ToxicityCritic, toxicity_meter

__all__ = [
    "ClassifierMeter",
    "Comparison",
    "KeepBetter",
    "Kept",
    "KeptContentCritic",
    "LexiconMeter",
    "Meter",
    "Passage",
    "PersonalDataCritic",
    "PersonalDataMeter",
    "PersonalDatum",
    "Reading",
    "ToxicityCritic",
    "compare_rewrite",
    "find_personal_data",
    "kept_content",
    "register_critics",
    "toxicity_meter",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the three critics."""
    register("toxicity", ToxicityCritic)
    register("personal_data", PersonalDataCritic)
    register("kept_content", KeptContentCritic)
