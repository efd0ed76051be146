"""The pages that replace Stripe.js: its script, the card field's frame, the bank's 3-D Secure page."""

from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from fake_stripe.currencies import format_amount
from fake_stripe.errors import JsonObject
from fake_stripe.server import FakeStripe

FOLDER = Path(__file__).parent / "pages"
# Frames load nothing from other origins; their style is set by script, which this allows.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"


class Pages(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update({"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})
        return response


def page_routes(fake: FakeStripe) -> list[BaseRoute]:
    return [
        Route("/_sandbox/stripe.js", _script),
        Mount("/_sandbox/pages", Pages(directory=FOLDER)),
        Route("/_sandbox/3ds/{id}", _challenge(fake)),
    ]


async def _script(_: Request) -> Response:
    headers = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
    return Response((FOLDER / "stripe.js").read_text(), headers=headers, media_type="text/javascript")


def _challenge(fake: FakeStripe) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        intent = _intent(fake, request.path_params["id"])
        if intent is None or intent["client_secret"] != request.query_params.get("client_secret"):
            return PlainTextResponse("There is no such payment.", 404)
        return HTMLResponse(_page(fake, intent), headers={"Content-Security-Policy": POLICY})

    return handle


def _intent(fake: FakeStripe, identifier: str) -> JsonObject | None:
    kind = "setup_intent" if identifier.startswith("seti_") else "payment_intent"
    return fake.store.find(kind, identifier)


def _page(fake: FakeStripe, intent: JsonObject) -> str:
    redirect = (intent["next_action"] or {}).get("redirect_to_url", {})
    return Template((FOLDER / "challenge.html").read_text()).substitute(
        id=escape(intent["id"]),
        return_url=escape(redirect.get("return_url", "")),
        facts="".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(fake, intent)),
    )


def _facts(fake: FakeStripe, intent: JsonObject) -> list[tuple[str, str]]:
    facts = []
    if "amount" in intent:
        facts.append(("Amount", format_amount(intent["amount"], intent["currency"])))
    method = fake.store.find("payment_method", intent["payment_method"] or "")
    if method:
        facts.append(("Card", f"{method['card']['display_brand'].replace('_', ' ').title()} {method['card']['last4']}"))
    return facts
