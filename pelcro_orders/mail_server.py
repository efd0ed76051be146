"""The mail server or provider that EMAIL_URL names."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SUBMISSION = 587  # STARTTLS
SMTP_SECONDS, CONNECT_SECONDS, READ_SECONDS = 10, 5, 20
SMTP = ("smtp", "smtps")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What the parts of an address `provider://user:password@host?option=value` are to django-anymail.

    Each is the name of a setting without the provider's prefix. `signs` is the setting of the key that its webhooks
    are signed with, `signs_all` whether they always are; those of the others come with a name and password
    (EMAIL_WEBHOOK_SECRET).
    """

    example: str
    prefix: str
    view: str
    user: str = "API_KEY"
    password: str = ""
    host: str = ""
    options: tuple[str, ...] = ()
    signs: str = ""
    signs_all: bool = False
    keeps_message_id: bool = False


PROVIDERS = {
    "postmark": Provider(
        example="postmark://SERVER_TOKEN@",
        prefix="POSTMARK",
        view="postmark.PostmarkTrackingWebhookView",
        user="SERVER_TOKEN",
        options=("message_stream",),
        keeps_message_id=True,
    ),
    "mailgun": Provider(
        example="mailgun://API_KEY@mg.example.com",
        prefix="MAILGUN",
        view="mailgun.MailgunTrackingWebhookView",
        host="SENDER_DOMAIN",
        signs="WEBHOOK_SIGNING_KEY",
        signs_all=True,
        keeps_message_id=True,
    ),
    "sendgrid": Provider(
        example="sendgrid://API_KEY@",
        prefix="SENDGRID",
        view="sendgrid.SendGridTrackingWebhookView",
        signs="TRACKING_WEBHOOK_VERIFICATION_KEY",
    ),
    "ses": Provider(
        example="ses://ACCESS_KEY:SECRET_KEY@eu-west-1",
        prefix="AMAZON_SES",
        view="amazon_ses.AmazonSESTrackingWebhookView",
        options=("configuration_set_name",),
    ),
    "brevo": Provider(example="brevo://API_KEY@", prefix="BREVO", view="brevo.BrevoTrackingWebhookView"),
    "mailjet": Provider(
        example="mailjet://API_KEY:SECRET_KEY@",
        prefix="MAILJET",
        view="mailjet.MailjetTrackingWebhookView",
        password="SECRET_KEY",  # noqa: S106 - the setting's name
    ),
    "mailtrap": Provider(
        example="mailtrap://API_TOKEN@",
        prefix="MAILTRAP",
        view="mailtrap.MailtrapTrackingWebhookView",
        user="API_TOKEN",
    ),
    "mandrill": Provider(
        example="mandrill://API_KEY@",
        prefix="MANDRILL",
        view="mandrill.MandrillCombinedWebhookView",
        signs="WEBHOOK_KEY",
        signs_all=True,
    ),
    "resend": Provider(example="resend://API_KEY@", prefix="RESEND", view="resend.ResendTrackingWebhookView"),
    "sparkpost": Provider(
        example="sparkpost://API_KEY@",
        prefix="SPARKPOST",
        view="sparkpost.SparkPostTrackingWebhookView",
        options=("subaccount",),
    ),
}
SCHEMES = (*SMTP, *PROVIDERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """`name` is "smtp", a provider's, or "" where EMAIL_URL is empty."""

    name: str = ""
    backend: str = ""
    view: str = ""
    keeps_message_id: bool = True
    smtp: SplitResult = field(default_factory=lambda: urlsplit(""), repr=False)
    anymail: dict[str, Any] = field(default_factory=dict, repr=False)


def mail_server(url: str, *, webhook_secret: str, webhook_key: str) -> MailServer:
    """Return what an EMAIL_URL names; raise ImproperlyConfigured with what to write instead."""
    parts = urlsplit(url)
    if not parts.scheme:
        return MailServer()
    if parts.scheme in SMTP:
        if not parts.hostname:
            raise ImproperlyConfigured("EMAIL_URL names no host: write smtp://user:password@host:587.")
        return MailServer(name="smtp", backend="customers.mail.smtp.EmailBackend", smtp=parts)
    provider = PROVIDERS[parts.scheme]
    module = provider.view.partition(".")[0]
    heard = _hears_webhooks(parts.scheme, webhook_secret, webhook_key)
    settings = _ses_settings(parts) if parts.scheme == "ses" else _settings(parts, provider)
    anymail = {f"{provider.prefix}_{name}": value for name, value in settings.items()}
    if provider.signs and webhook_key:
        anymail[f"{provider.prefix}_{provider.signs}"] = webhook_key
    return MailServer(
        name=parts.scheme,
        backend=f"anymail.backends.{module}.EmailBackend",
        view=f"anymail.webhooks.{provider.view}" if heard else "",
        keeps_message_id=provider.keeps_message_id,
        anymail={
            **anymail,
            "REQUESTS_TIMEOUT": (CONNECT_SECONDS, READ_SECONDS),
            **({"WEBHOOK_SECRET": webhook_secret} if webhook_secret else {}),
        },
    )


def _hears_webhooks(name: str, webhook_secret: str, webhook_key: str) -> bool:
    provider = PROVIDERS[name]
    if webhook_key and not provider.signs:
        sentence = f"EMAIL_WEBHOOK_KEY is set, and {name} signs no webhooks: set EMAIL_WEBHOOK_SECRET to name:password."
        raise ImproperlyConfigured(sentence)
    name_and_password = webhook_secret.partition(":")
    if webhook_secret and not (name_and_password[0] and name_and_password[2]):
        raise ImproperlyConfigured("EMAIL_WEBHOOK_SECRET is no name:password: write both, with a colon between.")
    if provider.signs_all and webhook_secret and not webhook_key:
        raise ImproperlyConfigured(f"EMAIL_WEBHOOK_KEY is missing: {name} signs its webhooks with it.")
    return bool(webhook_secret or webhook_key)


def _settings(parts: SplitResult, provider: Provider) -> dict[str, Any]:
    given = {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": parts.hostname or "",
    }
    for name, value in given.items():
        # Not the value itself: it may be a secret in the wrong place.
        if bool(value) != bool(getattr(provider, name)):
            raise ImproperlyConfigured(f"EMAIL_URL is not as {parts.scheme} needs it: write {provider.example}.")
    found = {getattr(provider, name): value for name, value in given.items() if value}
    return found | {name.upper(): value for name, value in _options(parts, provider).items()}


def _ses_settings(parts: SplitResult) -> dict[str, Any]:
    provider = PROVIDERS["ses"]
    if not parts.hostname or bool(parts.username) != bool(parts.password):
        without = "or ses://eu-west-1 where the machine has a role"
        raise ImproperlyConfigured(f"EMAIL_URL is not as ses needs it: write {provider.example}, {without}.")
    options = _options(parts, provider)
    client: dict[str, Any] = {
        "region_name": parts.hostname,
        # Never by itself a second time: it may have been accepted the first time.
        "config": {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retries": {"total_max_attempts": 1},
        },
    }
    if parts.username:
        client |= {
            "aws_access_key_id": unquote(parts.username),
            "aws_secret_access_key": unquote(parts.password or ""),
        }
    if endpoint := options.pop("api_url", ""):
        client["endpoint_url"] = endpoint
    return {"CLIENT_PARAMS": client} | {name.upper(): value for name, value in options.items()}


def _options(parts: SplitResult, provider: Provider) -> dict[str, str]:
    found = dict(parse_qsl(parts.query))
    known = ("api_url", *provider.options)
    if unknown := sorted(set(found) - set(known)):
        named = " and ".join(known)
        raise ImproperlyConfigured(f"EMAIL_URL has the option {unknown[0]}: {parts.scheme} knows {named} alone.")
    address = urlsplit(found.get("api_url", "https:"))
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in LOOPBACK):
        raise ImproperlyConfigured("EMAIL_URL has an api_url that is not https://…: keys and mails would be readable.")
    return found
