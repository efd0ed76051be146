"""Refuses or warns of a configuration that would start and then be wrong, or open what a demo leaves open."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name

from pelcro_orders import config

LIVE, TEST = ("sk_live_", "rk_live_", "pk_live_"), ("sk_test_", "rk_test_", "pk_test_")
FAKE_KEY = "sk_test_sandbox"
SECRET_KEY_LENGTH, SECRET_KEY_VARIETY = 32, 8


def is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost") or host.startswith("/") or not host


def base_url_host() -> str:
    return urlsplit(settings.BASE_URL).hostname or ""


def uses_fake_stripe() -> bool:
    key, base = settings.STRIPE_SECRET_KEY, urlsplit(settings.STRIPE_API_BASE).hostname or ""
    return bool(key == FAKE_KEY or (key.startswith(TEST) and is_this_machine(base)))


@register()
def stripe_keys(**_kwargs: Any) -> list[CheckMessage]:
    secret, publishable = settings.STRIPE_SECRET_KEY, settings.STRIPE_PUBLISHABLE_KEY
    found: list[CheckMessage] = []
    if secret and publishable and secret.startswith(LIVE) != publishable.startswith(LIVE):
        kinds = ("a live", "a test") if secret.startswith(LIVE) else ("a test", "a live")
        sentence = f"STRIPE_SECRET_KEY is {kinds[0]} key and STRIPE_PUBLISHABLE_KEY {kinds[1]} key: no card would work."
        found.append(
            Error(sentence, hint="Take both from the same page of Stripe's dashboard.", id="pelcro_orders.E001")
        )
    if secret.startswith(LIVE) and not settings.STRIPE_WEBHOOK_SECRET:
        sentence = "STRIPE_WEBHOOK_SECRET is missing beside a live key: disputes and refunds are heard of only later."
        hint = "Add the endpoint /webhooks/stripe/ in Stripe's dashboard, and set the whsec_… that it shows."
        found.append(Warning(sentence, hint=hint, id="pelcro_orders.W001"))
    if not secret and not settings.EMBEDDED_DATABASE:
        sentence = "STRIPE_SECRET_KEY is missing beside a configured DATABASE_URL: no order can be paid."
        found.append(Warning(sentence, hint="Set sk_live_…, or sk_test_… to try it.", id="pelcro_orders.W002"))
    return found


@register()
def addresses(**_kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for host in settings.ALLOWED_HOSTS:
        bare = host.strip("[]") if host.startswith("[") else host
        if "/" in host or (":" in host and bare == host):
            sentence = f"ALLOWED_HOSTS holds {host!r}, which no request matches."
            hint = "Write the name alone, without scheme, port and path: orders.example.com"
            found.append(Error(sentence, hint=hint, id="pelcro_orders.E002"))
    parts = urlsplit(settings.BASE_URL)
    if parts.path or parts.query or parts.fragment or parts.username:
        sentence = f"BASE_URL is {settings.BASE_URL!r}, and is to be an origin: links and cookies would be wrong."
        hint = f"Write {parts.scheme}://{parts.netloc.rpartition('@')[2]}, and serve it at the root of that host."
        found.append(Error(sentence, hint=hint, id="pelcro_orders.E003"))
    if settings.SECURE and not config.text("TRUSTED_PROXIES"):
        sentence = "BASE_URL is an https address and TRUSTED_PROXIES is not set: limits may count all people as one."
        hint = "Set TRUSTED_PROXIES to the number of proxies in front that add to X-Forwarded-For, or to 0."
        found.append(Warning(sentence, hint=hint, id="pelcro_orders.W003"))
    return found


@register()
def mail_server(**_kwargs: Any) -> list[CheckMessage]:
    if settings.MAIL_SERVER.name:
        return _unheard_bounces()
    if is_this_machine(base_url_host()):
        return []
    sentence = (
        f"EMAIL_URL is missing, and BASE_URL is {settings.BASE_URL}: no mail leaves, also none to set a password."
    )
    hint = "Set EMAIL_URL to smtp://user:password@host:587, smtps://…, or the address of a provider (README)."
    return [Warning(sentence, hint=hint, id="pelcro_orders.W004")]


def _unheard_bounces() -> list[CheckMessage]:
    server = settings.MAIL_SERVER
    if server.name == "smtp" or server.view:
        return []
    sentence = f"Mails leave by {server.name}, and nothing is heard of those that bounce."
    hint = f"Add the webhook {settings.BASE_URL}/webhooks/mail/{server.name}/ there, and set EMAIL_WEBHOOK_SECRET."
    return [Warning(sentence, hint=hint, id="pelcro_orders.W005")]


@register()
def nothing_of_a_demo(**_kwargs: Any) -> list[CheckMessage]:
    return [*_fake_stripe(), *_stored_by_make_run(), *_secret_key()]


def _fake_stripe() -> list[CheckMessage]:
    if not uses_fake_stripe():
        return []
    if settings.SECURE and not is_this_machine(base_url_host()):
        sentence = "The fake Stripe is configured beside an https address: orders would be paid that nobody paid."
        hint = "Set Stripe's own keys, and no STRIPE_API_BASE; or try it at https://orders.localhost."
        return [Error(sentence, hint=hint, id="pelcro_orders.E004")]
    asked_for = bool(config.from_environment("STRIPE_SECRET_KEY"))
    if not settings.EMBEDDED_DATABASE and not (asked_for and is_this_machine(settings.DATABASE["HOST"])):
        sentence = "The fake Stripe is configured beside a DATABASE_URL: orders would be paid there that nobody paid."
        hint = "Set STRIPE_SECRET_KEY to a key of Stripe's, or leave DATABASE_URL out."
        return [Error(sentence, hint=hint, id="pelcro_orders.E005")]
    return []


def _stored_by_make_run() -> list[CheckMessage]:
    used = [name for name in config.make_run_variables() if not config.from_environment(name)]
    if not (settings.SECURE and used):
        return []
    sentence = (
        f"BASE_URL is an https address, and {', '.join(used)} would come from {settings.VAR_DIR}/environment.json."
    )
    hint = "That file is for `make run` on one machine: set these variables, or another VAR_DIR."
    return [Error(sentence, hint=hint, id="pelcro_orders.E006")]


def _secret_key() -> list[CheckMessage]:
    hint = 'Make one: python -c "import secrets; print(secrets.token_urlsafe(50))"'
    found: list[CheckMessage] = []
    for name, keys in {
        "SECRET_KEY": [settings.SECRET_KEY],
        "SECRET_KEY_FALLBACKS": settings.SECRET_KEY_FALLBACKS,
    }.items():
        if any(len(key) < SECRET_KEY_LENGTH or len(set(key)) < SECRET_KEY_VARIETY for key in keys):
            sentence = (
                f"{name} can be guessed: a key needs {SECRET_KEY_LENGTH} characters, {SECRET_KEY_VARIETY} different."
            )
            found.append(Error(sentence, hint=hint, id="pelcro_orders.E007"))
    return found
