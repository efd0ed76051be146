"""Whom mails are from: the seller, with what the law wants said below each of them."""

from django.conf import settings
from django.utils.translation import gettext as _

from billing.models import Seller
from customers.mail.layout import Sender, this_site
from customers.postal_addresses import address_lines

ADDRESS = ("line1", "line2", "city", "state", "postal_code", "country")


def read_sender() -> Sender:
    seller = Seller.objects.defer("logo").first()
    if seller is None or not seller.name:
        return Sender(name=this_site().name, is_test=settings.IS_TEST_SHOP)
    address = {name: getattr(seller, name) for name in ADDRESS}
    lines = [", ".join(address_lines({"name": "", **address}))] if seller.country else []
    lines += [seller.registration, _("VAT number %(id)s") % {"id": seller.tax_id} if seller.tax_id else ""]
    lines += [" · ".join(filter(None, [seller.email, seller.phone]))]
    return Sender(name=seller.name, lines=tuple(filter(None, lines)), is_test=settings.IS_TEST_SHOP)
