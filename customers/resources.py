"""The columns of a CSV file of customers."""

from typing import Any

from django.db.models import Model
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
        customer = Customer.objects.with_email(str(row.get("email") or "")).first()
        if customer:
            # Found by its e-mail in another spelling: an e-mail is changed by `change_email` alone.
            row["email"] = customer.email
        return customer

    def before_save_instance(self, instance: Customer, row: dict[str, Any], **options: Any) -> None:
        instance.profile_by_staff = True

    def do_instance_save(self, instance: Model, is_create: bool) -> None:  # noqa: FBT001 - the library's signature
        if not is_create:
            self.columns = [*{*self.columns, "profile_by_staff"} - {"email"}]
        super().do_instance_save(instance, is_create)
