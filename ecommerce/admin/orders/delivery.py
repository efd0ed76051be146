"""The page on which staff say when a parcel was delivered."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice import database_clock
from backoffice.ids import parse_id
from ecommerce.admin.orders.action_forms import ActionForm
from ecommerce.admin.orders.order_action import OrderAction
from ecommerce.models import Fulfillment, Order
from ecommerce.orders.delivery import record_delivery

FORMAT = "%Y-%m-%dT%H:%M"


class DeliveryForm(ActionForm):
    parcel = forms.IntegerField(required=False, widget=forms.HiddenInput())
    delivered_at = forms.DateTimeField(
        input_formats=[FORMAT, "%Y-%m-%d %H:%M"], widget=UnfoldAdminTextInputWidget({"type": "datetime-local"})
    )

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        zone = timezone.get_current_timezone_name()
        self.fields["delivered_at"].label = _("Delivered (%(zone)s)") % {"zone": zone}
        self.sent: Fulfillment | None = None
        if self.is_bound:
            self._find(self.data.get("parcel"))

    def opened_with(self, query: QueryDict) -> None:
        self._find(query.get("parcel"))

    def _find(self, parcel_id: Any) -> None:
        pk = parse_id(str(parcel_id or ""))
        self.sent = self.order.fulfillments.filter(pk=pk, voided_at=None).first() if pk is not None else None
        at = self.sent.delivered_at if self.sent else None
        self.initial = {"delivered_at": timezone.localtime(at or database_clock.now()).strftime(FORMAT)}

    @property
    def hidden_values(self) -> dict[str, Any]:
        return {"parcel": self.sent.pk if self.sent else ""}

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "parcel_id": self.sent.pk if self.sent else 0,
            "delivered_at": self.cleaned_data["delivered_at"],
        }


def _describe(order: Order, _money: str) -> str:
    return _(
        "The times for returning order %(number)s and for withdrawing from it count from the delivery of its last "
        "parcel. Nobody is mailed."
    ) % {"number": order.number}


RECORD_DELIVERY = OrderAction(
    name="record_delivery",
    label=gettext_lazy("Record delivery"),
    permissions=("ecommerce.fulfill_order", "ecommerce.handle_return"),
    form_class=DeliveryForm,
    description=_describe,
    button=gettext_lazy("Save"),
    success_message=gettext_lazy("The delivery of order %(number)s is recorded."),
    run=record_delivery,
    is_linked=False,
)
