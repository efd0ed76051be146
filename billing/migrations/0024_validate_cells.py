# Checks the existing rows under a lock that blocks nobody who reads or writes them.

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("billing", "0023_tax_and_cells")]
    operations = [
        ValidateConstraint("invoice", "billing_invoice_manual_discount_check"),
        ValidateConstraint("invoice", "billing_invoice_shipping_refunded_check"),
        ValidateConstraint("invoice", "billing_invoice_shipping_tax_check"),
        ValidateConstraint("invoiceline", "billing_invoiceline_discount_check"),
        ValidateConstraint("invoiceline", "billing_invoiceline_manual_discount_check"),
        ValidateConstraint("invoiceline", "billing_invoiceline_refunded_check"),
        ValidateConstraint("invoiceline", "billing_invoiceline_refunded_quantity_check"),
        ValidateConstraint("invoiceline", "billing_invoiceline_tax_check"),
        ValidateConstraint("invoice", "invoice_adds_up"),
        ValidateConstraint("invoice", "invoice_manual_discount"),
        ValidateConstraint("invoice", "invoice_shipping_tax"),
        ValidateConstraint("invoice", "invoice_shipping_refunded"),
        ValidateConstraint("invoiceline", "invoice_line_discount"),
        ValidateConstraint("invoiceline", "invoice_line_refunded"),
        ValidateConstraint("invoiceline", "invoice_line_refunded_quantity"),
    ]
