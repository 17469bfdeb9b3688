"""YAML files that people write: where each key stands, which stand twice, and pydantic's errors as sentences about them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from xbench.errors import StudyError, meant

Keys = tuple[str | int, ...]  # of a value in a file: of mappings, and places in lists
_MOST_VALUES = 100_000
_EXPECTED = {
    "model_type": "a mapping", "dict_type": "a mapping", "list_type": "a list", "tuple_type": "a list", "too_short": "at least one",
    "string_type": "text", "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "float_parsing": "a number", "bool_type": "true or false", "bool_parsing": "true or false",
}  # fmt: skip


class _Loader(yaml.SafeLoader):
    """Of YAML 1.1's words only true and false are no text: `on` is a field, `no` a language. And 1e-5 is a number, as in YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag != "tag:yaml.org,2002:bool"]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


class PartsError(ValueError):
    """Errors of parts of a value, in pydantic's form; `loc` is seen from the value."""

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{dotted(e['loc'])}: {e['msg']}" for e in errors))


def read(path: Path) -> tuple[Any, dict[Keys, str], list[str]]:
    """What a YAML file holds, where each key stands (`line 3`), and the keys that stand twice in a mapping, of which YAML takes the last.

    Raises:
        StudyError: If it cannot be read, naming the line.
    """
    places: dict[Keys, str] = {}
    twice: dict[int, str] = {}
    values = count()

    def walk(node: yaml.Node | None, keys: Keys, above: tuple[int, ...]) -> None:
        itself = id(node) in above
        if itself or next(values) > _MOST_VALUES:  # ten lines with anchors may stand for more than memory holds
            raise ValueError(f"{places[keys]}: an anchor within itself" if itself else f"it stands for more than {_MOST_VALUES:,} values")
        if isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                places[(*keys, number)] = f"line {value.start_mark.line + 1}"
                walk(value, (*keys, number), (*above, id(node)))
        if isinstance(node, yaml.MappingNode):
            seen: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                name, line = (key.tag, str(key.value)), key.start_mark.line + 1
                if name in seen and key.value != "<<":
                    said = f"line {line}, {dotted((*keys, name[1]))}: it stands on line {seen[name]} too"
                    twice.setdefault(key.start_mark.index, said)  # where it is written, whatever an anchor brings it into
                seen[name], places[(*keys, name[1])] = line, f"line {line}"
                walk(value, (*keys, name[1]), (*above, id(node)))

    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        walk(node, (), ())
        return None if node is None else loader.construct_document(node), places, list(twice.values())
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        said = " ".join(str(error).split())
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
            said = f"line {error.problem_mark.line + 1}: {error.problem}{f' ({error.context})' if error.context else ''}"
        raise StudyError(f"{path} is not YAML that can be read", [said]) from error


def told(error: ValidationError, content: Any, places: Mapping[Keys, str], model: Callable[[Keys], type[BaseModel]]) -> list[str]:
    """What is wrong in a file, a line a key: where it stands, what was found, what was expected.

    Args:
        error: What pydantic says of it.
        content: What the file holds.
        places: Where its keys stand.
        model: Keys of a mapping -> what it is read as.
    """
    found: dict[str, list[str]] = {}
    for loc, kind, said in _single(error):
        keys, value = _within(content, loc)
        where = (f"{places[keys]}, " if keys in places else "") + dotted(keys)
        if kind == "missing":
            found[f"{dotted(loc)}: it is missing"] = []
        elif kind == "extra_forbidden":
            known = list(model(loc[:-1]).model_fields)
            found[f"{where}: there is no such key{meant(loc[-1], known) or '; there are ' + ', '.join(known)}"] = []
        elif kind == "value_error":
            found[f"{where}: {said}"] = []
        else:
            found.setdefault(f"{where}: found {repr(value)[:80]}", []).append(_EXPECTED.get(kind, said))
    return [start + (f", expected {' or '.join(expected)}" if expected else "") for start, expected in found.items()]


def _single(error: ValidationError) -> Iterator[tuple[Keys, str, str]]:
    """(place, type, message) of each error."""
    for outer in error.errors():
        parts = outer.get("ctx", {}).get("error")
        inner: Sequence[dict[str, Any]] = parts.errors if isinstance(parts, PartsError) else [{**outer, "loc": ()}]
        for e in inner:
            yield (*outer["loc"], *e["loc"]), e["type"], e["msg"].removeprefix("Input should be ")


def _within(content: Any, loc: Keys) -> tuple[Keys, Any]:
    """How far a place leads in what was given (pydantic adds which of several types it tried), and the value there."""
    for depth, key in enumerate(loc):
        inside = key in content if isinstance(content, dict) else isinstance(content, list) and isinstance(key, int) and key < len(content)
        if not inside:
            return loc[:depth], content
        content = content[key]
    return loc, content


def dotted(keys: Keys) -> str:
    """As `recipe.target.learning_rate`."""
    return ".".join(map(str, keys))
