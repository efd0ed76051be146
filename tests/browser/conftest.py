"""A real Chromium, clicked by a person, against a real server and the fake Stripe."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from pytest_django.live_server_helper import LiveServer

from customers.models import User

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
POLICY = "Content Security Policy"
PATIENCE = 15_000

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing = f"No Chromium was found (looked for {', '.join(NAMES)}): the browser tests were NOT run."
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="package")
def browser(chromium: str, live_server: LiveServer) -> Iterator[Browser]:
    """Start one browser for all these tests; each page has a context of its own, without the cookies of others.

    Playwright leaves an event loop running in this thread until it is stopped. Django then refuses to touch the
    database here unless told that it may, and does so over a connection of its own, which ends with the loop.
    """
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        started = playwright.chromium.launch(executable_path=chromium)
        yield started
        started.close()
        connection.close()


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer) -> Iterator[Visit]:
    """Return a function that opens a page as a user, desktop or phone.

    An exception in the page fails the test, and so does whatever the Content-Security-Policy refused.
    """
    thrown: list[str] = []

    def open_page(address: str, user: User | None = None, *, phone: bool = False, **context: Any) -> Page:
        made = browser.new_context(viewport=PHONE if phone else DESKTOP, is_mobile=phone, has_touch=phone, **context)
        made.set_default_timeout(PATIENCE)
        if user:
            made.add_cookies([signed_in(user, live_server.url)])
        page = made.new_page()
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.on("console", lambda said: thrown.append(said.text) if POLICY in said.text else None)
        page.goto(f"{live_server.url}{address}")
        return page

    yield open_page
    # Before the database is emptied: a page left open may still send requests.
    for each in browser.contexts:
        each.close()
    assert thrown == []


def signed_in(user: User, url: str) -> Any:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return {"name": cookie.key, "value": cookie.value, "url": url}
