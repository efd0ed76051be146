"""A stock Django admin over the same database."""

from pelcro_orders.settings import (
    ACCOUNT_ADAPTER,
    ACCOUNT_LOGIN_METHODS,
    ACCOUNT_SIGNUP_FIELDS,
    ALLOWED_HOSTS,
    AUTHENTICATION_MINUTES_WEBSITE,
    DATABASES,
    DEFAULT_AUTO_FIELD,
    REDIS_URL,
    SECRET_KEY,
    STORAGES,
    STRIPE_API_BASE,
    STRIPE_MAX_REQUESTS_PER_ENDPOINT,
    STRIPE_MAX_REQUESTS_PER_SECOND,
    STRIPE_SECRET_KEY,
    STRIPE_TIMEOUTS,
)

__all__ = [
    "ACCOUNT_ADAPTER",
    "ACCOUNT_LOGIN_METHODS",
    "ACCOUNT_SIGNUP_FIELDS",
    "ALLOWED_HOSTS",
    "AUTHENTICATION_MINUTES_WEBSITE",
    "DATABASES",
    "DEFAULT_AUTO_FIELD",
    "REDIS_URL",
    "SECRET_KEY",
    "STORAGES",
    "STRIPE_API_BASE",
    "STRIPE_MAX_REQUESTS_PER_ENDPOINT",
    "STRIPE_MAX_REQUESTS_PER_SECOND",
    "STRIPE_SECRET_KEY",
    "STRIPE_TIMEOUTS",
]

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # without looking for admin modules: those are the theme's
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "import_export",
    "allauth",  # the customers' accounts import it
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "backoffice",
    "customers",
    "staff",
    "billing",
    "ecommerce",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "benchmarks.stock.urls"
AUTH_USER_MODEL = "customers.User"
STATIC_URL = "static/"
USE_TZ = True
