"""The form of the mails of a kind."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from customers.mail import text_templates
from customers.models import MailTemplate
from ecommerce.mails.examples import example_names
from ecommerce.mails.texts import TEXTS

TEXT_FIELDS = ("subject", "opening", "closing")
AREA = {"class": "o-text o-area", "rows": 8}


class MailTemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    """Shows the texts that are sent; one that is as the program ships it is stored as empty, and follows upgrades."""

    class Meta:
        model = MailTemplate
        fields = ("enabled", *TEXT_FIELDS)
        widgets = {
            "subject": forms.TextInput(attrs={"class": "o-text"}),
            "opening": forms.Textarea(attrs=AREA),
            "closing": forms.Textarea(attrs={**AREA, "rows": 4}),
        }
        help_texts = {
            "subject": gettext_lazy("One line."),
            "opening": gettext_lazy(
                "A blank line begins a paragraph. The lines, sums and links of the mail follow it."
            ),
            "closing": gettext_lazy("Below the lines, sums and links. Where it is left empty, the shipped one stays."),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.shipped = {name: str(getattr(TEXTS[self.instance.kind], name)) for name in TEXT_FIELDS}
        for name in TEXT_FIELDS:
            self.initial[name] = getattr(self.instance, name) or self.shipped[name]
        if why := TEXTS[self.instance.kind].why_always:
            self.fields["enabled"].disabled = True
            self.fields["enabled"].help_text = str(why)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name in TEXT_FIELDS:
            if name in cleaned:
                self._check(name, cleaned[name].replace("\r\n", "\n").strip())
        return cleaned

    def _check(self, name: str, text: str) -> None:
        if text in {"", self.shipped[name]}:
            self.cleaned_data[name] = ""
            return
        try:
            text_templates.check(text, example_names(self.instance.kind))
        except ValidationError as error:
            self.add_error(name, error)
        else:
            self.cleaned_data[name] = text
