"""After how many days what is old is removed, each night (docs/operating.md, "What is removed"); 0: never."""

from pelcro_orders import config

# Stripe sends an event again for 30 days, by itself or at a click.
WEBHOOK_PAYLOAD_DAYS = config.days("WEBHOOK_PAYLOAD_DAYS", 30)
WEBHOOK_EVENT_DAYS = config.days("WEBHOOK_EVENT_DAYS", 90, least=31)
WEBHOOK_DELIVERY_DAYS = config.days("WEBHOOK_DELIVERY_DAYS", 30)
# Their links are secrets: these go in any case.
ACCOUNT_MAIL_DAYS = config.number("ACCOUNT_MAIL_DAYS", 3, least=1, most=365)
MAIL_DAYS = config.days("MAIL_DAYS", 730, least=30)
EXPORT_DAYS = config.days("EXPORT_DAYS", 7)
UPLOAD_DAYS = config.days("UPLOAD_DAYS", 1)
IMPORT_DAYS = config.days("IMPORT_DAYS", 30)
BULK_JOB_DAYS = config.days("BULK_JOB_DAYS", 365, least=30)
ENDED_LINK_DAYS = config.days("ENDED_LINK_DAYS", 90, least=30)
RECONCILIATION_DAYS = config.days("RECONCILIATION_DAYS", 365, least=31)
STRIPE_REMOVAL_DAYS = config.days("STRIPE_REMOVAL_DAYS", 90, least=31)
ACTIVITY_DAYS = config.days("ACTIVITY_DAYS", 1095, least=90)
IDEMPOTENCY_KEY_DAYS = config.days("IDEMPOTENCY_KEY_DAYS", 0, least=30)
