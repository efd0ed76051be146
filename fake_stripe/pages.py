"""The pages that stand in for Stripe.js: its script, the card field's frame, the bank's page."""

from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from fake_stripe.currencies import shown
from fake_stripe.errors import Object
from fake_stripe.pipeline import Desk

FOLDER = Path(__file__).parent / "pages"
# Frames take nothing from elsewhere; what they look like is set by script, which this allows.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"


class Pages(StaticFiles):
    """Files of the frames, always fresh."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Give a file, with what it may load."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update({"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})
        return response


def page_routes(desk: Desk) -> list[BaseRoute]:
    """Give the addresses of the pages."""
    return [
        Route("/_sandbox/stripe.js", _script),
        Mount("/_sandbox/pages", Pages(directory=FOLDER)),
        Route("/_sandbox/3ds/{id}", _challenge(desk)),
    ]


async def _script(_: Request) -> Response:
    headers = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
    return Response((FOLDER / "stripe.js").read_text(), headers=headers, media_type="text/javascript")


def _challenge(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        intent = _intent(desk, request.path_params["id"])
        if intent is None or intent["client_secret"] != request.query_params.get("client_secret"):
            return PlainTextResponse("There is no such payment.", 404)
        return HTMLResponse(_page(desk, intent), headers={"Content-Security-Policy": POLICY})

    return answer


def _intent(desk: Desk, identifier: str) -> Object | None:
    kind = "setup_intent" if identifier.startswith("seti_") else "payment_intent"
    return desk.state.find(kind, identifier)


def _page(desk: Desk, intent: Object) -> str:
    redirect = (intent["next_action"] or {}).get("redirect_to_url", {})
    return Template((FOLDER / "challenge.html").read_text()).substitute(
        id=escape(intent["id"]),
        return_url=escape(redirect.get("return_url", "")),
        facts="".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(desk, intent)),
    )


def _facts(desk: Desk, intent: Object) -> list[tuple[str, str]]:
    facts = []
    if "amount" in intent:
        facts.append(("Amount", f"{shown(intent['amount'], intent['currency'])}"))
    method = desk.state.find("payment_method", intent["payment_method"] or "")
    if method:
        facts.append(("Card", f"{method['card']['display_brand'].replace('_', ' ').title()} {method['card']['last4']}"))
    return facts
