"""The way out: the mail server or provider, and what its errors mean."""

import smtplib
from types import TracebackType
from typing import Any, Self

from anymail.exceptions import AnymailError, AnymailRecipientsRefused
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils.translation import gettext as _
from requests import RequestException, Timeout

from backoffice.transactions import refuse_in_transaction
from customers.mail.content import message_of
from customers.mail.http import bound
from customers.mail.models import Mail

SERVICE_ENDS, PERMANENT = 421, 500
# Of HTTP: what says that nobody's mail can be sent now, and what says that this one may be taken later.
TOO_MANY, AWAY = 429, frozenset({401, 502, 503, 504})
LATER = frozenset({402, 403, 408, 409, 425})
BAD_REQUEST, MOST_OF_REASON = 400, 500
PAUSE, LONGEST_PAUSE = 1.0, 10.0  # seconds
NOT_TAKEN = frozenset({"failed", "invalid", "rejected"})  # of django-anymail's statuses
THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "SendingPausedException"})


class ServerAwayError(Exception):
    """The mail server does not answer, or lets nobody in: no mail can be sent now."""


class ThrottledError(Exception):
    """The provider wants fewer mails a second, and the next one in so many seconds."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class PostponedError(Exception):
    """The mail server asks to try this mail later."""


class RefusedError(Exception):
    """The mail server refuses this mail for good."""


class Transport:
    """A connection that is opened with the first mail and kept for the next ones."""

    def __enter__(self) -> Self:
        self._connection = get_connection(settings.MAIL_BACKEND)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def send(self, mail: Mail) -> str:
        """Send a mail and return what the server called it.

        Raise ServerAwayError, ThrottledError, PostponedError or RefusedError.
        """
        refuse_in_transaction("The mail server")
        self._open()
        message = message_of(mail, self._connection)
        if settings.MAIL_SERVER.anymail:
            self._identify(mail, message)
        try:
            message.send()
        except smtplib.SMTPRecipientsRefused as error:
            raise _by_code(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPResponseException as error:
            raise _by_code(error.smtp_code, error.smtp_error) from error
        except AnymailRecipientsRefused as error:
            raise RefusedError(_("it sends nothing to this e-mail any more")) from error
        except AnymailError as error:
            self._connection.close()
            raise _of_provider(error) from error
        except (smtplib.SMTPNotSupportedError, ValueError) as error:  # an address or header that can't be written
            raise RefusedError(str(error)) from error
        except OSError as error:
            self._connection.close()
            raise ServerAwayError(_reason(error)) from error
        return _taken(message)

    def _open(self) -> None:
        try:
            if self._connection.open() and (session := getattr(self._connection, "session", None)):
                bound(session)
        except OSError as error:  # smtplib's own errors are some, too
            self._connection.close()
            raise ServerAwayError(_reason(error)) from error

    def _identify(self, mail: Mail, message: EmailMessage) -> None:
        """Name this sending to the provider, so that it can tell a second one, and its webhooks say which mail."""
        message.metadata = {"sending": mail.sending}  # type: ignore[attr-defined]
        if session := getattr(self._connection, "session", None):
            session.headers["Idempotency-Key"] = mail.sending  # read by Resend, and by whoever follows the IETF's draft
        if settings.MAIL_SERVER.name == "brevo":
            message.extra_headers["idempotencyKey"] = mail.sending
        if settings.MAIL_SERVER.name == "postmark":
            message.extra_headers["X-PM-KeepID"] = "true"
        if not settings.MAIL_SERVER.keeps_message_id:
            del message.extra_headers["Message-ID"]


def _taken(message: EmailMessage) -> str:
    """Return what the server or provider called a mail that it took; raise RefusedError where it did not after all."""
    status: Any = getattr(message, "anymail_status", None)
    if status is None:
        return str(getattr(message, "provider_id", ""))
    code = getattr(status.esp_response, "status_code", 0)
    if code >= BAD_REQUEST or status.status <= NOT_TAKEN:
        raise RefusedError(f"{code or ''} {getattr(status.esp_response, 'text', '')}"[:MOST_OF_REASON].strip())
    return str(status.message_id or "")


def _by_code(code: int, said: bytes | str) -> Exception:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    if code == SERVICE_ENDS:
        return ServerAwayError(f"{code} {text}")
    return (RefusedError if code >= PERMANENT else PostponedError)(f"{code} {text}")


def _of_provider(error: AnymailError) -> Exception:
    code, said = _status(error)
    text = f"{code} {said}"[:MOST_OF_REASON].strip()
    if not code:
        return _without_answer(error)
    if code == TOO_MANY:
        return ThrottledError(text, _retry_after(error))
    if code in AWAY:
        return ServerAwayError(text)
    if code in LATER or code >= PERMANENT:
        return PostponedError(text)
    # What says yes in words that are not understood: whether it took the mail is not known.
    return RefusedError(text) if code >= BAD_REQUEST else PostponedError(_("its answer is not understood"))


def _status(error: AnymailError) -> tuple[int, str]:
    """Return the HTTP status of the provider's answer, 0 without one, and its body."""
    cause = error.__cause__
    if isinstance(cause, ClientError):  # Amazon's
        code, reason = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0), cause.response["Error"]
        throttled = reason.get("Code") in THROTTLED
        return (TOO_MANY if throttled else code), f"{reason.get('Code', '')} {reason.get('Message', '')}"
    response = getattr(error, "response", None)
    return (0, "") if response is None else (response.status_code, response.text)


def _retry_after(error: AnymailError) -> float:
    said = getattr(getattr(error, "response", None), "headers", {}).get("Retry-After", "")
    return min(float(said), LONGEST_PAUSE) if said.isascii() and said.isdigit() else PAUSE


def _without_answer(error: AnymailError) -> Exception:
    if isinstance(error, Timeout):
        return ServerAwayError(_("it does not answer in time"))
    if isinstance(error, RequestException) or isinstance(error.__cause__, (BotoCoreError, ClientError, OSError)):
        return ServerAwayError(_("it can't be reached, or hung up"))
    return RefusedError(str(error)[:MOST_OF_REASON])  # a mail that can't be put in the provider's words


def _reason(error: OSError) -> str:
    match error:
        case smtplib.SMTPResponseException():
            said = error.smtp_error
            return f"{error.smtp_code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
        case TimeoutError():
            return _("it does not answer in time")
        case _:
            return str(error) or type(error).__name__
