"""People who are erased. The row is the queue; a Celery message only wakes a worker."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor
from customers.models import Customer


class Erasure(ByActor):
    """`words` are what the person is found by while it lasts, and are emptied with the last step."""

    customer = models.OneToOneField(Customer, models.PROTECT, related_name="erasure", verbose_name=_("customer"))
    words = models.JSONField(default=dict, blank=True, editable=False)
    stripe_customer_id = models.CharField(max_length=255, blank=True, editable=False)
    requested_at = models.DateTimeField(_("requested"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    error = models.TextField(_("waits for"), blank=True)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        default_permissions = ()
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="erasure_due")
        ]

    def __str__(self) -> str:
        return str(self.customer_id)
