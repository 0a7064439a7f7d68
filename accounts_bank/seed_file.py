"""A file in YAML 1.2 or JSON, with the line of each of its values."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from accounts_bank.errors import SettingsError

Place = tuple[str | int, ...]
"""The way to a value: names of fields and numbers of items, from 0."""

_TAG = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"-?[0-9]{1,30}")
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<number>[0-9]+)\]")
_WORDS = {"null": None, "true": True, "false": False}


class Located(NamedTuple):
    """The content of a file: whole numbers, texts, truth values, null, lists and objects."""

    path: Path
    value: Any
    lines: dict[Place, int]
    """The line of each value, from 1."""

    def error(self, place: Place, why: str) -> SettingsError:
        """Return an error that names the line of a value, or of the nearest one around it."""
        while place not in self.lines:
            place = place[:-1]
        return SettingsError(f"{self.path}, line {self.lines[place]}: {why}")


def place_of(path: str) -> Place:
    """Return the place that msgspec names as `$.users[0].role`."""
    return tuple(
        step["name"] if step["number"] is None else int(step["number"])
        for step in _STEP.finditer(path.strip("`"))
    )


def read_located(path: Path) -> Located:
    """Read a file.

    A date stays a text, and so does a number with a point. A name may stand once in an object.

    :raises SettingsError: the file cannot be read, or is neither; the text names the line.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - only a seed needs it, not each start
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not in UTF-8"
        raise SettingsError(f"{path} cannot be read ({why}).") from error
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")  # JSON may be indented by tabs, YAML may not
    found = Located(path, None, {(): 1})
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        return found._replace(value=_Reader(found).value(root, ()) if root else None)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SettingsError(f"{path}, line {line}: {error.problem or error.context}.") from error
    except (YAMLError, RecursionError) as error:
        raise SettingsError(f"{path} is neither YAML nor JSON: {error}.") from error


class _Reader:
    """Turns nodes of ruamel.yaml into values, and notes their lines."""

    def __init__(self, found: Located) -> None:
        self._found = found
        self._seen: set[int] = set()

    def value(self, node: Any, place: Place) -> Any:
        self._found.lines[place] = node.start_mark.line + 1
        if id(node) in self._seen:
            raise self._found.error(place, "an alias is not supported: write the value again.")
        self._seen.add(id(node))
        if node.id == "mapping":
            return dict(self._fields(node, place))
        if node.id == "sequence":
            return [self.value(each, (*place, n)) for n, each in enumerate(node.value)]
        return self._scalar(node, place)

    def _fields(self, node: Any, place: Place) -> Iterator[tuple[str, Any]]:
        names: set[str] = set()
        for key, each in node.value:
            self._found.lines[place] = key.start_mark.line + 1
            if key.id != "scalar":
                raise self._found.error(place, "a name is a text.")
            if key.value in names:
                raise self._found.error(place, f"{key.value} stands twice.")
            names.add(key.value)
            value = self.value(each, (*place, key.value))
            self._found.lines[*place, key.value] = key.start_mark.line + 1
            yield key.value, value
        self._found.lines[place] = node.start_mark.line + 1

    def _scalar(self, node: Any, place: Place) -> Any:
        text = str(node.value)
        if node.tag == f"{_TAG}int" and _WHOLE.fullmatch(text):
            return int(text)
        if node.tag in {f"{_TAG}null", f"{_TAG}bool"}:
            return _WORDS.get(text.lower())
        try:  # JSON writes a character beyond U+FFFF as two escapes
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self._found.error(
                place, "half of a pair of surrogates is no character."
            ) from None
