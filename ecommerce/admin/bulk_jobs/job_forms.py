"""What a mass action asks for beside its orders: tags, the reason and end of a hold, whom to assign, which file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from backoffice import database_clock
from customers.models import User
from ecommerce.admin.orders.carrier_field import CarrierField
from ecommerce.admin.orders.side_forms import AssigneeField, TagsField, UntilField
from ecommerce.models import BulkJob
from ecommerce.models.order_queryset import OrderQuerySet
from ecommerce.orders.errors import OrderError
from ecommerce.orders.hold import MAX_REASON_LENGTH, check_terms

Action = BulkJob.Action
MOST_IN_ONE_PDF = 10_000  # orders; it takes some 40 kB of memory for each


class JobForm(forms.Form):
    """`parameters` and `words` are what the job keeps of it, the words as its reason."""

    use_required_attribute = False
    orders: OrderQuerySet | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {}

    @property
    def words(self) -> str:
        return str(self.cleaned_data.get("reason", ""))


class TagForm(JobForm):
    add = TagsField(label=gettext_lazy("Add tags"))
    remove = TagsField(label=gettext_lazy("Remove tags"))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not (cleaned["add"] or cleaned["remove"]):
            self.add_error("add", _("Name a tag to add or to remove."))
        return cleaned

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"add": self.cleaned_data["add"], "remove": self.cleaned_data["remove"]}

    @property
    def words(self) -> str:
        added, removed = (", ".join(self.cleaned_data[name]) for name in ("add", "remove"))
        words = [_("Added: %(tags)s") % {"tags": added}] if added else []
        return "; ".join([*words, *([_("Removed: %(tags)s") % {"tags": removed}] if removed else [])])


class HoldForm(JobForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=MAX_REASON_LENGTH, required=False, widget=UnfoldAdminTextInputWidget()
    )
    until = UntilField()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            check_terms(cleaned.get("reason", ""), cleaned.get("until"), at=database_clock.now())
        except OrderError as error:
            self.add_error("until" if error.field == "until" else "reason", error.message)
        return cleaned

    @property
    def parameters(self) -> Mapping[str, Any]:
        until: datetime | None = self.cleaned_data["until"]
        return {"until": until.isoformat()} if until else {}

    @property
    def words(self) -> str:
        return str(self.cleaned_data["reason"]).strip()


class AssignForm(JobForm):
    assignee = AssigneeField(widget=UnfoldAdminSelectWidget())

    @property
    def _assignee(self) -> User | None:
        user: User | None = self.cleaned_data["assignee"]
        return user

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"assignee": self._assignee.pk if self._assignee else None}

    @property
    def words(self) -> str:
        return _("To %(who)s") % {"who": self._assignee} if self._assignee else _("To nobody")


class FulfillForm(JobForm):
    carrier = CarrierField(
        help_text=gettext_lazy("Of all parcels; may be left empty. Their numbers come by file or by hand.")
    )

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"carrier": self.cleaned_data["carrier"]} if self.cleaned_data["carrier"] else {}

    @property
    def words(self) -> str:
        carrier = self.cleaned_data["carrier"]
        return _("Carrier: %(name)s") % {"name": carrier} if carrier else ""


class InvoicesForm(JobForm):
    file = forms.ChoiceField(
        label=gettext_lazy("File"),
        choices=[("zip", gettext_lazy("ZIP, a PDF each")), ("pdf", gettext_lazy("One PDF, to print"))],
        widget=UnfoldAdminSelectWidget(),
    )
    credit_notes = forms.BooleanField(
        label=gettext_lazy("With their credit notes"), required=False, widget=UnfoldBooleanWidget()
    )

    def clean_file(self) -> str:
        file = str(self.cleaned_data["file"])
        if file == "pdf" and self.orders is not None and self.orders[: MOST_IN_ONE_PDF + 1].count() > MOST_IN_ONE_PDF:
            sentence = _("One PDF holds the invoices of %(most)s orders at most: choose ZIP.")
            raise forms.ValidationError(sentence % {"most": f"{MOST_IN_ONE_PDF:,}"})
        return file

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"file": self.cleaned_data["file"], "credit_notes": self.cleaned_data["credit_notes"]}


FORMS: Mapping[str, type[JobForm]] = {
    Action.FULFILL.value: FulfillForm,
    Action.TAG.value: TagForm,
    Action.HOLD.value: HoldForm,
    Action.ASSIGN.value: AssignForm,
    Action.INVOICES.value: InvoicesForm,
}


def job_form(action: str, data: Any = None, orders: OrderQuerySet | None = None) -> JobForm | None:
    """Return the form of an action, bound where the confirmation page was posted; None for those without."""
    form_class = FORMS.get(action)
    form = form_class(data) if form_class else None
    if form is not None:
        form.orders = orders
    return form
