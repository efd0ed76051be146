"""The models whose changes Activity shows, column by column, and why the others are not among them."""

from backoffice.activity.tracking import Tracked, TrackedLink

USER = Tracked(
    model="customers.user",
    table="customers_user",
    kind="staff",
    label="coalesce(nullif(btrim(r.first_name || ' ' || r.last_name), ''), r.username)",
    columns={
        **dict.fromkeys(("username", "first_name", "last_name", "email"), "staff"),
        **dict.fromkeys(("is_active", "is_staff", "is_superuser"), "right"),
    },
    secrets={"password": "staff", "session_generation": "sign_in"},
    ignored=frozenset({"id", "email_key", "last_login", "date_joined", "time_zone"}),
)
GROUP = Tracked(
    model="auth.group",
    table="auth_group",
    kind="right",
    label="r.name",
    columns={"name": "right"},
    ignored=frozenset({"id"}),
)
CUSTOMER = Tracked(
    model="customers.customer",
    table="customers_customer",
    kind="customer",
    label="btrim(r.first_name || ' ' || r.last_name || ' <' || r.email || '>')",
    columns=dict.fromkeys(
        ("email", "first_name", "last_name", "phone", "tax_id", "tax_exempt", "tax_exempt_reason", "user_id"),
        "customer",
    ),
    expressions={"user_id": "(SELECT u.username FROM customers_user u WHERE u.id = r.user_id)"},
    # The changes of the e-mail and of the tax id have their record; Stripe's number is written when the first card is
    # used.
    ignored=frozenset(
        {
            "id",
            "email_key",
            "email_changed_at",
            "profile_by_staff",
            "tax_id_checked_by",
            "tax_id_checked_at",
            "stripe_customer_id",
            "created_at",
            "erased_at",
        }
    ),
)
ADDRESS = Tracked(
    model="customers.address",
    table="customers_address",
    kind="address",
    label="concat_ws(', ', r.name, r.line1, r.city)",
    columns=dict.fromkeys(
        (
            "customer_id",
            "kind",
            "name",
            "company",
            "department",
            "line1",
            "line2",
            "city",
            "state",
            "postal_code",
            "country",
            "delivery_instructions",
            "is_default",
        ),
        "address",
    ),
    expressions={"customer_id": "(SELECT c.email FROM customers_customer c WHERE c.id = r.customer_id)"},
    ignored=frozenset({"id", "by_customer", "created_at"}),
)
PRODUCT = Tracked(
    model="ecommerce.product",
    table="ecommerce_product",
    kind="catalogue",
    label="r.name",
    columns=dict.fromkeys(
        (
            "name",
            "description",
            "image",
            "shippable",
            "tax_category",
            "final_sale",
            "withdrawal_exception",
            "active",
        ),
        "catalogue",
    ),
    ignored=frozenset({"id", "created_at"}),
)
SKU = Tracked(
    model="ecommerce.sku",
    table="ecommerce_sku",
    kind="catalogue",
    label="(SELECT concat_ws(', ', p.name, nullif(r.name, '')) FROM ecommerce_product p WHERE p.id = r.product_id)"
    " || ' (' || r.code || ')'",
    columns={
        **dict.fromkeys(("product_id", "code", "name", "image", "weight", "bin", "active"), "catalogue"),
        **dict.fromkeys(("price", "currency"), "price"),
        **dict.fromkeys(("inventory_type", "inventory_quantity", "low_stock_at"), "stock"),
    },
    expressions={"product_id": "(SELECT p.name FROM ecommerce_product p WHERE p.id = r.product_id)"},
    ignored=frozenset({"id"}),
)
COUPON = Tracked(
    model="ecommerce.coupon",
    table="ecommerce_coupon",
    kind="coupon",
    label="r.code",
    columns=dict.fromkeys(
        ("code", "percent_off", "amount_off", "currency", "redeem_by", "max_redemptions", "active"), "coupon"
    ),
    ignored=frozenset({"id", "times_redeemed", "created_at"}),  # orders redeem it
)
SHIPPING_ZONE = Tracked(
    model="ecommerce.shippingzone",
    table="ecommerce_shippingzone",
    kind="shipping",
    label="r.name",
    columns=dict.fromkeys(("name", "rest_of_world", "countries", "regions", "postal_codes"), "shipping"),
    expressions={name: f"nullif(r.{name}, '{{}}')" for name in ("countries", "regions", "postal_codes")},
    ignored=frozenset({"id"}),
)
SHIPPING_RATE = Tracked(
    model="ecommerce.shippingrate",
    table="ecommerce_shippingrate",
    kind="shipping",
    label="concat_ws(', ', (SELECT z.name FROM ecommerce_shippingzone z WHERE z.id = r.zone_id), r.name)",
    columns=dict.fromkeys(
        (
            "zone_id",
            "name",
            "currency",
            "price",
            "free_from",
            "weight_from",
            "weight_to",
            "days_from",
            "days_to",
            "active",
        ),
        "shipping",
    ),
    expressions={"zone_id": "(SELECT z.name FROM ecommerce_shippingzone z WHERE z.id = r.zone_id)"},
    ignored=frozenset({"id"}),
)
TAX_RATE = Tracked(
    model="ecommerce.taxrate",
    table="ecommerce_taxrate",
    kind="tax",
    label="concat_ws(', ', nullif(r.city, ''), nullif(r.region, ''), r.country) || ': ' || r.name || ' '"
    " || trim_scale(r.percent) || ' %'",
    columns=dict.fromkeys(
        (
            "country",
            "region",
            "postal_codes",
            "city",
            "tax_category",
            "name",
            "percent",
            "category",
            "reason",
            "valid_from",
            "valid_until",
        ),
        "tax",
    ),
    expressions={"postal_codes": "nullif(r.postal_codes, '{}')", "percent": "trim_scale(r.percent)"},
    ignored=frozenset({"id"}),
)
SHOP_SETTINGS = Tracked(
    model="ecommerce.shopsettings",
    table="ecommerce_shopsettings",
    kind="setting",
    label="'Shop settings'",
    columns=dict.fromkeys(
        (
            "country",
            "tax_id",
            "small_business",
            "small_business_reason",
            "tax_included_currencies",
            "shipping_tax",
            "tax_day",
            "stacked_countries",
            "return_days",
            "cancel_minutes",
            "answer_days",
            "payment_link_days",
            "low_stock_at",
        ),
        "setting",
    ),
    expressions={name: f"nullif(r.{name}, '{{}}')" for name in ("tax_included_currencies", "stacked_countries")},
    ignored=frozenset({"id"}),
)
SELLER = Tracked(
    model="billing.seller",
    table="billing_seller",
    kind="setting",
    label="'Seller'",
    columns=dict.fromkeys(
        (
            *("name", "line1", "line2", "city", "state", "postal_code", "country", "tax_id", "tax_number", "email"),
            *("phone", "registration", "bank", "footer", "currency"),
            *("invoice_prefix", "credit_note_prefix", "year_in_numbers"),
        ),
        "setting",
    ),
    secrets={"logo": "setting"},
    ignored=frozenset({"id", "version_id"}),
)
EXCHANGE_RATE = Tracked(
    model="billing.exchangerate",
    table="billing_exchangerate",
    kind="tax",
    label="upper(r.currency || ' in ' || r.to_currency) || ', ' || r.day",
    columns=dict.fromkeys(("currency", "to_currency", "rate", "day", "source"), "tax"),
    expressions={"rate": "trim_scale(r.rate)"},
    ignored=frozenset({"id"}),
)
REASON = Tracked(
    model="ecommerce.reason",
    table="ecommerce_reason",
    kind="setting",
    label="r.text",
    columns=dict.fromkeys(("kind", "text", "active", "position"), "setting"),
    ignored=frozenset({"id"}),
)
TAG = Tracked(
    model="ecommerce.tag",
    table="ecommerce_tag",
    kind="setting",
    label="r.name",
    columns=dict.fromkeys(("name", "colour"), "setting"),
    ignored=frozenset({"id"}),
)
API_KEY = Tracked(
    model="ecommerce.apikey",
    table="ecommerce_apikey",
    kind="key",
    label="r.name || ' (' || r.prefix || ')'",
    columns=dict.fromkeys(("name", "permissions", "revoked_at"), "key"),
    secrets={"hash": "key"},
    ignored=frozenset({"id", "prefix", "made_by", "created_at", "last_used_at"}),
)
WEBHOOK_ENDPOINT = Tracked(
    model="ecommerce.webhookendpoint",
    table="ecommerce_webhookendpoint",
    kind="webhook",
    label="coalesce(nullif(r.description, ''), r.url)",
    columns=dict.fromkeys(
        ("url", "description", "event_types", "active", "switched_off_reason", "owner_id", "owner_email"), "webhook"
    ),
    expressions={
        "event_types": "nullif(r.event_types, '{}')",
        "owner_id": "(SELECT u.username FROM customers_user u WHERE u.id = r.owner_id)",
    },
    secrets={"secret": "webhook"},
    # The previous secret follows from the secret; the rest is what the worker notes.
    ignored=frozenset(
        {
            "id",
            "previous_secret",
            "previous_secret_until",
            "switched_off_at",
            "failing_since",
            "failures",
            "retry_at",
            "created_at",
        }
    ),
)
MAIL_TEMPLATE = Tracked(
    model="customers.mailtemplate",
    table="customers_mailtemplate",
    kind="setting",
    label="'Mails: ' || r.kind",
    columns=dict.fromkeys(("kind", "enabled", "subject", "opening", "closing"), "setting"),
    ignored=frozenset({"id"}),
)
TRACKED = (
    USER, GROUP, CUSTOMER, ADDRESS, PRODUCT, SKU, COUPON, TAX_RATE, SHIPPING_ZONE, SHIPPING_RATE, SHOP_SETTINGS,
    SELLER, EXCHANGE_RATE, REASON, TAG, API_KEY, WEBHOOK_ENDPOINT, MAIL_TEMPLATE,
)  # fmt: skip
LINKS = (
    TrackedLink(
        table="customers_user_groups",
        owner="user_id",
        target="group_id",
        target_table="auth_group",
        of=USER,
        name="groups",
        kind="right",
    ),
    TrackedLink(
        table="customers_user_user_permissions",
        owner="user_id",
        target="permission_id",
        target_table="auth_permission",
        of=USER,
        name="user_permissions",
        kind="right",
    ),
    TrackedLink(
        table="auth_group_permissions",
        owner="group_id",
        target="permission_id",
        target_table="auth_permission",
        of=GROUP,
        name="permissions",
        kind="right",
    ),
)
TABLES = frozenset(each.table for each in (*TRACKED, *LINKS))

MONEY = "what an act of an order or of Stripe wrote: the order's own history tells it"
WORK = "what workers and acts write; people's part in it is recorded by `record`"
NOT_TRACKED = {
    "backoffice.activity": "the log itself",
    "backoffice.processlease": "what processes write to keep out of each other's way",
    "backoffice.retentionrun": "what the removal of old rows notes of itself",
    **dict.fromkeys(
        ("admin.logentry", "contenttypes.contenttype", "sessions.session", "auth.permission"),
        "Django's own: written by no act of its own",
    ),
    **dict.fromkeys(
        ("mfa.authenticator", "staff.rolesettings", "staff.invitation", "staff.staffsession"),
        "recorded by the acts of the staff's sign-in, which alone write them",
    ),
    **dict.fromkeys(
        ("socialaccount.socialapp", "socialaccount.socialaccount", "socialaccount.socialtoken"),
        "not written: the provider is configured by the environment, and nothing of a sign-in there is stored",
    ),
    **dict.fromkeys(("account.emailaddress", "account.emailconfirmation"), "follows the user's e-mail, which is"),
    **dict.fromkeys(
        (
            "billing.card", "billing.invoice", "billing.invoiceline", "billing.creditnote", "billing.payment",
            "billing.refund", "billing.refundallocation", "billing.refundfee",
            "billing.invoicetax", "billing.taxtransaction", "billing.counter", "billing.customerupdate",
            "billing.cardattempt", "billing.document", "billing.sellerversion",
            "ecommerce.order", "ecommerce.orderitem", "ecommerce.taxline",
            "ecommerce.orderwords", "ecommerce.orderact", "ecommerce.orderevent", "ecommerce.fulfillment",
            "ecommerce.fulfillmentitem", "ecommerce.return", "ecommerce.returnitem",
            "ecommerce.customerrequest", "ecommerce.ordertag", "ecommerce.paymentlink",
            "ecommerce.ordernote", "ecommerce.notemention", "ecommerce.noteattachment",
        ),
        MONEY,
    ),
    **dict.fromkeys(
        (
            "customers.mail", "billing.webhookevent", "billing.reconciliation", "billing.comparedobject",
            "billing.difference",
            "billing.restoreguard", "billing.striperemoval", "ecommerce.erasure", "ecommerce.fileimport",
            "ecommerce.bulkjob", "ecommerce.bulkjobslice",
            "ecommerce.bulkjobitem", "ecommerce.packing", "ecommerce.printout", "ecommerce.trackingfile",
            "ecommerce.trackingfilerow", "ecommerce.trackinglayout",
            "ecommerce.webhookdelivery",
        ),
        WORK,
    ),
}  # fmt: skip
"""Each with its reason. A new model is named here or in TRACKED, or a test fails."""
