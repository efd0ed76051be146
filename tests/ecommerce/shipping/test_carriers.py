"""Numbers as carriers print them: whose they are, and which were mistyped."""

import pytest

from ecommerce.shipping.carriers import carrier_name, guess_carrier, normalize_number, number_problem, tracking_url

NUMBERS = [
    ("UPS", "1Z 5R8 939 03 5756 7127"),
    ("UPS", "1Z410E7W0392751591"),
    ("FedEx", "9865 7878 8855"),
    ("FedEx", "0414 4176 0228 964"),
    ("FedEx", "9611020987654312345672"),
    ("FedEx", "1001921334250001000300779017972697"),
    ("FedEx", "9622001900000000000000776632517510"),
    ("USPS", "9400 1112 0108 0805 4830 16"),
    ("USPS", "420 22153 9101026837331000039521"),
    ("USPS", "4201028200009261290113185417468510"),
    ("USPS", "92748931507708513018050063"),
    ("DHL", "33 1881 0025"),
    ("DHL", "JJD0099999999"),
    ("DHL", "00340434161094042557"),
    ("DHL", "CC123456785DE"),
    ("Deutsche Post", "RA 123 456 785 DE"),
    ("Royal Mail", "RB123456785GB"),
    ("DPD", "0081827 0998 0000 0200 33 350 276 C"),
    ("DPD", "01505123456789"),
    ("Canada Post", "0073938000549297"),
    ("PostNL", "3SABCD1234567"),
    ("La Poste", "6A12345678901"),
    ("InPost", "630000000000000000000000"),
    ("Swiss Post", "99.60.005200.12345678".replace(".", "")),
]


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_a_carrier_is_guessed_from_its_numbers(name: str, number: str) -> None:
    carrier = guess_carrier(number)
    assert carrier is not None
    assert (carrier.name, number_problem(name, number)) == (name, "")
    assert tracking_url(name, number).startswith("https://")
    assert number.replace(" ", "") in tracking_url(name, number)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("UPS", "1Z5R89390357567128"),
        ("UPS", "1Z5R89390375567127"),
        ("FedEx", "986578788856"),
        ("USPS", "9400111201080805483017"),
        ("DHL", "3318810024"),
        ("DHL", "00340434161094042558"),
        ("Royal Mail", "RB123456784GB"),
        ("DPD", "008182709980000020033350276A"),
        ("Canada Post", "0073938000549292"),
    ],
)
def test_a_mistyped_number_is_told_by_its_check_digit(name: str, number: str) -> None:
    assert guess_carrier(number) is None or guess_carrier(number).name != name  # type: ignore[union-attr]
    if len(number) != 12:  # of twelve digits, others have numbers without a check digit
        assert "check digit" in number_problem(name, number)


def test_a_number_of_another_carrier_says_whose_it_is() -> None:
    assert number_problem("dhl", "1Z5R89390357567127") == "1Z5R89390357567127 is a number of UPS, not of DHL."
    assert number_problem("GLS", "123") == "123 does not look like a number of GLS."


def test_an_unknown_carrier_is_text() -> None:
    assert (number_problem("Own van", "3"), tracking_url("Own van", "3")) == ("", "")
    assert carrier_name("  Own   van ", ["1Z5R89390357567127"]) == "Own van"
    assert carrier_name("united parcel  service", []) == "UPS"
    assert carrier_name("", ["1Z5R89390357567127"]) == "UPS"
    assert carrier_name("", ["3"]) == carrier_name("", []) == ""


def test_a_number_is_written_without_its_spaces_and_words_stay() -> None:
    assert normalize_number(" 1z 5r8 939 03 5756 7127\n") == "1Z5R89390357567127"
    assert normalize_number("own van,  2nd trip") == "own van, 2nd trip"
    assert tracking_url("UPS", "1Z&x=<é>").endswith("tracknum=1Z%26x%3D%3C%C3%A9%3E")
