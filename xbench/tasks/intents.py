"""Which of some forty intents a command to a home has: templates of the pip package home-assistant-intents, expanded.

English templates are split by template, so that no test sentence comes from a template that training has seen; the other
languages are test only. Slots that a home fills in (rooms, devices) take the values of data/intent_slots.json. Expansion is
random but fixed: the same package version gives the same sentences everywhere.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from importlib import metadata, resources
from typing import TYPE_CHECKING

from xbench import share
from xbench.errors import DataError, PluginError
from xbench.readers import content_hash
from xbench.task import Classified, Split, Task

if TYPE_CHECKING:  # hassil is imported where it is used: every store that is opened reads this file
    from hassil.expression import Expression
    from hassil.intents import Intents

LANGUAGES = ("ar", "cs", "de", "el", "en", "es", "fi", "fr", "hi", "ko", "pl", "ru", "tr", "vi", "zh")
# The intents of the pinned package that have English training sentences (tests/test_tasks.py checks it).
LABELS = tuple(
    (
        "HassCancelAllTimers HassCancelTimer HassClimateGetTemperature HassClimateSetFanMode HassClimateSetTemperature "
        "HassDecreaseTimer HassFanSetSpeed HassGetCurrentDate HassGetCurrentTime HassGetState HassGetWeather "
        "HassIncreaseTimer HassLawnMowerDock HassLawnMowerStartMowing HassLightSet HassListAddItem HassListCompleteItem "
        "HassListRemoveItem HassMediaNext HassMediaPause HassMediaPlayerMute HassMediaPlayerUnmute HassMediaPrevious "
        "HassMediaUnpause HassNevermind HassPauseTimer HassRespond HassSetPosition HassSetVolume HassSetVolumeRelative "
        "HassShoppingListAddItem HassShoppingListCompleteItem HassStartTimer HassTimerStatus HassTurnOff HassTurnOn "
        "HassUnpauseTimer HassVacuumCleanArea HassVacuumReturnToBase HassVacuumStart "
    ).split()
)
_PACKAGE = "home-assistant-intents"
_FILES = {"zh": "zh-CN"}
_OUR_SLOTS = {"area": "area", "zone": "area", "name": "name", "floor": "floor"} | dict.fromkeys(
    ("timer_name", "shopping_list_item", "todo_list_item"), "item"
)
_SIZES = {"train": 600, "dev": 100, "test": 100}
_POOL = {"train": 40, "dev": 12, "test": 40}  # sentences of one intent to choose from
_HELD_OUT = 5  # of every five English templates of an intent, one is for dev or test
_TRIES = 12  # expansions of one template before it is taken to have no further sentence
_MAX_WORDS = 14


class _UnfilledError(Exception):
    """A template names a list that neither the package nor data/intent_slots.json has values for."""


@cache
def _intents(language: str) -> "Intents":
    from hassil.intents import Intents

    file = resources.files("home_assistant_intents") / "data" / f"{_FILES.get(language, language)}.json"
    if not file.is_file():
        raise DataError(f"{_PACKAGE} has no file for language {language!r}")
    return Intents.from_dict(json.loads(file.read_text(encoding="utf-8")))


@cache
def _slots(language: str) -> dict[str, list[str]]:
    every: dict[str, dict[str, list[str]]] = json.loads((share.folder("data") / "intent_slots.json").read_text(encoding="utf-8"))
    return every[language]


def _expand(expression: "Expression", language: str, rng: random.Random, depth: int = 0) -> str:  # noqa: C901  one case a kind
    """One random sentence of a template."""
    from hassil.expression import Alternative, Group, ListReference, Permutation, RuleReference, TextChunk
    from hassil.intents import RangeSlotList, TextSlotList

    intents = _intents(language)
    if depth > 40:
        raise _UnfilledError("rules that refer to themselves")
    if isinstance(expression, TextChunk):
        return expression.original_text
    if isinstance(expression, Alternative):
        return _expand(rng.choice(expression.items), language, rng, depth + 1)
    if isinstance(expression, Permutation):
        return "".join(_expand(item, language, rng, depth + 1) for item in rng.sample(expression.items, len(expression.items)))
    if isinstance(expression, Group):
        return "".join(_expand(item, language, rng, depth + 1) for item in expression.items)
    if isinstance(expression, RuleReference):
        if expression.rule_name not in intents.expansion_rules:
            raise _UnfilledError(expression.rule_name)
        return _expand(intents.expansion_rules[expression.rule_name].expression, language, rng, depth + 1)
    if isinstance(expression, ListReference):
        if expression.list_name in _OUR_SLOTS:
            return rng.choice(_slots(language)[_OUR_SLOTS[expression.list_name]])
        values = intents.slot_lists.get(expression.list_name)
        if isinstance(values, RangeSlotList):
            return str(rng.randrange(values.start, values.stop + 1, values.step))
        if isinstance(values, TextSlotList) and values.values:
            return _expand(rng.choice(values.values).text_in, language, rng, depth + 1)
        raise _UnfilledError(expression.list_name)
    raise TypeError(f"hassil has a new kind of expression: {type(expression).__name__}")


def _templates(language: str, intent: str, split: Split, trained: str) -> "list[Expression]":
    found = [s.expression for block in _intents(language).intents[intent].data for s in block.sentences]
    if language != trained:
        return found
    place = {"dev": (_HELD_OUT - 2,), "test": (_HELD_OUT - 1,), "train": tuple(range(_HELD_OUT - 2))}[split]
    return [template for i, template in enumerate(found) if i % _HELD_OUT in place]


@cache
def _sentences(language: str, intent: str, split: Split, wanted: int, trained: str) -> tuple[str, ...]:
    """Up to `wanted` different sentences of one intent, templates in turn; to expand them takes seconds a language, once a process."""
    from hassil.util import normalize_whitespace

    rng = random.Random(f"{language}/{split}/{intent}")
    templates = _templates(language, intent, split, trained)
    rng.shuffle(templates)
    found: dict[str, None] = {}
    for _ in range(_TRIES):
        for template in templates:
            if len(found) == wanted:
                return tuple(found)
            try:
                text = normalize_whitespace(_expand(template, language, rng)).strip()
            except _UnfilledError:
                continue
            if text and len(text.split()) <= _MAX_WORDS:
                found[text] = None
    return tuple(found)


def load(language: str, split: Split, trained: str = "en") -> Sequence[Classified]:
    """The sentences of one language, spread evenly over its intents.

    Raises:
        DataError: If the language is not covered, or has no such split: only the language that is trained in has train and dev.
    """
    if language not in LANGUAGES or (language != trained and split != "test"):
        raise DataError(f"intents has no {split} split in {language!r}; train and dev are {trained!r}, test is {', '.join(LANGUAGES)}")
    intents = [i for i in LABELS if i in _intents(language).intents]
    pools = {i: _sentences(language, i, split, _POOL[split], trained) for i in intents}
    seen = {c.text for c in load(trained, "train", trained)} if language == trained and split != "train" else set()
    rows: list[Classified] = []
    for turn in range(_SIZES[split]):
        for intent in intents:
            if turn < len(pools[intent]) and len(rows) < _SIZES[split] and pools[intent][turn] not in seen:
                number = f"intents-{split}-{language}-{len(rows):03d}"
                rows.append(Classified(number, number, pools[intent][turn], "", intent))
    return rows


def revision() -> str:
    """The version of the package, and a hash of our values of its slots."""
    return f"{_PACKAGE}=={metadata.version(_PACKAGE)} {content_hash([share.folder('data') / 'intent_slots.json'])}"


def trained_in(language: str) -> Task:
    """The same in another language: its templates are split as the English ones are, and its test set is what training has not seen.

    Raises:
        PluginError: If the language is not covered.
    """
    if language not in LANGUAGES:
        raise PluginError(f"intents is not trained in {language!r}; there are {', '.join(LANGUAGES)}")
    return replace(TASK, train_language=language, load=partial(load, trained=language), revision=lambda: f"{revision()} @{language}")


TASK = Task(
    family="classification",
    languages=LANGUAGES,
    labels=LABELS,
    metric="accuracy",
    scorers=("accuracy",),
    load=load,
    revision=revision,
    trained_in=trained_in,
    licence="Apache-2.0",
    source=f"pip package {_PACKAGE}",
    about="commands to a home, 100 test sentences a language",
)
