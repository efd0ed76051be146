import pytest
from django.db import IntegrityError, transaction

from customers.models import Customer
from customers.tax_ids import TaxId, WrongTaxId, check, country_of


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("DE136695976", "DE136695976"),
        (" de 136 695 976 ", "DE136695976"),
        ("FR 40 303 265 045", "FR40303265045"),
        ("EL 094259216", "EL094259216"),
        ("GR094259216", "EL094259216"),
        ("ATU 57194903", "ATU57194903"),
        ("NL4495445B01", "NL004495445B01"),
        ("BE697449992", "BE0697449992"),
        ("MC53000004605", "FR53000004605"),
        ("XI980780684", "XI980780684"),
        ("GB 980 7806 84", "GB980780684"),
        ("CHE-107.787.577 IVA", "CHE107787577IVA"),
        ("NO995525828MVA", "NO995525828MVA"),
        ("AU 83 914 571 673", "AU83914571673"),
    ],
)
def test_a_tax_id_is_checked_and_written_in_one_way(typed: str, stored: str) -> None:
    found = check(typed)
    assert found.text == stored
    assert found.checked_by.startswith("python-stdnum ")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("DE136695977", "The check digit of “DE136695977” is wrong"),
        ("DE12", "too few or too many characters for a tax id of Germany"),
        ("ATX57194903", "does not look like a tax id of Austria"),
        ("136695976", "is no tax id: write it with its country's prefix"),
        ("ZZ12345", "is no tax id: write it with its country's prefix"),
        ("DE<script>", "is no tax id: write it with its country's prefix"),
    ],
)
def test_a_wrong_one_is_refused_in_words(typed: str, sentence: str) -> None:
    with pytest.raises(WrongTaxId, match=sentence):
        check(typed)


def test_of_a_country_whose_numbers_are_not_known_nothing_is_said() -> None:
    assert check("US12-3456789") == TaxId("US123456789", "")
    assert check("  ") == TaxId("", "")


def test_whose_it_is() -> None:
    assert [country_of(each) for each in ("EL094259216", "XI980780684", "FR40303265045", "")] == ["GR", "GB", "FR", ""]


@pytest.mark.parametrize(
    "fields",
    [
        {"tax_exempt": True},
        {"tax_exempt_reason": "Embassy"},
        {"tax_id": "DE136695976", "tax_id_checked_by": "somebody"},
        {"tax_id_checked_by": "somebody", "tax_id_checked_at": "2026-11-28T12:00Z"},
    ],
)
def test_the_database_refuses_halves(db: None, fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Customer.objects.create(email="ada@example.com", **fields)
