"""Attempts of customers to use a card, counted so that nobody can try out stolen ones."""

from django.db import models
from django.db.models.functions import Now

from billing.models.payment import Payment
from customers.models import Customer


class CardAttempt(models.Model):
    """A charge or a saving of a card that a customer asked for; rows older than an hour or so mean nothing.

    `declined` is empty while it is in flight, 0 where no card was declined, or else how heavily the decline counts.
    """

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    client_address = models.CharField(max_length=45, blank=True)
    payment = models.OneToOneField(Payment, models.CASCADE, null=True, blank=True, related_name="card_attempt")
    declined = models.PositiveSmallIntegerField(null=True, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["customer", "at"], name="cardattempt_customer"),
            models.Index(fields=["client_address", "at"], name="cardattempt_address"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} from {self.client_address}"
