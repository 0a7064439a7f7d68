"""The templates, static files and template filters of the pages."""

from flask import Blueprint

from accounts_bank.web import formats

site = Blueprint(
    "site", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
)

for _filter in (
    formats.money,
    formats.in_fours,
    formats.exact,
    formats.in_words,
    formats.day,
    formats.machine,
):
    site.add_app_template_filter(_filter)
