"""Django's settings: read the environment, compute addresses, start nothing."""

import sys
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from corsheaders.defaults import default_headers
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from kombu import Queue

from pelcro_orders import config, single_sign_on
from pelcro_orders.beat_schedule import CELERY_BEAT_SCHEDULE as CELERY_BEAT_SCHEDULE
from pelcro_orders.config import BASE_DIR
from pelcro_orders.content_security_policy import content_security_policy
from pelcro_orders.database_settings import NO_POOLER, TRANSACTION, databases
from pelcro_orders.logs import logging_settings
from pelcro_orders.mail_server import SCHEMES, SMTP_SECONDS, SUBMISSION, mail_server
from pelcro_orders.monitoring.settings import METRICS_TOKEN as METRICS_TOKEN
from pelcro_orders.monitoring.settings import RELEASE as RELEASE
from pelcro_orders.navigation import UNFOLD as UNFOLD
from pelcro_orders.process_name import kind_of
from pelcro_orders.retention import *  # noqa: F403
from pelcro_orders.service_urls import broker_url, database_settings, is_embedded, redis_url, storage_settings

VAR_DIR = config.var_dir()
DEBUG = config.flag("DEBUG")
LOG_FORMAT = config.one_of("LOG_FORMAT", ("line", "json") if sys.stderr.isatty() else ("json", "line"))
OTEL_EXPORTER_OTLP_ENDPOINT = config.url("OTEL_EXPORTER_OTLP_ENDPOINT", schemes=("http", "https"))
SENTRY_DSN = config.url("SENTRY_DSN", schemes=("http", "https"))
LOGGING = logging_settings(LOG_FORMAT, traced=bool(OTEL_EXPORTER_OTLP_ENDPOINT))
PORT = config.number("PORT", 8000, least=1, most=65535)
BASE_URL = config.url("BASE_URL", f"http://127.0.0.1:{PORT}", schemes=("http", "https"))
SECRET_KEY = config.text("SECRET_KEY")
if not SECRET_KEY:
    message = "SECRET_KEY is missing; set it to a long random text (`make run` keeps one of its own in VAR_DIR)."
    raise ImproperlyConfigured(message)
SECRET_KEY_FALLBACKS = config.comma_separated("SECRET_KEY_FALLBACKS")  # nothing is signed with them any more

SECURE = urlsplit(BASE_URL).scheme == "https"
ALLOWED_HOSTS = config.comma_separated(
    "ALLOWED_HOSTS", (urlsplit(BASE_URL).hostname or "", "127.0.0.1", "localhost", "[::1]")
)
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CSRF_FAILURE_VIEW = "backoffice.kept_forms.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if SECURE else 0
# Only where asked for: both speak for sites beside this one, and the second can't be taken back for months.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE and config.flag("HSTS_INCLUDE_SUBDOMAINS")
SECURE_HSTS_PRELOAD = SECURE and config.flag("HSTS_PRELOAD")
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # which want both
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # its default AppConfig replaces StaffSite by a site of its own
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "pelcro_orders.apps.StaffAdminConfig",  # after the theme, whose templates override Django's
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "import_export",
    "corsheaders",
    "csp",
    "ninja",
    "anymail",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "backoffice",
    "customers",
    "staff",
    "billing",
    "ecommerce",
]
MIDDLEWARE = [
    "pelcro_orders.health.health",
    "pelcro_orders.monitoring.requests.count_requests",
    "pelcro_orders.request_log.request_log",
    "pelcro_orders.unavailable.note_writes",
    "django.middleware.security.SecurityMiddleware",
    "pelcro_orders.content_security.ContentSecurity",
    "pelcro_orders.edge.limits.limit_bodies",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "backoffice.request_text.RequestTextMiddleware",  # before anything looks up a cookie
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "ecommerce.api.middleware.api_middleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "pelcro_orders.activity.activity_middleware",
    "backoffice.kept_forms.middleware",
    "customers.zones.middleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "staff.gate.StaffGate",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "pelcro_orders.urls"
WSGI_APPLICATION = "pelcro_orders.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "staff.context.front_door",
            ]
        },
    }
]

# A payment or refund must be on disk before Stripe is called: synchronous_commit stays on, PostgreSQL's default.
DATABASE = database_settings(config.text("DATABASE_URL"), VAR_DIR)
EMBEDDED_DATABASE = is_embedded(DATABASE["HOST"])  # that of `make run`, or of another command without DATABASE_URL
DATABASE_POOLER = config.one_of("DATABASE_POOLER", (NO_POOLER, TRANSACTION))
DATABASE_POOL_SIZE = config.number("DATABASE_POOL_SIZE", 0, least=0, most=1000)
DATABASES = databases(DATABASE, pooler=DATABASE_POOLER, pool_size=DATABASE_POOL_SIZE, kind=kind_of(sys.argv))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "customers.User"
# Staff sign in to the admin by user name, customers on the website by e-mail.
AUTHENTICATION_BACKENDS = ["staff.backends.StaffBackend", "customers.accounts.CustomerBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "admin:login"
SESSION_ENGINE = "customers.sessions"
SESSION_IDLE_HOURS = config.number("SESSION_IDLE_HOURS", 8, least=1, most=24 * 30)  # of staff
SESSION_DAYS = config.number("SESSION_DAYS", 14, least=1, most=365)
SESSION_COOKIE_AGE = int(timedelta(days=SESSION_DAYS).total_seconds())

# The front door of the staff: second factors, and sign-in by OpenID Connect.
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_FORMS = {"change_password": "staff.forms.OwnPasswordForm"}
# The prefix has browsers refuse these cookies without TLS, and from any other host, such as a subdomain.
COOKIE_PREFIX = "__Host-" if SECURE else ""
KNOWN_DEVICE_COOKIE = f"{COOKIE_PREFIX}known_device"
SUPERUSERS_NEED_SECOND_FACTOR = config.flag("SUPERUSERS_NEED_SECOND_FACTOR")
MFA_ADAPTER = "staff.adapters.StaffSecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {"authenticate": "staff.forms.SecondFactorForm", "add_webauthn": "staff.forms.PasskeyForm"}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RATE_LIMITS = {"webauthn_login": ""}  # a key can't be guessed
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE
OIDC_ISSUER = config.url("OIDC_ISSUER", schemes=("https", "http"))
CONTENT_SECURITY_POLICY = content_security_policy(OIDC_ISSUER)
OIDC_NAME = config.text("OIDC_NAME", "single sign-on")
SOCIALACCOUNT_ADAPTER = "staff.adapters.StaffSingleSignOn"
SOCIALACCOUNT_PROVIDERS = single_sign_on.providers(
    OIDC_ISSUER, OIDC_NAME, config.text("OIDC_CLIENT_ID"), config.text("OIDC_CLIENT_SECRET")
)

# Accounts on the website. Each access token belongs to a session in the database: signing out ends both.
ACCOUNT_ADAPTER = "customers.accounts.CustomerAccounts"
ACCOUNT_SIGNUP_FORM_CLASS = "customers.accounts.SignUpForm"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_RATE_LIMITS = {
    "login": "",  # customers.sign_in_limits decides
    "login_failed": "5/5m/key",  # second factors, once the password was right
    "signup": "60/m/ip",
    "reset_password": "3/10m/key",
    "reset_password_from_key": "",  # a key can't be guessed
    "confirm_email": "1/m/key",
}
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"  # noqa: S105 - a class
HEADLESS_JWT_ALGORITHM = "HS256"
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = int(timedelta(hours=1).total_seconds())
HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN = SESSION_COOKIE_AGE
HEADLESS_FRONTEND_URLS = {
    "account_signup": f"{BASE_URL}/shop/sign-in/",
    "account_confirm_email": f"{BASE_URL}/shop/confirm/#{{key}}",
    "account_reset_password": f"{BASE_URL}/shop/password/",
    "account_reset_password_from_key": f"{BASE_URL}/shop/password/#{{key}}",
}

# The API. TRUSTED_PROXIES is how many proxies of our own add to X-Forwarded-For.
ALLAUTH_TRUSTED_PROXY_COUNT = config.number("TRUSTED_PROXIES", 0, least=0, most=10)
API_BODY_BYTES = 64 * 1024
API_REQUESTS_PER_MINUTE = config.number("API_REQUESTS_PER_MINUTE", 600, least=1, most=1_000_000)
API_REQUESTS_PER_MINUTE_AND_ADDRESS = config.number(
    "API_REQUESTS_PER_MINUTE_AND_ADDRESS", 3000, least=1, most=1_000_000
)
# Card testing: so many declines of a customer are free, then each one doubles the wait, then no card is taken until the
# last decline is so many minutes old. Of an IP address, which many customers may share, so many times as much.
CARD_DECLINES_FREE = config.number("CARD_DECLINES_FREE", 8, least=1, most=1000)
CARD_DECLINES_STOP = config.number("CARD_DECLINES_STOP", 20, least=2, most=1000)
CARD_DECLINES_MINUTES = config.number("CARD_DECLINES_MINUTES", 60, least=1, most=24 * 60)
CARD_DECLINES_ADDRESS_TIMES = config.number("CARD_DECLINES_ADDRESS_TIMES", 5, least=1, most=1000)
CORS_ALLOWED_ORIGINS = config.comma_separated("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/api/v1/sdk/"
CORS_ALLOW_HEADERS = (*default_headers, "idempotency-key")
CORS_EXPOSE_HEADERS = ("Retry-After",)
LOGIN_REDIRECT_URL = "admin:index"

TAX_PROVIDER = config.one_of("TAX_PROVIDER", ("table", "stripe"))
PRICES_INCLUDE_TAX = config.flag("PRICES_INCLUDE_TAX")  # of a new shop; from then on /admin/settings/ says it
TAX_ID_CHECKER = "customers.tax_ids.check_offline"

# No result backend and no acks_late: rows are the queue, a message only wakes a worker (docs/decisions).
REDIS = config.url("REDIS_URL", schemes=("redis", "rediss", "unix"))
REDIS_URL = redis_url(REDIS, VAR_DIR)
CACHES = {
    "default": {
        "BACKEND": "pelcro_orders.cache.SharedCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}
CELERY_BROKER_URL = broker_url(REDIS, VAR_DIR)
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2, "retry_on_timeout": False}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # else worker and beat leave for good after 47 minutes without Redis
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Workers take from these in turn, so that many webhook events at once delay neither staff nor the sweep.
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in ("celery", "clock", "events", "mail")]
CELERY_TASK_ROUTES = {
    "ecommerce.sweep": {"queue": "clock"},
    "billing.process_event": {"queue": "events"},
    "customers.send_mails": {"queue": "mail"},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False  # else the log, once configured, writes into itself, and is lost
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "pelcro_orders.beat:MonotonicScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat" / "schedule.pickle")

STRIPE_SECRET_KEY = config.stripe_key("STRIPE_SECRET_KEY", prefixes=("sk_", "rk_"))
IS_TEST_SHOP = not STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))  # as its documents say
STRIPE_PUBLISHABLE_KEY = config.stripe_key("STRIPE_PUBLISHABLE_KEY", prefixes=("pk_",))
STRIPE_WEBHOOK_SECRET = config.stripe_key("STRIPE_WEBHOOK_SECRET", prefixes=("whsec_",))
# Webhooks out: which private networks may be called.
WEBHOOK_PRIVATE_ADDRESSES = config.networks("WEBHOOK_PRIVATE_ADDRESSES")
STRIPE_API_BASE = config.url("STRIPE_API_BASE", "https://api.stripe.com", schemes=("http", "https"))
STRIPE_JS_URL = config.url("STRIPE_JS_URL", "https://js.stripe.com/v3", schemes=("http", "https"))
STRIPE_TIMEOUTS = (3.0, 20.0)  # seconds to connect, and to read
# How long an order on the website keeps stock and coupon while its customer authenticates; by staff it is a day.
AUTHENTICATION_MINUTES_WEBSITE = config.number("AUTHENTICATION_MINUTES_WEBSITE", 60, least=5, most=24 * 60)
STRIPE_MAX_REQUESTS_PER_ENDPOINT = config.number("STRIPE_MAX_REQUESTS_PER_ENDPOINT", 25, least=1, most=10_000)
STRIPE_MAX_REQUESTS_PER_SECOND = config.number("STRIPE_MAX_REQUESTS_PER_SECOND", 20, least=1, most=10_000)

LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", _("English"))]
TIME_ZONE = config.time_zone("TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
# The folder of `collectstatic`: compressed files with hashed names, cached for ever. Without it, files are served
# from the apps.
STATIC_ROOT = config.text("STATIC_ROOT") or None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
EXPORT_STORAGE_URL = config.url("EXPORT_STORAGE_URL", schemes=("s3", "file"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR_DIR / "files"}},
    "exports": storage_settings(EXPORT_STORAGE_URL, VAR_DIR / "files"),
    "import_export": storage_settings(EXPORT_STORAGE_URL, VAR_DIR / "files"),
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_ROOT
        else "pelcro_orders.static_files.ServedFromTheApps",
        "OPTIONS": {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755},
    },
}

# What is sent by Django's means becomes a row, which a worker sends by MAIL_BACKEND; without a server, mails are kept
# in the mailbox of the admin.
EMAIL_BACKEND = "customers.mail.backend.OutboxBackend"
EMAIL_WEBHOOK_SECRET = config.text("EMAIL_WEBHOOK_SECRET")
MAIL_SERVER = mail_server(
    config.url("EMAIL_URL", schemes=SCHEMES),
    webhook_secret=EMAIL_WEBHOOK_SECRET,
    webhook_key=config.text("EMAIL_WEBHOOK_KEY"),
)
MAIL_BACKEND, ANYMAIL = MAIL_SERVER.backend, MAIL_SERVER.anymail
# All connections together; mails of mass actions wait behind the others, and all for the rate.
MAIL_MAX_PER_SECOND = config.number("MAIL_MAX_PER_SECOND", 10, least=1, most=10_000)
MAIL_CONNECTIONS = config.number("MAIL_CONNECTIONS", 4, least=1, most=50)
EMAIL_HOST, EMAIL_PORT = MAIL_SERVER.smtp.hostname or "", MAIL_SERVER.smtp.port or SUBMISSION
EMAIL_HOST_USER = unquote(MAIL_SERVER.smtp.username or "")
EMAIL_HOST_PASSWORD = unquote(MAIL_SERVER.smtp.password or "")
EMAIL_USE_SSL = MAIL_SERVER.smtp.scheme == "smtps"
EMAIL_USE_TLS = MAIL_SERVER.smtp.scheme == "smtp" and EMAIL_PORT == SUBMISSION
EMAIL_TIMEOUT = SMTP_SECONDS
DEFAULT_FROM_EMAIL = config.text("EMAIL_FROM", f"orders@{urlsplit(BASE_URL).hostname}")
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # mass actions send one field for each ticked order

# The edge: what a request may carry, and how long it may take to arrive.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
BODY_SECONDS = 20
UPLOAD_FILE_BYTES = 20_000_000
UPLOAD_BYTES, UPLOAD_SECONDS = UPLOAD_FILE_BYTES + 64 * 1024, 600  # with the other fields of its form

SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid", f"{COOKIE_PREFIX}csrftoken"
MESSAGE_STORAGE = "pelcro_orders.cookies.MessageStorage"

# Files are their owner's alone, but static ones, which a web server in front may read.
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o600, 0o700
