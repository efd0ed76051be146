"""One request to an endpoint, with an end: whatever the other side does, it is over after TOTAL_SECONDS."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

import httpx
from django.utils.translation import gettext as _

from ecommerce.webhooks.addresses import IP, AddressRefused, parse, resolve

logger = logging.getLogger(__name__)

TOTAL_SECONDS = 10.0
"""From the look-up of the name to the headers of the answer."""
BODY_SECONDS, BODY_BYTES = 2.0, 2048
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; without a status, `error` says why nothing did."""

    status: int | None = None
    body: str = ""
    error: str = ""
    retry_after: float | None = None
    duration_ms: int = 0

    @property
    def is_success(self) -> bool:
        """Whether the endpoint took the event."""
        return self.status is not None and httpx.codes.is_success(self.status)


class Caller:
    """Makes requests in one event loop; to be made inside it."""

    def __init__(self) -> None:
        # Neither proxies nor credentials of the environment. No connection is kept: each one goes where the name points
        # to now.
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                verify=httpx.create_ssl_context(),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            ),
            timeout=TOTAL_SECONDS,
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def post(self, address: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Send a body and return what came back; raises nothing."""
        started = time.monotonic()
        try:
            answer = await self._post(address, body, headers)
        except TimeoutError:
            answer = Answer(error=_("It did not answer within %(seconds)d seconds.") % {"seconds": TOTAL_SECONDS})
        except AddressRefused as error:
            answer = Answer(error=str(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            answer = Answer(error=_("It could not be reached: %(why)s.") % {"why": str(error) or type(error).__name__})
        except Exception as error:
            logger.exception("A webhook could not be sent.")
            answer = Answer(error=_("Sending failed: %(why)s.") % {"why": type(error).__name__})
        return replace(answer, duration_ms=int((time.monotonic() - started) * 1000))

    async def _post(self, address: str, body: bytes, headers: dict[str, str]) -> Answer:
        async with asyncio.timeout(TOTAL_SECONDS):
            url = parse(address)
            request = self._request(url, await resolve(url), body, headers)
            response = await self._client.send(request, stream=True)
        try:
            return Answer(
                status=response.status_code,
                body=await _beginning(response),
                error=_error(response),
                retry_after=_retry_after(response),
            )
        finally:
            await _close(response)

    def _request(self, url: httpx.URL, ip: IP, body: bytes, headers: dict[str, str]) -> httpx.Request:
        # To the very address that was checked; TLS asks for a certificate of the name all the same.
        return self._client.build_request(
            "POST",
            url.copy_with(host=str(ip), fragment=None),
            content=body,
            headers={**headers, "host": url.netloc.decode(), "accept-encoding": "identity"},
            extensions={"sni_hostname": url.raw_host.decode()},
        )


async def _beginning(response: httpx.Response) -> str:
    """Read the first bytes for the log; what the answer is has been said by its status."""
    read = b""
    with suppress(TimeoutError, httpx.HTTPError, OSError):
        async with asyncio.timeout(BODY_SECONDS):
            async for part in response.aiter_raw():
                read += part
                if len(read) >= BODY_BYTES:
                    break
    # PostgreSQL takes no NUL.
    return read[:BODY_BYTES].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


async def _close(response: httpx.Response) -> None:
    with suppress(TimeoutError, httpx.HTTPError, OSError):  # the other side has closed it
        async with asyncio.timeout(BODY_SECONDS):
            await response.aclose()


def _error(response: httpx.Response) -> str:
    status, where = response.status_code, response.headers.get("location", "")[:200]
    if httpx.codes.is_success(status):
        return ""
    if httpx.codes.is_redirect(status):
        sentence = _(
            "It answered %(status)d: give the endpoint the address %(where)s, since redirects are not followed."
        )
        return sentence % {"status": status, "where": where}
    return _("It answered %(status)d %(words)s.") % {"status": status, "words": httpx.codes.get_reason_phrase(status)}


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the answer asks to wait; a time is compared with the answer's own."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(response.headers.get("date", ""))
        return wait.total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
