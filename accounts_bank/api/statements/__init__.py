"""Statements in the forms that callers read: JSON, CSV and ISO 20022 camt.053."""

from collections.abc import Callable, Iterator
from itertools import chain

from msgspec import Struct
from werkzeug.datastructures import MIMEAccept

from accounts_bank.api.statements import as_camt, as_csv, as_json
from accounts_bank.api.statements.views import Pages
from accounts_bank.collections.statements import PAGE_LINES, Statement
from accounts_bank.errors import NotAcceptable
from accounts_bank.http.answers import Answer, File


class Form(Struct, frozen=True):
    """A form that a statement can be had in; a file where it has an extension."""

    media_type: str
    content_type: str
    write: Callable[[Statement, Pages], Iterator[bytes]]
    extension: str | None = None


FORMS = {
    form.media_type: form
    for form in (
        Form("application/json", "application/json", as_json.written),
        Form("text/csv", "text/csv; charset=utf-8; header=present", as_csv.written, "csv"),
        Form("application/xml", "application/xml; charset=utf-8", as_camt.written, "xml"),
        Form("text/xml", "text/xml; charset=utf-8", as_camt.written, "xml"),  # RFC 7303, 9.2
    )
}
MEDIA_TYPES = tuple(FORMS)


def form_asked_for(accept: MIMEAccept | None) -> Form:
    """Return the form that `Accept` prefers; JSON where the header is absent or leaves the choice.

    :raises NotAcceptable: it names no form that there is.
    """
    if accept is None:
        return FORMS[MEDIA_TYPES[0]]
    plain = MIMEAccept([(name.partition(";")[0].strip(), quality) for name, quality in accept])
    found = plain.best_match(MEDIA_TYPES)
    if found is None:
        raise NotAcceptable(f"A statement can be had as {', '.join(MEDIA_TYPES)}.")
    return FORMS[found]


def rendered(statement: Statement, pages: Pages, form: Form) -> Answer:
    """Write a statement: at once where it is short, else as its lines are read.

    The first page is read before the answer begins, so that a store out of reach is a 503.
    """
    first = list(next(pages, []))
    chunks = form.write(statement, chain([first] if first else [], pages))
    is_short = statement.line_count <= PAGE_LINES
    headers = [("Vary", "Accept")]
    if form.extension:
        name = f'attachment; filename="{_file_name(statement)}.{form.extension}"'
        headers.append(("Content-Disposition", name))
    content = b"".join(chunks) if is_short else chunks
    return Answer(file=File(form.content_type, content, tuple(headers)))


def _file_name(statement: Statement) -> str:
    since, until = (at.date().isoformat() for at in (statement.since, statement.until))
    return f"statement-{statement.account.number}-{since}-{until}"
