"""People at the staff's front door: in a browser, with an authenticator app."""

import time
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client

from customers.models import User
from staff.models import RoleSettings

LOGIN, ACCOUNT = "/admin/login/", "/admin/account/"
PASSWORD = "long and winding"
SHOP, STRANGER, ELSEWHERE = "203.0.113.7", "198.51.100.9", "192.0.2.44"


def a_member(name: str = "ana", **changed: Any) -> User:
    fields: dict[str, Any] = {"is_staff": True, "email": f"{name}@example.com", **changed}
    return User.objects.create_user(name, password=PASSWORD, **fields)


def sign_in(name: str = "ana", password: str = PASSWORD, browser: Client | None = None, **headers: Any) -> Client:
    browser = browser or Client()
    browser.last = browser.post(LOGIN, {"username": name, "password": password}, **headers)  # type: ignore[attr-defined]
    return browser


def is_in(browser: Client) -> bool:
    return browser.get(ACCOUNT).status_code == 200


def demand_second_factor(role: str) -> Group:
    group, _made = Group.objects.get_or_create(name=role)
    RoleSettings.objects.create(role=group, second_factor_required=True)
    return group


def an_app(user: User) -> str:
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def code_of(secret: str) -> str:
    code: str = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    return code


def drop_device(browser: Client) -> None:
    del browser.cookies[settings.KNOWN_DEVICE_COOKIE]
