"""Links in templates: an address in a template is the bank's own, below the bank's prefix.

Authors write `href="/accounts"` and `action="{{ request.path }}"`. The compiled template puts the
bank's prefix in front, so that a sandbox bank's pages lead to its own pages. `url_for` knows the
prefix by itself.
"""

import re

from jinja2.ext import Extension

_ADDRESS = re.compile(r'\b(href|action|src)="(?=/|\{\{(?! ?url_for))')
_WITH_PREFIX = r'\1="{{ request.script_root }}'


class PrefixedLinks(Extension):
    """Puts the prefix of the bank before each address of a template."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002 - Jinja's signature
        return _ADDRESS.sub(_WITH_PREFIX, source)
