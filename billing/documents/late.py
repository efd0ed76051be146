"""What the settings lacked when an invoice was issued is taken as they are when its first document is made."""

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from billing.documents.errors import CannotIssue
from billing.documents.parts import day_of
from billing.models import CreditNote, ExchangeRate, Invoice, Seller


def freeze_what_was_missing(issued: Invoice | CreditNote) -> None:
    """Freeze seller and exchange rate where they are missing; raise CannotIssue where they are still."""
    invoice = issued.invoice if isinstance(issued, CreditNote) else issued
    if issued.seller is None or invoice.seller is None:
        _freeze_seller(issued, invoice)
    if invoice.tax and invoice.seller_currency and invoice.exchange_rate is None:
        _freeze_rate(invoice)


def _freeze_seller(issued: Invoice | CreditNote, invoice: Invoice) -> None:
    seller = Seller.objects.select_related("version").filter(pk=1).first()
    if seller is None or seller.version is None:
        if settings.IS_TEST_SHOP:
            _fill(invoice, "seller", is_test=True)
            return
        words = _("Nobody has filled in who sells: do so under Settings, Seller. It is issued by itself then.")
        raise CannotIssue("seller", words)
    if invoice.seller is None:
        currency = seller.currency if seller.currency != invoice.currency else ""
        is_test = invoice.is_test or settings.IS_TEST_SHOP
        _fill(invoice, "seller", seller=seller.version, seller_currency=currency, is_test=is_test)
    if issued.seller is None:
        _fill(issued, "seller", seller=seller.version)


def _freeze_rate(invoice: Invoice) -> None:
    day = day_of(invoice.issued_at)
    rates = ExchangeRate.objects.filter(currency=invoice.currency, to_currency=invoice.seller_currency, day__lte=day)
    rate = rates.order_by("-day").first()
    if rate is None:
        words = _(
            "There is no exchange rate of %(currency)s in %(books)s on %(day)s: add one. It is issued by itself then."
        )
        values = {"currency": invoice.currency.upper(), "books": invoice.seller_currency.upper()}
        raise CannotIssue("exchange_rate", words % {**values, "day": date_format(day)})
    _fill(invoice, "exchange_rate", exchange_rate=rate.rate, exchange_rate_source=rate.source)


def _fill(issued: Invoice | CreditNote, missing: str, **values: object) -> None:
    """Write what is missing, unless another worker has meanwhile: then take what that has frozen."""
    rows = type(issued)._default_manager.filter(pk=issued.pk)  # noqa: SLF001 - Django's public name for it
    rows.filter(**{missing: None}).update(**values)
    issued.refresh_from_db(fields=[*values])
