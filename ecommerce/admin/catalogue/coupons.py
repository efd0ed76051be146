"""The coupon admin: terms are fixed once an order carries the coupon."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice import database_clock
from backoffice.badges import badge
from backoffice.base_admin import StaffAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from billing.admin.fields import MoneyField, MoneyForm
from billing.money import format_money
from ecommerce.models import Coupon, Order

TERMS = ("code", "percent_off", "amount_off", "currency")


def is_used(coupon: Coupon) -> bool:
    return coupon.times_redeemed > 0 or Order.objects.filter(coupon=coupon.pk).exists()


class CouponForm(MoneyForm):
    money = {"amount_off": "currency"}
    amount_off = MoneyField(label=_("Amount off"), required=False, help_text=_("Off the subtotal, in this currency."))

    class Meta:
        model = Coupon
        fields = (*TERMS, "redeem_by", "max_redemptions", "active")
        help_texts = {
            "code": _("What the customer types. Upper and lower case are the same."),
            "percent_off": _("For example 10 for 10 %. Leave empty for an amount."),
            "redeem_by": format_lazy(_("The last moment, in {zone}; empty for no end."), zone=settings.TIME_ZONE),
            "max_redemptions": _("Over all customers; empty for any number."),
        }

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"].strip()
        other = Coupon.objects.called(code)
        if other is not None and other.pk != self.instance.pk:
            raise forms.ValidationError(_("Coupon %(code)s has this code already."), params={"code": other.code})
        return code

    def clean_max_redemptions(self) -> int | None:
        most: int | None = self.cleaned_data["max_redemptions"]
        if most is not None and most < self.instance.times_redeemed:
            raise forms.ValidationError(
                _("It was redeemed %(times)d times already: allow at least as many, or make it inactive."),
                params={"times": self.instance.times_redeemed},
            )
        return most

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "percent_off" not in self.fields:
            return cleaned
        percent, has_amount = cleaned.get("percent_off"), cleaned.get("amount_off") or "amount_off" in self.errors
        if percent is not None and not 0 < percent <= 100:  # noqa: PLR2004 - a percentage
            self.add_error("percent_off", _("Give a percentage above 0 and up to 100."))
        if percent is not None and has_amount:
            self.add_error("amount_off", _("Give either a percentage or an amount, not both."))
        elif percent is not None:
            cleaned["currency"] = ""
        elif "amount_off" not in self.errors and "percent_off" not in self.errors:
            self._require_amount(cleaned)
        return cleaned

    def _require_amount(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("currency") and self.data.get(self.add_prefix("amount_off"), "").strip():
            self.add_error("currency", _("Choose the currency of the amount."))
        elif not cleaned.get("amount_off"):
            self.add_error("percent_off", _("Give a percentage, or an amount above zero with its currency."))


@admin.register(Coupon)
class CouponAdmin(Tabbed, StaffAdmin):
    form = CouponForm
    list_display = ("code", "terms", "redeemed", "expires", "status_badge")
    search_fields = ("code",)
    empty_text = _("A coupon takes a percentage or an amount off an order.")
    search_help_text = _("Code")
    fields = (*TERMS, "redeem_by", "max_redemptions", "times_redeemed", "active")
    tabs = (
        Tab(_("All")),
        Tab(_("Active"), Q(active=True), (("active__exact", "1"),)),
        Tab(_("Inactive"), Q(active=False), (("active__exact", "0"),)),
    )

    def get_fields(self, request: HttpRequest, obj: Coupon | None = None) -> tuple[str, ...]:
        if self._terms_are_fixed(request, obj):
            return ("code", "terms", "redeem_by", "max_redemptions", "times_redeemed", "active")
        return self.fields if obj else tuple(name for name in self.fields if name != "times_redeemed")

    def get_readonly_fields(self, request: HttpRequest, obj: Coupon | None = None) -> tuple[str, ...]:
        return ("code", "terms", "times_redeemed") if self._terms_are_fixed(request, obj) else ("times_redeemed",)

    def _terms_are_fixed(self, request: HttpRequest, coupon: Coupon | None) -> bool:
        return coupon is not None and (not self.has_change_permission(request, coupon) or is_used(coupon))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        coupon = self.get_object(request, object_id)
        if coupon is None or not self.has_delete_permission(request, coupon) or not is_used(coupon):
            return super().delete_view(request, object_id, extra_context)  # type: ignore[no-any-return]
        sentence = gettext("Coupon %(code)s was redeemed: it stays with its orders. Make it inactive to end it.")
        self.message_user(request, sentence % {"code": coupon.code}, messages.ERROR)
        return HttpResponseRedirect(reverse("admin:ecommerce_coupon_change", args=[object_id]))

    @column(_("discount"))
    def terms(self, coupon: Coupon) -> str:
        if coupon.percent_off is not None:
            return gettext("%(percent)s %% off") % {"percent": f"{coupon.percent_off.normalize():f}"}
        return gettext("%(money)s off") % {"money": format_money(coupon.amount_off or 0, coupon.currency)}

    @column(_("redeemed"))
    def redeemed(self, coupon: Coupon) -> str:
        most = coupon.max_redemptions
        return f"{coupon.times_redeemed:,}" if most is None else f"{coupon.times_redeemed:,} / {most:,}"

    @column(_("redeem by"))
    def expires(self, coupon: Coupon) -> SafeString | str:
        return moment(coupon.redeem_by)

    @column(_("status"))
    def status_badge(self, coupon: Coupon) -> SafeString:
        if not coupon.active:
            return badge("inactive", gettext("Inactive"))
        if coupon.expired(at=database_clock.now()):
            return badge("expired", gettext("Expired"))
        return badge("expired", gettext("Used up")) if coupon.used_up else badge("active", gettext("Active"))
