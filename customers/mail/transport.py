"""The way out: the mail server or provider, and what its errors mean."""

import smtplib
from types import TracebackType
from typing import Self

from django.conf import settings
from django.core.mail import get_connection
from django.utils.translation import gettext as _

from backoffice.transactions import refuse_in_transaction
from customers.mail.content import message_of
from customers.mail.models import Mail

SERVICE_ENDS, PERMANENT = 421, 500


class ServerAwayError(Exception):
    """The mail server does not answer, or lets nobody in: no mail can be sent now."""


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
        """Send a mail and return what the server called it. Raise ServerAwayError, PostponedError or RefusedError."""
        refuse_in_transaction("The mail server")
        self._open()
        message = message_of(mail, self._connection)
        try:
            message.send()
        except smtplib.SMTPRecipientsRefused as error:
            raise _by_code(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPResponseException as error:
            raise _by_code(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPNotSupportedError, ValueError) as error:  # an address or header that can't be written
            raise RefusedError(str(error)) from error
        except OSError as error:
            self._connection.close()
            raise ServerAwayError(_reason(error)) from error
        return str(getattr(message, "provider_id", ""))

    def _open(self) -> None:
        try:
            self._connection.open()
        except OSError as error:  # smtplib's own errors are some, too
            self._connection.close()
            raise ServerAwayError(_reason(error)) from error


def _by_code(code: int, said: bytes | str) -> Exception:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    if code == SERVICE_ENDS:
        return ServerAwayError(f"{code} {text}")
    return (RefusedError if code >= PERMANENT else PostponedError)(f"{code} {text}")


def _reason(error: OSError) -> str:
    match error:
        case smtplib.SMTPResponseException():
            said = error.smtp_error
            return f"{error.smtp_code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
        case TimeoutError():
            return _("it does not answer in time")
        case _:
            return str(error) or type(error).__name__
