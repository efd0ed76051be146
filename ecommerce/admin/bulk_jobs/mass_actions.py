"""The mass actions of the orders list: a table of them, the selected orders, and the dispatch of a posted form."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecommerce.admin.bulk_jobs.confirmation import handle_mass_action, ticked_ids
from ecommerce.admin.orders.filters import ALL, ATTENTION, TABS, OrderListParams
from ecommerce.admin.shipping.access import PACK
from ecommerce.admin.shipping.print_day import print_selected
from ecommerce.bulk_jobs.permissions import PERMISSIONS
from ecommerce.models import BulkJob, Order
from ecommerce.models.order_queryset import OrderQuerySet

Action = BulkJob.Action
DOWNLOAD_INVOICES = "download_invoices"


@dataclass(frozen=True, slots=True, kw_only=True)
class MassAction:
    """`tabs` are the tabs of the orders list that offer the action; `rows` are what its file has rows of."""

    action: BulkJob.Action
    label: str | Promise
    tabs: frozenset[str]
    rows: str = "orders"

    @property
    def name(self) -> str:
        return DOWNLOAD_INVOICES if self.action == Action.INVOICES else f"{self.action}_{self.rows}"

    def has_permission(self, user: Any) -> bool:
        return bool(user.has_perm(PERMISSIONS[self.action]))


UNSENT = frozenset({ALL, ATTENTION, "created", "paid"})
INVOICED = frozenset(TABS) - {"created"}


@dataclass(frozen=True, slots=True)
class PrintAction:
    """Printing is no job: the printout is there at once."""

    name: str
    label: str | Promise
    tabs: frozenset[str]

    def has_permission(self, user: Any) -> bool:
        return bool(user.has_perm(PACK))


MASS_ACTIONS: tuple[MassAction | PrintAction, ...] = (
    MassAction(action=Action.EXPORT, label=gettext_lazy("Export"), tabs=frozenset(TABS)),
    MassAction(action=Action.EXPORT, rows="items", label=gettext_lazy("Export items"), tabs=frozenset(TABS)),
    MassAction(action=Action.FULFILL, label=gettext_lazy("Fulfill"), tabs=frozenset({"paid"})),
    MassAction(action=Action.CANCEL, label=gettext_lazy("Cancel"), tabs=frozenset({"paid"})),
    MassAction(action=Action.RETURN, label=gettext_lazy("Return"), tabs=frozenset({"fulfilled"})),
    MassAction(action=Action.TAG, label=gettext_lazy("Tag"), tabs=frozenset(TABS)),
    MassAction(action=Action.ASSIGN, label=gettext_lazy("Assign"), tabs=frozenset(TABS)),
    MassAction(action=Action.HOLD, label=gettext_lazy("Put on hold"), tabs=UNSENT),
    MassAction(action=Action.RELEASE, label=gettext_lazy("Release"), tabs=UNSENT),
    MassAction(action=Action.INVOICES, label=gettext_lazy("Download invoices"), tabs=INVOICED),
    PrintAction("print_orders", gettext_lazy("Print slips"), frozenset({ALL, "paid", "fulfilled"})),
)


def available_mass_actions(user: Any, tab: str) -> list[MassAction | PrintAction]:
    return [each for each in MASS_ACTIONS if tab in each.tabs and each.has_permission(user)]


def run_mass_action(admin: Any, request: HttpRequest, params: OrderListParams) -> HttpResponse:
    """Handle the posted form of the list; redirect back to the list unless a confirmation page is shown."""
    back = HttpResponseRedirect(request.get_full_path())
    mass_action = next((each for each in MASS_ACTIONS if each.name == request.POST.get("action")), None)
    if mass_action is not None and not mass_action.has_permission(request.user):
        raise PermissionDenied
    if mass_action is None or params.tab not in mass_action.tabs:
        messages.warning(request, _("Choose one of the mass actions of this tab."))
        return back
    orders = _selected_orders(request, params)
    if orders is None:
        messages.warning(request, _("Tick the orders to work on first."))
        return back
    if isinstance(mass_action, PrintAction):
        return print_selected(request, orders)
    return handle_mass_action(admin, request, mass_action.action, orders) or back


def _selected_orders(request: HttpRequest, params: OrderListParams) -> OrderQuerySet | None:
    if request.POST.get("select_across") == "1":
        return params.filter_by_tab(params.search().orders)
    # By key alone: an order that left this tab meanwhile is reported as skipped, not dropped in silence.
    ids = ticked_ids(request)
    return Order.objects.with_ids(ids) if ids else None
