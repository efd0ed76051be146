"""The groups of staff and their permissions, created by migrations; their names are fixed."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db.models import Q

from backoffice.activity.origin import silent

SEE = frozenset(
    {
        "customers.view_customer",
        "customers.view_address",
        "customers.view_mail",
        "billing.view_card",
        "billing.view_invoice",
        "billing.view_invoiceline",
        "billing.view_creditnote",
        "billing.view_payment",
        "billing.view_refund",
        "ecommerce.view_product",
        "ecommerce.view_sku",
        "ecommerce.view_coupon",
        "ecommerce.view_shippingzone",
        "ecommerce.view_shippingrate",
        "ecommerce.view_taxrate",
        "ecommerce.view_tag",
        "ecommerce.view_order",
        "ecommerce.view_orderitem",
        "ecommerce.view_orderevent",
        "ecommerce.view_bulkjob",
        "ecommerce.view_return",
        "ecommerce.view_customerrequest",
        "ecommerce.view_reason",
    }
)
SERVE = frozenset(
    {
        "ecommerce.organize_order",
        "ecommerce.hold_order",
        "ecommerce.correct_address",
        "ecommerce.add_order",
        "ecommerce.cancel_order",
        "ecommerce.return_order",
        "ecommerce.handle_return",
        "customers.add_customer",
        "customers.change_customer",
        "customers.add_address",
        "customers.change_address",
        "customers.delete_address",
        "customers.resend_mail",
        "customers.write_mail",
    }
)
SEND = frozenset(
    {
        "ecommerce.fulfill_order",
        "ecommerce.undo_fulfillment",
        "ecommerce.export_order",
        "ecommerce.organize_order",
        "ecommerce.hold_order",
        "ecommerce.correct_address",
    }
)
ACCOUNT = frozenset(
    {
        "ecommerce.organize_order",
        "billing.refund_payment",
        "billing.view_difference",
        "billing.end_difference",
        "ecommerce.export_order",
        "ecommerce.handle_return",
        "ecommerce.view_shopsettings",
        "billing.change_invoice",
        "billing.view_seller",
        "billing.view_exchangerate",
        "billing.add_exchangerate",
        "billing.change_exchangerate",
        "billing.delete_exchangerate",
        "ecommerce.add_taxrate",
        "ecommerce.change_taxrate",
        "ecommerce.delete_taxrate",
    }
)
RUN = frozenset(
    {
        "ecommerce.add_tag",
        "ecommerce.change_tag",
        "ecommerce.delete_tag",
        "ecommerce.add_product",
        "ecommerce.change_product",
        "ecommerce.delete_product",
        "ecommerce.add_sku",
        "ecommerce.change_sku",
        "ecommerce.delete_sku",
        "ecommerce.add_coupon",
        "ecommerce.change_coupon",
        "ecommerce.delete_coupon",
        "ecommerce.add_shippingzone",
        "ecommerce.change_shippingzone",
        "ecommerce.delete_shippingzone",
        "ecommerce.add_shippingrate",
        "ecommerce.change_shippingrate",
        "ecommerce.delete_shippingrate",
        "ecommerce.override_shipping",
        "ecommerce.add_reason",
        "ecommerce.change_reason",
        "ecommerce.delete_reason",
        "ecommerce.view_shopsettings",
        "ecommerce.discount_order",
        "ecommerce.change_shopsettings",
        "customers.view_mailtemplate",
        "customers.change_mailtemplate",
        "billing.view_webhookevent",
        "billing.change_webhookevent",
        "ecommerce.view_webhookendpoint",
        "ecommerce.add_webhookendpoint",
        "ecommerce.change_webhookendpoint",
        "ecommerce.delete_webhookendpoint",
        "ecommerce.view_webhookdelivery",
        "ecommerce.resend_webhookdelivery",
        "ecommerce.fulfill_attention_order",
        "backoffice.view_activity",
        "customers.erase_customer",
    }
)
ROLES: dict[str, frozenset[str]] = {
    "Viewer": SEE,
    "Support": SEE | SERVE,
    "Fulfillment": SEE | SEND,
    "Finance": SEE | ACCOUNT,
    "Manager": SEE | SERVE | SEND | ACCOUNT | RUN,
}


def make_roles(registry: Apps) -> None:
    """Create the groups, and set those of their permissions that exist by now.

    A migration that adds a permission calls this again. Permissions are created here since Django creates them only
    after the last migration.
    """
    # An early migration does not know the apps whose tables come later.
    for label in {"backoffice", "customers", "billing", "ecommerce"} & set(registry.app_configs):
        config: Any = registry.get_app_config(label)
        # In a migration the apps are stubs without models_module, which create_permissions skips.
        module = getattr(config, "models_module", None)
        config.models_module = module or True
        create_permissions(config, verbosity=0, apps=registry)
        config.models_module = module
    # The log of a new installation begins with what people do; later on, what an upgrade gives to a role is recorded.
    with nullcontext() if registry.get_model("customers", "User").objects.exists() else silent():
        _make_groups(registry)


def _make_groups(registry: Apps) -> None:
    permissions = registry.get_model("auth", "Permission").objects
    for name, labels in ROLES.items():
        group, _ = registry.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.set(permissions.filter(any_of(labels)))


def any_of(labels: Iterable[str]) -> Q:
    matching = Q(pk=None)
    for label in labels:
        app, codename = label.split(".")
        matching |= Q(content_type__app_label=app, codename=codename)
    return matching
