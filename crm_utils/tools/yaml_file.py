"""What is wrong in a YAML file, and on which line? Read strictly; said in a sentence.

A key is text and stands once; dates stay text, so that an impossible one is explained by who reads it.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import SafeConstructor

from crm_utils.errors import StudyError, known_names
from crm_utils.tools.sql_text import no_letter

__all__ = ["explain", "line_of", "read_yaml"]


def read_yaml(path: Path, shown: str) -> tuple[dict[str, Any], yaml.Node]:
    """A YAML file that is one mapping: its values, and its nodes, which know their lines.

    Raises
    ------
    StudyError
        It is not UTF-8, no YAML, or no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data, node = _read(text)
    except UnicodeDecodeError:
        raise StudyError(f"{shown} is not UTF-8 text. Save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise StudyError(f"{shown}, line {line}: {error.problem or error.context}.") from None
    except RecursionError:
        raise StudyError(f"{shown} is nested too deeply to be read. Write it with fewer brackets.") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise StudyError(f"{shown}, line {line}: YAML allows no character {error.character:#x}.") from None
    if node is None or not isinstance(data, dict):
        raise StudyError(f"{shown} is not a study. Begin with 'title: …'; studies/ has examples.")
    return data, node


def explain(
    error: ValidationError,
    model: type[BaseModel],
    *,
    node: yaml.Node | None,
    shown: str,
    at: tuple[str, ...] = (),
) -> str:
    """The first thing that is wrong, with its line, what was found and what is allowed.

    Parameters
    ----------
    error
        What pydantic says.
    model
        What was to be read.
    node
        The file's nodes; without them no line can be named.
    shown
        The file's name for people.
    at
        Where in the file the model stands.
    """
    # A misspelt key explains the missing one, so it comes first.
    first = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")[0]
    loc = tuple(first["loc"])
    name = str(loc[-1]) if loc else ""
    if first["type"] == "extra_forbidden":
        whole, fields = _section(model, loc[:-1])
        article = "an" if whole[0] in "aeio" else "a"
        what = f"{article} {whole} has no '{name}'. {known_names(name, fields, label='It has')}"
    elif first["type"] == "missing":
        what = f"'{name}' is missing. Add a line '{name}: …'."
    else:
        loc = tuple(part for part in loc if "[" not in str(part) and part not in _TYPE_NAMES)
        keys = ".".join(str(part) for part in (*at, *loc))
        given = "" if isinstance(first["input"], dict) else f" (found: {first['input']!r})"
        what = f"{keys}: {first['msg'].removeprefix('Value error, ')}{given}."
    where = f", line {line_of(node, (*at, *loc))}" if node is not None else ""
    return f"{shown}{where}: {what}"


def _section(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """What the part of a model at ``loc`` is called, and the keys it has."""
    for part in loc:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = next(_models(field.annotation), model)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).lower().replace("options", "source")
    return words, [name for name in model.model_fields if (words, name) != ("study", "name")]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is made of: of ``dict[str, Goal]`` it is Goal."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in typing.get_args(annotation):
        yield from _models(part)


_TEXT_KEYS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}


def _read(text: str) -> tuple[Any, yaml.Node]:
    """Values and nodes; a long file by libyaml, ten times as fast, where it is valid and not nested deeply.

    libyaml's errors are worded otherwise, and it does not survive deep nesting: those are Python's to read.
    """
    if len(text) > _LONG and _CLoader is not None:
        try:
            if _depth(text) < _DEEP:
                return _values(_CLoader(text))
        except yaml.YAMLError:
            pass
    return _values(_Loader(text))


def _values(loader: Any) -> tuple[Any, yaml.Node]:
    try:
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), node
    finally:
        loader.dispose()


def _depth(text: str) -> int:
    depth = deepest = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, depth)
    return deepest


#: Letters of a file that is long, and how deep libyaml may go.
_LONG, _DEEP = 20_000, 100


class _Strict(SafeConstructor):
    """Safe YAML; dates stay text (an impossible one is ours to explain); a key is text and stands once."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep=deep)
        except (ValueError, KeyError, IndexError, AttributeError, TypeError):
            # !!int foo, !!int "", !!bool foo, !!timestamp foo, a number of 5,000 digits
            kind = node.tag.rpartition(":")[2]
            raise yaml.MarkedYAMLError(
                problem=f"YAML cannot read this as {kind}", problem_mark=node.start_mark
            ) from None
        if isinstance(node, yaml.ScalarNode) and isinstance(value, (int, float)):
            _refuse_odd_number(node, value)
        return _whole_letters(node, value) if isinstance(value, str) else value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if not isinstance(node, yaml.MappingNode):  # !!map foo
            return super().construct_mapping(node, deep=deep)
        # A key that is no single value (a list, a mapping) is hashed by its text; YAML itself refuses it.
        counts = Counter(str(k.value) for k, _ in node.value)
        seen: set[str] = set()
        for key_node, _ in node.value:
            # no, on and 2017 are False, True and a number to YAML.
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag not in _TEXT_KEYS:
                kind = key_node.tag.rpartition(":")[2]
                raise yaml.MarkedYAMLError(
                    problem=f"YAML reads '{key_node.value}' as {kind}, not as text; put it in quotes",
                    problem_mark=key_node.start_mark,
                )
            name = str(key_node.value)
            if counts[name] > 1 and name in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"'{key_node.value}' stands twice", problem_mark=key_node.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def _whole_letters(node: yaml.Node, text: str) -> str:
    """A text whose letters are whole: JSON writes some as two halves, which YAML leaves parted.

    Half a letter alone is none, and neither is NUL: no file, column or value can have it.
    """
    if not no_letter(text):
        return text
    with suppress(UnicodeDecodeError):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    if odd := no_letter(text):
        problem = f"a text holds {odd}, which is no letter; write the letter itself"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    node.value = text
    return text


def _refuse_odd_number(node: yaml.ScalarNode, value: float) -> None:
    """Refuse what YAML takes for another number than people do, and what is none."""
    text = node.value.strip()
    said = ""
    if isinstance(value, float) and not math.isfinite(value):
        said = f"{text} is no number that a study can use; write one, or leave the line out"
    elif ":" in text:
        said = f"YAML reads {text} as {value:g} (sixty times sixty); write the number, or put it in quotes"
    elif re.fullmatch(r"[+-]?0[0-7_]+", text):
        said = f"YAML reads {text} as {value:g} (by eights); write it without the 0 in front, or in quotes"
    if said:
        raise yaml.MarkedYAMLError(problem=said, problem_mark=node.start_mark)


class _Loader(_Strict, yaml.SafeLoader):
    """In Python: says what is wrong, and where."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# 1e-3 and 1E3 are text to YAML 1.1, numbers to everybody else (and to YAML 1.2).
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)
_CLoader: Any = None
if hasattr(yaml, "CSafeLoader"):

    class _CLoader(_Strict, yaml.CSafeLoader):  # type: ignore[no-redef]
        """By libyaml: the same values."""

    _CLoader.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def line_of(node: yaml.Node, loc: tuple[int | str, ...]) -> int:
    """The line (from 1) on which the key or value at ``loc`` stands."""
    line = node.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            continue
        pairs = (
            [(k, v) for k, v in node.value if k.value == str(part)]
            if isinstance(node, yaml.MappingNode)
            else []
        )
        if not pairs:
            break
        line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
    return line


#: Pydantic puts the branch of a union into an error's place; people did not write it.
_TYPE_NAMES = {"bool", "int", "float", "str"}
