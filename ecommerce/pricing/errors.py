"""Requests that can't be priced."""

from typing import ClassVar

from django.utils.functional import Promise


class PricingError(Exception):
    """A request that can't be priced. `code` and `field` are for programs, `message` is a sentence for users."""

    code: ClassVar[str]
    field: ClassVar[str] = "items"

    def __init__(self, sentence: str | Promise) -> None:
        super().__init__(sentence)

    @property
    def message(self) -> str:
        """The sentence for the user."""
        # Translated when it is read, in the language of that request.
        return str(self)


class ItemsRequired(PricingError):
    """No line was requested."""

    code = "items_required"


class TooManyItems(PricingError):
    """More lines than MAX_LINES."""

    code = "too_many_items"


class MixedCurrencies(PricingError):
    """The SKUs have more than one currency."""

    code = "mixed_currencies"


class InvalidQuantity(PricingError):
    """A quantity outside 1 to MAX_QUANTITY."""

    code = "invalid_quantity"


class CouponCurrencyMismatch(PricingError):
    """An amount off in another currency than the order's."""

    code = "invalid_coupon"
    field = "coupon_code"


class AmountTooLarge(PricingError):
    """More than Stripe charges at once in this currency."""

    code = "amount_too_large"


class AmountTooSmall(PricingError):
    """Less than Stripe charges in this currency, and not zero."""

    code = "amount_too_small"


class RefundTooLarge(PricingError):
    """More than is left to give back."""

    code = "refund_too_large"
    field = "amount"
