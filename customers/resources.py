"""The columns of a CSV file of customers."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.resources import CsvResource
from customers.models import Customer


class CustomerResource(CsvResource):
    class Meta(CsvResource.Meta):
        model = Customer
        fields = ("email", "first_name", "last_name", "phone")
        import_id_fields = ("email",)
        name = _("Customers")

    def get_instance(self, instance_loader: Any, row: dict[str, Any]) -> Customer | None:
        return Customer.objects.with_email(str(row.get("email") or "")).first()
