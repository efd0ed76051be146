"""A real Chromium, clicked by a person, against a real server and the fake Stripe."""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize, sync_playwright
from pytest_django.live_server_helper import LiveServer

from customers.models import User

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
POLICY = "Content Security Policy"
PATIENCE = 15_000
AT_REST = "/static/ecommerce/demo/mug.svg"  # without a script

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
    """Start one browser for all these tests.

    Playwright leaves an event loop running in this thread until it is stopped. Django then refuses to touch the
    database here unless told that it may, and does so over a connection of its own, which ends with the loop.
    """
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        started = playwright.chromium.launch(executable_path=chromium)
        yield started
        started.close()
        connection.close()


class Profiles:
    """Browser contexts, kept from test to test for their caches, and cleared of all that a person would have left.

    The first page of a new context takes Chromium a second more, and any new page half a second: so the first one stays
    open, at an address of this server, since another one's would have Chromium start another process.
    """

    def __init__(self, browser: Browser, origin: str) -> None:
        self.thrown: list[str] = []
        self._browser, self._origin = browser, origin
        self._free: dict[str, list[BrowserContext]] = defaultdict(list)
        self._taken: list[tuple[str, BrowserContext, Any]] = []

    def take(self, **options: Any) -> BrowserContext:
        """Give a context that shares nothing with the others of this test."""
        kind = repr(sorted(options.items()))
        context = self._free[kind].pop() if self._free[kind] else self._new(**options)
        self._taken.append((kind, context, options.get("color_scheme", "light")))
        return context

    def _new(self, **options: Any) -> BrowserContext:
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        context.on("weberror", lambda error: self.thrown.append(str(error.error)))
        context.on("console", lambda said: self.thrown.append(said.text) if POLICY in said.text else None)
        return context

    def clear(self) -> list[str]:
        """Close all pages, and return what they complained of."""
        while self._taken:
            kind, context, scheme = self._taken.pop()
            self._forget(context, scheme)
            self._free[kind].append(context)
        thrown, self.thrown = self.thrown, []
        return thrown

    def _forget(self, context: BrowserContext, scheme: Any) -> None:
        kept, *others = context.pages
        for page in others:
            page.goto("about:blank")  # so that no script writes any more
            page.close()
        kept.unroute_all()
        kept.emulate_media(media="null", color_scheme=scheme)
        kept.goto(f"{self._origin}{AT_REST}")
        kept.evaluate("sessionStorage.clear()")
        storage = {"origin": self._origin, "storageTypes": "all"}
        devtools = context.new_cdp_session(kept)
        devtools.send("Storage.clearDataForOrigin", storage)
        devtools.detach()
        context.clear_cookies()


@pytest.fixture(scope="package")
def profiles(browser: Browser, live_server: LiveServer) -> Profiles:
    return Profiles(browser, live_server.url)


@pytest.fixture
def visit(profiles: Profiles, live_server: LiveServer) -> Iterator[Visit]:
    """Return a function that opens a page as a user, desktop or phone, with cookies of its own.

    An exception in the page fails the test, and so does whatever the Content-Security-Policy refused.
    The page is that of the test before: what can't be taken from it again, as an added script, is for a tab of its own.
    """

    def open_page(address: str, user: User | None = None, *, phone: bool = False, **options: Any) -> Page:
        context = profiles.take(viewport=PHONE if phone else DESKTOP, is_mobile=phone, has_touch=phone, **options)
        if user:
            context.add_cookies([signed_in(user, live_server.url)])
        page = context.pages[0] if context.pages else context.new_page()
        page.goto(f"{live_server.url}{address}")
        return page

    yield open_page
    # Before the database is emptied: a page left open may still send requests.
    assert profiles.clear() == []


def follow(page: Page, link: Locator) -> None:
    """Click what leads to another page, and wait until that is loaded: what is read next is never the page left."""
    with page.expect_navigation():
        link.click()


def signed_in(user: User, url: str) -> Any:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return {"name": cookie.key, "value": cookie.value, "url": url}
