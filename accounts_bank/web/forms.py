"""Forms: what was typed, what it means, and what is wrong with it, said beside the field."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from accounts_bank.errors import ApiError

Read = TypeVar("Read")


class Field(Struct, frozen=True, kw_only=True):
    """A field as it is shown.

    `kind` is the type that the contract reads it as, `wrong` what is said where it does not fit.
    Optional fields are marked so, but for filters, where all of them are.
    """

    name: str
    label: str
    kind: Any = str
    wrong: str = "This cannot be right."
    hint: str = ""
    type: str = "text"
    autocomplete: str = "off"
    inputmode: str = ""
    optional: bool = False
    marked: bool = True
    maxlength: int | None = None
    choices: tuple[tuple[str, str], ...] = ()
    suggestions: tuple[tuple[str, str], ...] = ()


class Form:
    """The fields of a form with what was typed into them."""

    def __init__(self, *fields: Field, typed: Mapping[str, str]) -> None:
        self.fields = {field.name: field for field in fields}
        self.typed = {name: typed.get(name, "") for name in self.fields}
        self.errors: dict[str, str] = {}
        self.problem = ""

    def read(self, name: str, reader: Callable[[str], Read] | None = None) -> Any:
        """Read a field by its kind or with a reader; where that fails, say so beside it."""
        field, text = self.fields[name], self.typed[name]
        text = text if field.type == "password" else text.strip()
        if field.optional and not text:
            return None
        try:
            return reader(text) if reader else msgspec.convert(text, field.kind)
        except msgspec.ValidationError:
            self.errors[name] = field.wrong
        except ValueError as error:
            self.errors[name] = str(error)
        return None

    def refuse(self, error: ApiError, where: Mapping[str, str], told: str = "") -> None:
        """Say why it was refused: beside the field that `where` names for the code, else above."""
        name = where.get(error.code)
        if name in self.fields:
            self.errors[name] = told or error.detail
        else:
            self.problem = told or error.detail

    @property
    def status(self) -> int:
        """Give the status of an answer with this form in it."""
        return 422 if self.errors or self.problem else 200
