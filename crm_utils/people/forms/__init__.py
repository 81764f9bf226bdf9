"""In which form does a provider want a list? One small module a family of forms; all by name here."""

from __future__ import annotations

from crm_utils.people.forms.base import Batch, Form
from crm_utils.people.forms.direct import EMAIL, IN_APP, PUSH
from crm_utils.people.forms.kakao import NHN_ALIMTALK, NHN_BRAND_MESSAGE, SENS, SOLAPI
from crm_utils.people.forms.platforms import BRAZE, HACKLE, KLAVIYO, SALESFORCE
from crm_utils.people.forms.text_messages import SMS

__all__ = ["FORMS", "Batch", "Form"]

FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        NHN_ALIMTALK, NHN_BRAND_MESSAGE, SENS, SOLAPI, SMS, BRAZE, KLAVIYO, SALESFORCE, HACKLE, PUSH, IN_APP,
        EMAIL,
    )
}  # fmt: skip
"""Every form that a list can be handed over in, by its name."""
