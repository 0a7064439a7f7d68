"""Forms: typed values, parsed values and error messages beside the fields."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from accounts_bank.api.schemas.users import Password
from accounts_bank.collections.password_rules import LENGTH_ADVISED, LENGTH_MAX, LENGTH_MIN
from accounts_bank.errors import ApiError

Read = TypeVar("Read")


class Field(Struct, frozen=True, kw_only=True):
    """A field of a form.

    `kind` is the type to which the text is converted; `wrong` is the message if it does not fit.
    `advised` is the length from which a password is strong: the page shows a meter.
    `marked` shows "(optional)" beside an optional field; filters omit it.
    """

    name: str
    label: str
    kind: Any = str
    wrong: str = "Check this value."
    hint: str = ""
    type: str = "text"
    autocomplete: str = "off"
    inputmode: str = ""
    optional: bool = False
    marked: bool = True
    maxlength: int | None = None
    advised: int = 0
    choices: tuple[tuple[str, str], ...] = ()
    suggestions: tuple[tuple[str, str], ...] = ()


def new_password(name: str, label: str) -> Field:
    """Return the field of a new password, with a meter of its length."""
    return Field(
        name=name,
        label=label,
        kind=Password,
        wrong=f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters.",
        hint=f"At least {LENGTH_MIN} characters; {LENGTH_ADVISED} or more are better. Several "
        "words are easy to remember and hard to guess.",
        type="password",
        autocomplete="new-password",
        advised=LENGTH_ADVISED,
    )


class Form:
    """The fields of a form, their typed values and their errors."""

    def __init__(self, *fields: Field, typed: Mapping[str, str]) -> None:
        self.fields = {field.name: field for field in fields}
        self.typed = {name: typed.get(name, "") for name in self.fields}
        self.errors: dict[str, str] = {}
        self.problem = ""

    def read(self, name: str, reader: Callable[[str], Read] | None = None) -> Any:
        """Parse a field with a reader or by its kind; keep the error beside the field.

        :returns: the value, or None if the field is empty or wrong.
        """
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

    def refuse(self, error: ApiError, fields: Mapping[str, str], text: str = "") -> None:
        """Show an error beside the field of its code, or above the form.

        :param fields: the name of the field by error code.
        :param text: the message; the error's detail if it is empty.
        """
        name = fields.get(error.code)
        if name in self.fields:
            self.errors[name] = text or error.detail
        else:
            self.problem = text or error.detail

    @property
    def status(self) -> int:
        """Return the HTTP status of a page with this form."""
        return 422 if self.errors or self.problem else 200
