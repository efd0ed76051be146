"""A program that speaks to the API: a website's, with a customer's token, or staff's, with a key."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

SDK, CORE = "/api/v1/sdk", "/api/v1/core"
PASSWORD = "correct horse battery"


@dataclass
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def data(self) -> Any:
        return self.body["data"]

    @property
    def order(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["data"]["order"]
        return found

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["error"]
        return found

    @property
    def code(self) -> str:
        return str(self.error["code"])

    @property
    def refused(self) -> tuple[int, str]:
        return self.status, self.code


@dataclass
class Api:
    token: str = ""
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        if self.token:
            sent.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.token}")
        response = self.client.generic(method, path, content, content_type="application/json", **sent)  # type: ignore[arg-type]
        assert response["Content-Type"].startswith("application/json"), response.content
        return Answer(response.status_code, response.json(), dict(response.headers))

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("POST", path, {} if body is None else body, **headers)

    def order(self, body: dict[str, Any], **headers: str) -> Answer:
        return self.post(f"{SDK}/ecommerce/order", body, **headers)


def sign_in(email: str = "ada@example.com", password: str = PASSWORD) -> Api:
    answer = Api().post(f"{SDK}/auth/login", {"email": email, "password": password})
    assert answer.status == 200, answer.body
    return Api(answer.data["auth_token"])


def basket(*skus: Any, quantity: int = 1) -> dict[str, Any]:
    return {"items": [{"sku_id": sku.pk, "quantity": quantity} for sku in skus]}


def paying(*skus: Any, token: str = "pm_card_visa", quantity: int = 1) -> dict[str, Any]:
    return {**basket(*skus, quantity=quantity), "payment_gateway": "stripe", "gateway_token": token}
