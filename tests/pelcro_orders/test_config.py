import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from pelcro_orders import config

MonkeyPatch = pytest.MonkeyPatch


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: MonkeyPatch) -> Iterator[Callable[[dict[str, str]], None]]:
    """Gives a VAR_DIR in which `make run` kept these choices."""

    def keep(choices: dict[str, str]) -> None:
        (tmp_path / "environment.json").write_text(json.dumps(choices), encoding="utf-8")
        config.make_run_variables.cache_clear()

    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    config.make_run_variables.cache_clear()
    yield keep
    config.make_run_variables.cache_clear()


def test_a_flag_is_read(monkeypatch: MonkeyPatch) -> None:
    for written, read in (("1", True), ("Yes", True), ("off", False), (" 0 ", False), ("", True)):
        monkeypatch.setenv("DEBUG", written)
        assert config.flag("DEBUG", default=True) is read


def test_a_number_is_read_with_its_bounds(monkeypatch: MonkeyPatch) -> None:
    for written in ("1", "65535"):
        monkeypatch.setenv("PORT", written)
        assert config.number("PORT", 8000, least=1, most=65535) == int(written)
    monkeypatch.delenv("PORT")
    assert config.number("PORT", 8000, least=1, most=65535) == 8000


def test_days_may_be_none_or_as_many_as_are_needed(monkeypatch: MonkeyPatch) -> None:
    for written, read in (("", 90), ("0", 0), ("31", 31)):
        monkeypatch.setenv("X", written)
        assert config.days("X", 90, least=31) == read
    monkeypatch.setenv("X", "30")
    with pytest.raises(ImproperlyConfigured, match=r"X is 30; write 31 or more, or 0 to remove nothing\."):
        config.days("X", 90, least=31)


def test_an_address_loses_the_slash_at_its_end(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "https://orders.example.com/")
    assert config.url("BASE_URL", schemes=("https",)) == "https://orders.example.com"


def test_networks_are_read(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("X", "10.1.0.0/16, ::1")
    assert list(map(str, config.networks("X"))) == ["10.1.0.0/16", "::1/128"]
    monkeypatch.setenv("X", "10.1.0.1/16")
    with pytest.raises(ImproperlyConfigured, match=r"has host bits set; write networks such as 10\.1\.0\.0/16"):
        config.networks("X")


def test_a_list_is_read(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example, b.example,")
    assert config.comma_separated("ALLOWED_HOSTS", ("c.example",)) == ["a.example", "b.example"]
    monkeypatch.setenv("ALLOWED_HOSTS", "")
    assert config.comma_separated("ALLOWED_HOSTS", ("c.example",)) == ["c.example"]


@pytest.mark.parametrize(
    ("written", "reader", "sentence"),
    [
        ("perhaps", lambda: config.flag("X"), "X is 'perhaps'; write 1 or 0."),
        *(
            (
                written,
                lambda: config.number("X", 20, least=1, most=99),
                f"X is '{written}'; write a whole number from 1 to 99, for example 20.",
            )
            for written in ("many", "0", "100", "-1", "1.5", "٣")
        ),
        (
            "ftp://there",
            lambda: config.url("X", schemes=("http", "https")),
            "X does not start with http://… or https://…: write it so.",
        ),
        *(
            (
                written,
                lambda: config.url("X", schemes=("http", "redis")),
                f"X is no address ({why}): write scheme://host:port.",
            )
            for written, why in (
                ("http://[::1", "Invalid IPv6 URL"),
                ("redis://there:many/0", "Port could not be cast to integer value as 'many'"),
                ("redis://there:99999/0", "Port out of range 0-65535"),
            )
        ),
        *(
            (
                written,
                lambda: config.stripe_key("X", prefixes=("sk_", "rk_")),
                "X is not what Stripe's dashboard shows for it: write the one that begins with sk_… or rk_….",
            )
            for written in ("pk_test_1", "garbage", "sk_test_1 sk_test_2", "sk_test_é")
        ),
        (
            "https://",
            lambda: config.url("X", schemes=("http", "https")),
            "X is 'https://', which names no host: write it after https://.",
        ),
        *(
            (
                written,
                lambda: config.time_zone("X", "UTC"),
                f"X is '{written}'; write the name of a time zone, for example Europe/Berlin.",
            )
            for written in ("Mars", "Europe", "../etc/passwd", "/etc/passwd")
        ),
    ],
)
def test_a_bad_value_says_what_to_write(
    monkeypatch: MonkeyPatch, written: str, reader: Callable[[], object], sentence: str
) -> None:
    monkeypatch.setenv("X", written)
    with pytest.raises(ImproperlyConfigured) as refusal:
        reader()
    assert str(refusal.value) == sentence


def test_what_make_run_chose_is_read_where_nothing_is_given(
    monkeypatch: MonkeyPatch, kept: Callable[[dict[str, str]], None]
) -> None:
    kept({"SECRET_KEY": "kept"})
    monkeypatch.delenv("SECRET_KEY")
    assert config.text("SECRET_KEY") == "kept"
    monkeypatch.setenv("SECRET_KEY", "given")
    assert config.text("SECRET_KEY") == "given"


def test_a_real_stripe_is_never_sent_to_a_sandbox_of_old(
    monkeypatch: MonkeyPatch, kept: Callable[[dict[str, str]], None]
) -> None:
    kept({"STRIPE_SECRET_KEY": "sk_test_sandbox", "STRIPE_API_BASE": "http://127.0.0.1:1234"})
    monkeypatch.delenv("STRIPE_API_BASE")
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_1")
    assert config.text("STRIPE_API_BASE", "https://api.stripe.com") == "https://api.stripe.com"


def test_keys_are_told_by_how_they_begin(monkeypatch: MonkeyPatch) -> None:
    for written in ("sk_test_sandbox", "rk_live_51", ""):
        monkeypatch.setenv("X", written)
        assert config.stripe_key("X", prefixes=("sk_", "rk_")) == written


def test_a_home_that_nobody_has_is_said(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", "~nobody-of-this-name/var")
    with pytest.raises(ImproperlyConfigured, match=r"^VAR_DIR is '~nobody-of-this-name/var', which is no folder"):
        config.var_dir()


def test_a_relative_var_dir_stands_in_the_project(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", "elsewhere")
    assert config.var_dir() == config.BASE_DIR / "elsewhere"
