"""What the last release has. Its programs run beside those of the next one while that is rolled out.

Whoever makes a release writes what is then newest here.
"""

# The newest migration of each app: those after it are linted, and the models of that time must work on their database.
MIGRATIONS = {
    "backoffice": "0003_tax_activity",
    "billing": "0031_seller_and_documents",
    "customers": "0015_mail_kind_of_payment_links",
    "ecommerce": "0060_messages",
    "staff": "0003_discount_ceiling",
}

# The tasks of the last release with their arguments: its programs enqueue them, and the next one's work on them.
TASKS: dict[str, tuple[str, ...]] = {
    "billing.make_document": ("document_id",),
    "billing.make_documents": (),
    "billing.process_event": ("event_id",),
    "billing.reconcile": ("reconciliation_id",),
    "billing.reconcile_nightly": (),
    "billing.record_tax": ("tax_transaction_id",),
    "billing.remove_at_stripe": ("removal_id",),
    "billing.remove_old_payloads": (),
    "billing.update_customer": ("update_id",),
    "customers.remove_old_mail_texts": (),
    "customers.send_mails": (),
    "ecommerce.erase_customer": ("erasure_id",),
    "ecommerce.remove_old_exports": (),
    "ecommerce.remove_old_webhooks": (),
    "ecommerce.send_webhooks": (),
    "ecommerce.settle_act": ("act_id",),
    "ecommerce.sweep": (),
    "ecommerce.work_import": ("import_id",),
    "ecommerce.work_job": ("job_id",),
    "ecommerce.work_tracking_file": ("file_id",),
}
