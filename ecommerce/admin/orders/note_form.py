"""The form of a note with its files."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from ecommerce.notes import MAX_LENGTH, NewFile


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files; none is fine."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = data if isinstance(data, (list, tuple)) else [data] if data else []
        return [super(FilesField, self).clean(each, initial) for each in files]


class NoteForm(forms.Form):
    use_required_attribute = False
    text = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=MAX_LENGTH,
        widget=UnfoldAdminTextareaWidget({"rows": 3, "data-mentions": ""}),
        help_text=gettext_lazy("Internal. @username tells a colleague."),
    )
    attachments = FilesField(
        label=gettext_lazy("Files"),
        required=False,
        widget=FilesInput({"multiple": True}),
        help_text=gettext_lazy("Up to 10 MB each, 20 MB together."),
    )

    @property
    def files_given(self) -> list[NewFile]:
        return [NewFile(name=each.name, size=each.size, content=each) for each in self.cleaned_data["attachments"]]
