"""What EMAIL_URL may be, and what is said where it is something else."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.test import override_settings

from pelcro_orders.mail_server import PROVIDERS, MailServer, mail_server


def read(url: str, *, secret: str = "", key: str = "") -> MailServer:
    return mail_server(url, webhook_secret=secret, webhook_key=key)


def test_nothing_is_no_server() -> None:
    assert read("") == MailServer()


def test_a_mail_server() -> None:
    server = read("smtps://us%40er:p%2Fw@mail.example.com:465")
    assert (server.name, server.backend) == ("smtp", "customers.mail.smtp.EmailBackend")
    assert (server.smtp.hostname, server.smtp.port, server.anymail) == ("mail.example.com", 465, {})


@pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning")  # of SendGrid
@pytest.mark.parametrize("name", PROVIDERS)
def test_each_example_is_what_its_backend_needs(name: str) -> None:
    server = read(PROVIDERS[name].example, key="key" if PROVIDERS[name].signs else "")
    assert server.name == name
    with override_settings(ANYMAIL=server.anymail):
        assert type(get_connection(server.backend)).__module__.startswith("anymail.")


def test_the_parts_are_the_settings_of_anymail() -> None:
    server = read("mailgun://k%2Fey@mg.example.com?api_url=https://api.eu.mailgun.net/v3", secret="a:b", key="sign")
    assert server.view == "anymail.webhooks.mailgun.MailgunTrackingWebhookView"
    assert server.anymail == {
        "MAILGUN_API_KEY": "k/ey",
        "MAILGUN_SENDER_DOMAIN": "mg.example.com",
        "MAILGUN_API_URL": "https://api.eu.mailgun.net/v3",
        "MAILGUN_WEBHOOK_SIGNING_KEY": "sign",
        "WEBHOOK_SECRET": "a:b",
        "REQUESTS_TIMEOUT": (5, 20),
    }
    assert read("postmark://token@").view == ""  # nobody could be told from anybody


def test_secrets_are_not_in_what_is_printed() -> None:
    assert "token" not in repr(read("postmark://token@"))
    assert "word" not in repr(read("smtp://user:word@mail.example.com"))


@pytest.mark.parametrize(
    ("url", "secret", "key", "says"),
    [
        ("postmark://token", "", "", "write postmark://SERVER_TOKEN@."),
        ("postmark://token@host", "", "", "write postmark://SERVER_TOKEN@."),
        ("mailgun://key@", "", "", "write mailgun://API_KEY@mg.example.com."),
        ("mailjet://key@", "", "", "write mailjet://API_KEY:SECRET_KEY@."),
        ("ses://key@eu-west-1", "", "", "or ses://eu-west-1 where the machine has a role"),
        ("sendgrid://key@?stream=x", "", "", "the option stream: sendgrid knows api_url alone"),
        ("resend://key@?api_url=http://example.com", "", "", "an api_url that is not https"),
        ("smtp://user@", "", "", "names no host"),
        ("postmark://token@", "secret", "", "EMAIL_WEBHOOK_SECRET is no name:password"),
        ("postmark://token@", "", "key", "EMAIL_WEBHOOK_KEY is set, and postmark signs no webhooks"),
        ("mailgun://key@mg.example.com", "a:b", "", "EMAIL_WEBHOOK_KEY is missing: mailgun signs"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(url: str, secret: str, key: str, says: str) -> None:
    with pytest.raises(ImproperlyConfigured) as raised:
        read(url, secret=secret, key=key)
    assert says in str(raised.value)
    assert "token" not in str(raised.value)
