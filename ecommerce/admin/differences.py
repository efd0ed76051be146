"""The page of a difference with its ends: adopt, refund, not ours, known. Each asks first."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from backoffice import database_clock, kept_forms
from billing import gateway, stripe_state
from billing.admin.differences import DifferenceAdmin
from billing.models import Difference
from billing.reconciliation import ends
from customers.actors import Actor, actor
from ecommerce.orders.adopt import adopt_charge
from ecommerce.orders.errors import OrderError

Outcome = Difference.Outcome
PERMISSION, REFUND = "billing.end_difference", "billing.refund_payment"


class NoteForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=500, required=False, widget=UnfoldAdminTextareaWidget({"rows": 3})
    )


class AdoptForm(forms.Form):
    order_number = forms.CharField(
        label=gettext_lazy("Order"), max_length=20, widget=UnfoldAdminTextInputWidget(), strip=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    label: str | Promise
    description: str | Promise
    run: Callable[[Difference, dict[str, Any], Actor], None]
    permissions: tuple[str, ...] = (PERMISSION,)
    form_class: type[forms.Form] = NoteForm
    danger: bool = False

    def has_permission(self, user: Any) -> bool:
        return bool(user.has_perms(self.permissions))


def _adopt(difference: Difference, data: dict[str, Any], by: Actor) -> None:
    charge = stripe_state.unknown_charge(difference.stripe_id)
    adopt_charge(charge=charge, order_number=data["order_number"], by=by, at=database_clock.now())


def _refund(difference: Difference, data: dict[str, Any], by: Actor) -> None:
    ends.refund_charge(difference=difference, note=data["note"], by=by.label, at=database_clock.now())


def _mark(outcome: Difference.Outcome) -> Callable[[Difference, dict[str, Any], Actor], None]:
    def run(difference: Difference, data: dict[str, Any], by: Actor) -> None:
        ends.mark(difference=difference, outcome=outcome, note=data["note"], by=by.label, at=database_clock.now())

    return run


ENDS = {
    Outcome.ADOPTED: End(
        label=gettext_lazy("Adopt"),
        description=gettext_lazy("The order is paid with this charge. Its total must be the amount of the charge."),
        run=_adopt,
        permissions=(PERMISSION, REFUND),
        form_class=AdoptForm,
    ),
    Outcome.REFUNDED: End(
        label=gettext_lazy("Refund"),
        description=gettext_lazy("All that is left of this charge goes back to the card, at once."),
        run=_refund,
        permissions=(PERMISSION, REFUND),
        danger=True,
    ),
    Outcome.NOT_OURS: End(
        label=gettext_lazy("Not ours"),
        description=gettext_lazy("Another shop with this Stripe account made it. It is not listed again."),
        run=_mark(Outcome.NOT_OURS),
    ),
    Outcome.KNOWN: End(
        label=gettext_lazy("Mark as known"),
        description=gettext_lazy("It stays as it is, and is listed again only once it has changed."),
        run=_mark(Outcome.KNOWN),
    ),
}


@admin.register(Difference)
class EndableDifferenceAdmin(DifferenceAdmin):
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.end_view)
        return [path("<int:pk>/end/<str:outcome>/", view, name="billing_difference_end"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        difference = Difference.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        outcomes = ends.possible_ends(difference) if difference else []
        links = [(outcome.value, ENDS[outcome]) for outcome in outcomes if ENDS[outcome].has_permission(request.user)]
        page: HttpResponse = super().change_view(request, object_id, form_url, {"ends": links, **(extra_context or {})})
        return page

    def end_view(self, request: HttpRequest, pk: int, outcome: str) -> HttpResponse:
        end = ENDS.get(outcome)  # type: ignore[call-overload]
        if end is None or not (self.has_view_permission(request) and end.has_permission(request.user)):
            raise PermissionDenied
        difference = get_object_or_404(Difference, pk=pk)
        initial = {"order_number": difference.order_number}
        typed = request.POST if request.method == "POST" else kept_forms.take(request)
        form = end.form_class(initial=initial) if typed is None else end.form_class(typed)
        if request.method == "POST" and form.is_valid() and self._run(request, end, difference, form):
            return HttpResponseRedirect(reverse("admin:billing_difference_change", args=[pk]))
        return self._render(request, end, difference, form, possible=outcome in ends.possible_ends(difference))

    def _run(self, request: HttpRequest, end: End, difference: Difference, form: forms.Form) -> bool:
        try:
            end.run(difference, form.cleaned_data, actor(request))
        except (ends.EndRefused, OrderError) as error:
            form.add_error(None, str(error))
        except gateway.GatewayError as error:
            form.add_error(None, _("Stripe could not be asked: %(why)s Try it again.") % {"why": error.message})
        else:
            messages.success(request, _("The difference has ended."))
            return True
        return False

    def _render(
        self, request: HttpRequest, end: End, difference: Difference, form: forms.Form, *, possible: bool
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": end.label}
        context |= {"end": end, "difference": difference, "original": difference, "form": form, "possible": possible}
        refused = form.is_bound and form.non_field_errors()
        return TemplateResponse(
            request,
            "admin/billing/difference/end.html",
            context,
            status=HTTPStatus.CONFLICT if refused else HTTPStatus.OK,
        )
