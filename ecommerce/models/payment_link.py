"""Payment links: pages on which an order is paid without signing in."""

import uuid
from typing import Any, Self

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor
from ecommerce.models.order import Order

MAX_TOKEN_LENGTH = 200


def _signer() -> Signer:
    return Signer(salt="ecommerce.payment_link", sep=".")


class PaymentLinkQuerySet(models.QuerySet["PaymentLink"]):
    """How payment links are found."""

    def of_token(self, token: str) -> "PaymentLink | None":
        """Return the link of a token, whatever has become of it; None for a token that is not ours."""
        if len(token) > MAX_TOKEN_LENGTH:
            return None
        try:
            signed: Any = _signer().unsign_object(token)
            key, order_id = uuid.UUID(hex=signed[0]), int(signed[1])
        except (BadSignature, ValueError, TypeError, LookupError, AttributeError):
            return None
        return self.filter(uuid=key, order=order_id).select_related("order").first()

    def not_revoked(self) -> Self:
        """Those that nobody has revoked and no other one has replaced, ended ones too."""
        return self.filter(revoked_at=None)


class PaymentLink(ByActor):
    """Lets whoever has it pay one order, until it ends or is revoked; one that is paid or canceled needs neither.

    The token names `uuid` and not the primary key, which a database restored from a backup gives out again.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    order = models.ForeignKey(
        Order,
        models.CASCADE,
        related_name="payment_links",
        db_index=False,
        db_constraint=False,  # it would lock both tables
        verbose_name=_("order"),
    )
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("ends"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = PaymentLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment link")
        verbose_name_plural = _("payment links")
        default_permissions = ()
        indexes = [models.Index(fields=["order"], name="payment_link_of_order")]
        constraints = [
            models.UniqueConstraint(fields=["order"], condition=Q(revoked_at=None), name="payment_link_one_an_order"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.expires_at:%Y-%m-%d %H:%M}"

    @property
    def token(self) -> str:
        """Signed, so that neither another link's nor another order's can be made of it."""
        return _signer().sign_object([self.uuid.hex, self.order_id])

    @property
    def url(self) -> str:
        """Whoever has it can pay: it is shown and mailed, and neither logged nor written into history."""
        return settings.BASE_URL + reverse("payment_link", args=[self.token])
