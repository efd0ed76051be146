"""API keys: the secret one, and the publishable one that browsers send (https://docs.stripe.com/api/authentication)."""

import base64
import binascii

from starlette.requests import Request

from fake_stripe.errors import ApiError
from fake_stripe.server import FakeStripe


def uses_publishable_key(fake: FakeStripe, request: Request) -> bool:
    """Raise an ApiError where the key is neither the secret nor the publishable one."""
    key = _key(request)
    if key not in {fake.secret_key, fake.publishable_key}:
        raise _unauthorized(key)
    return key == fake.publishable_key


def _key(request: Request) -> str:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _unauthorized(key: str) -> ApiError:
    if not key:
        message = (
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
        return ApiError(message, status=401, executed=False)
    return ApiError(f"Invalid API Key provided: {key[:8]}****{key[-4:]}", status=401, executed=False)


def secret_key_required() -> ApiError:
    message = "This API call cannot be made with a publishable API key. Please use a secret API key."
    return ApiError(message, status=401, code="secret_key_required", executed=False)
