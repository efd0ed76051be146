"""The page that says what loading the EU's rates would do, and does it."""

from collections import Counter
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminDateWidget

from backoffice import database_clock
from backoffice.activity.record import record
from backoffice.models import Activity
from ecommerce.taxes import eu_rates
from ecommerce.taxes.eu_rates import Step


class DayForm(forms.Form):
    day = forms.DateField(
        label=gettext_lazy("From this day on"),
        widget=UnfoldAdminDateWidget,
        help_text=gettext_lazy("A rate whose percent changed ends the day before, and the new one begins."),
    )


def eu_rates_view(admin: Any, request: HttpRequest) -> HttpResponse:
    if not admin.has_import_permission(request):
        raise PermissionDenied
    today = database_clock.now().date()
    asked = request.POST if request.method == "POST" else (request.GET if "day" in request.GET else {"day": today})
    form = DayForm(asked)
    day = form.cleaned_data["day"] if form.is_valid() else None
    if request.method == "POST" and day:
        _load(request, day)
        return redirect("admin:ecommerce_taxrate_changelist")
    found = eu_rates.proposals(day=day or today)
    counts = Counter(each.step for each in found)
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("Load the EU's rates"),
        "form": form,
        "version": eu_rates.data_version(),
        "proposals": sorted(found, key=lambda each: each.step == Step.KEEP),
        "writes": counts[Step.ADD] + counts[Step.REPLACE],
        "counts": {step.name.lower(): counts[step] for step in Step},
    }
    return TemplateResponse(request, "admin/ecommerce/taxrate/eu_rates.html", context)


def _load(request: HttpRequest, day: Any) -> None:
    added, replaced = eu_rates.load(day=day)
    if not added:
        messages.info(request, _("Nothing to load: every rate is there already."))
        return
    note = ngettext("%(count)d rate added", "%(count)d rates added", added) % {"count": added}
    if replaced:
        note += ", " + ngettext("%(count)d replaced", "%(count)d replaced", replaced) % {"count": replaced}
    what = _("the EU's rates of %(day)s") % {"day": eu_rates.data_version()}
    record(act=Activity.Act.IMPORTED, kind=Activity.Kind.IMPORT, label=what, note=note)
    messages.success(request, f"{note}.")
