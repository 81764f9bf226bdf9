"""In which language are sentences said? Whole templates with named places, from a gettext catalogue.

English is the source. A sentence is written ``_("{customers} customers spent {money}.").format(…)``: one
template, never glued from fragments, so that a translator can turn its order round. Babel finds the calls
(``nox -s messages``). ``CRM_LANGUAGE=pseudo`` wraps every template in ⟦ ⟧, so that a test sees which words
of a page went through here.
"""

from __future__ import annotations

import functools
import gettext
import math
import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["N_", "PSEUDO", "_", "language", "ngettext"]

PSEUDO = "pseudo"
_CATALOGUES = Path(__file__).resolve().parent.parent / "languages"


class _Pseudo(gettext.NullTranslations):
    """English in brackets that no sentence of ours holds."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


def language() -> str:
    """The language asked for by ``CRM_LANGUAGE``; English unless said otherwise."""
    return os.environ.get("CRM_LANGUAGE", "en")


@functools.cache
def _catalogue(name: str) -> gettext.NullTranslations:
    if name == PSEUDO:
        return _Pseudo()
    return gettext.translation("crm_utils", localedir=str(_CATALOGUES), languages=[name], fallback=True)


def _(template: str) -> str:
    """A template in the language of this process.

    Examples
    --------
    >>> _("{count} customers bought.").format(count=3)
    '3 customers bought.'
    """
    return _catalogue(language()).gettext(template)


def ngettext(one: str, many: str, count: float) -> str:
    """The template that fits a number: ``ngettext("{count} day", "{count} days", 1)``.

    Examples
    --------
    >>> ngettext("{count} day", "{count} days", 2).format(count=2)
    '2 days'
    """
    # A language may have more than two forms, so its catalogue gets the number; −1 is written like 1.
    whole = abs(round(count)) if math.isfinite(count) else 2
    return _catalogue(language()).ngettext(one, many, whole)


class Plural(NamedTuple):
    """Two templates, of which one number chooses."""

    one: str
    many: str
    by: str


def NP_(one: str, many: str, by: str) -> Plural:  # noqa: N802 - as N_, of two forms
    """Mark two templates that a constant holds; the number called ``by`` chooses where they are shown."""
    return Plural(one, many, by)


def N_(template: str) -> str:  # noqa: N802 - gettext's own name for a template that is looked up later
    """Mark a template that a constant holds; it is looked up by :func:`_` where it is shown."""
    return template
