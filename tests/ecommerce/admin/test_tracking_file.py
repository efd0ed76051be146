"""The pages of tracking files: upload, columns, preview, outcomes, and the file that comes back."""

import io
import re
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from backoffice.imports.sheets import read_sheet
from customers.models import User
from ecommerce.models import TrackingFile, TrackingFileRow
from ecommerce.tasks import work_tracking_file
from ecommerce.tracking_files import files
from ecommerce.tracking_files.columns import guess
from tests.support.order_acts import fresh
from tests.support.tracking_files import codes, csv_of, numbers, to_send

pytestmark = pytest.mark.django_db
PAGE = "/admin/ecommerce/shipping/tracking/"


@pytest.fixture
def packer(as_role: Callable[[str], Client]) -> Client:
    return as_role("Fulfillment")


def upload(packer: Client, data: bytes, carrier: str = "Van", name: str = "day.csv") -> Any:
    return packer.post(PAGE, {"carrier": carrier, "file": SimpleUploadedFile(name, data)}, follow=True)


@pytest.mark.parametrize(
    ("ticked", "said"), [(True, "Customers are mailed that"), (False, "Customers are not mailed.")]
)
def test_whether_customers_are_mailed_is_ticked_with_the_upload_and_shown(
    packer: Client, *, ticked: bool, said: str
) -> None:
    assert re.search(r'<input type="checkbox" name="notify"[^>]* checked', texts(packer.get(PAGE)))
    headers = ("Order", "Tracking number")
    data = {"carrier": "Van", "file": SimpleUploadedFile("day.csv", csv_of(("1", "ABC111111"), headers=headers))}
    packer.post(PAGE, data | ({"notify": "on"} if ticked else {}))
    file = TrackingFile.objects.get()
    assert file.notify is ticked
    packer.post(f"{PAGE}{file.pk}/columns/", {"order": "Order", "number": "Tracking number"})
    assert said in texts(packer.get(f"{PAGE}{file.pk}/"))


def texts(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def downloaded(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_from_the_upload_to_the_file_that_comes_back(packer: Client, django_capture_on_commit_callbacks: Any) -> None:
    one, two = to_send("MUG"), to_send("TEE")
    data = csv_of(
        (one.number, "=ABC111111", "Ada"), ("777777", "ABC2", "Bob"), (two.number, "ABC333333", "Eve"),
        headers=("Reference", "Parcel no.", "Recipient"),
    )  # fmt: skip
    page = upload(packer, data)
    assert "Which column holds what?" in texts(page)
    assert page.context["form"].initial == {"order": "Reference"}
    assert page.context["sample"][0] == [one.number, "=ABC111111", "Ada"]
    where = page.request["PATH_INFO"]
    preview = packer.post(where, {"order": "Reference", "number": "Parcel no."}, follow=True)
    file = TrackingFile.objects.get()
    assert codes(file) == ["ship", "unknown", "ship"]
    shown = texts(preview)
    assert "Apply 2 rows" in shown
    assert "There is no order 777777." in shown
    assert "ABC111111" not in texts(packer.get(f"{PAGE}{file.pk}/?tab=impossible"))
    assert fresh(one).status == "paid"
    with django_capture_on_commit_callbacks(execute=True):
        packer.post(f"{PAGE}{file.pk}/apply/")
    work_tracking_file(file_id=file.pk)
    assert packer.get(f"{PAGE}{file.pk}/?fragment=progress")["HX-Refresh"] == "true"
    assert numbers(two) == [("Van", ["ABC333333"])]
    done = packer.get(f"{PAGE}{file.pk}/")
    assert "2 done, 0 skipped, 1 failed, 0 left" in texts(done)
    assert [row.order_number for row in packer.get(f"{PAGE}{file.pk}/?tab=failed").context["rows"]] == ["777777"]
    back = downloaded(packer.get(f"{PAGE}{file.pk}/result/")).decode()
    assert back.splitlines()[:3] == [
        "Reference,Parcel no.,Recipient,outcome,what happened",
        f"{one.number},'=ABC111111,Ada,done,All that is left of order {one.number} leaves with Van =ABC111111.",
        "777777,ABC2,Bob,failed,There is no order 777777.",
    ]
    book = downloaded(packer.get(f"{PAGE}{file.pk}/result/?format=xlsx"))
    cells = list(openpyxl.load_workbook(io.BytesIO(book)).active.values)
    assert cells[2][3:] == ("failed", "There is no order 777777.")
    again = packer.post(f"{PAGE}{file.pk}/again/", follow=True)
    assert "Running" in texts(again)


def test_the_columns_of_a_carrier_are_asked_once(packer: Client) -> None:
    order = to_send()
    data = csv_of((order.number, "ABC111111"), headers=("Ref", "No"))
    where = upload(packer, data).request["PATH_INFO"]
    assert "Two fields" in texts(packer.post(where, {"order": "Ref", "number": "Ref"}))
    packer.post(where, {"order": "Ref", "number": "No"})
    assert "Apply 1 row" in texts(upload(packer, data, carrier="VAN"))
    assert "Which column holds what?" in texts(upload(packer, data, carrier="Other"))
    assert "Which column holds what?" in texts(upload(packer, csv_of((1, 2), headers=("A", "B"))))


def test_a_large_file_is_read_by_a_worker(packer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    order = to_send()
    monkeypatch.setattr(files, "SMALL_BYTES", 10)
    data = csv_of((order.number, "ABC111111"))
    where = upload(packer, data).request["PATH_INFO"]
    page = packer.post(where, {"order": "Order", "number": "Tracking"}, follow=True)
    assert "The rows are being read." in texts(page)
    file = TrackingFile.objects.get()
    work_tracking_file(file_id=file.pk)
    assert codes(file) == ["ship"]
    assert "Apply 1 row" in texts(packer.get(f"{PAGE}{file.pk}/?fragment=progress"))


def test_a_file_that_can_not_be_read_says_why(packer: Client) -> None:
    assert "The file has no rows below its header." in texts(upload(packer, b"Order,Tracking\n"))
    assert "Two columns are called “A”" in texts(upload(packer, b"A,A\n1,2\n"))
    assert not TrackingFile.objects.exists()


def test_a_workbook_with_numbers(packer: Client) -> None:
    order = to_send()
    book = openpyxl.Workbook()
    for row in (["Order Number", "Tracking Number"], [float(order.number), 12345678], [int(order.number), 10**17]):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    where = upload(packer, stream.getvalue(), name="day.xlsx").request["PATH_INFO"]
    packer.post(where, {"order": "Order Number", "number": "Tracking Number"})
    rows = TrackingFileRow.objects.order_by("number").values_list("order_number", "tracking_number", "code")
    assert list(rows) == [(order.number, "12345678", "ship"), ("", "", "problem")]
    assert "A spreadsheet cut “100000000000000000” off" in texts(packer.get(f"{PAGE}{TrackingFile.objects.get().pk}/"))


@pytest.mark.parametrize("header", ["Order No.", "Customer Reference", "Bestell-Nummer", "#Order"])
def test_headers_are_guessed(header: str) -> None:
    assert guess([header, "Tracking-Number"]) == {"order": header, "number": "Tracking-Number"}


def test_a_cut_spreadsheet_number_in_csv_is_a_problem() -> None:
    sheet = read_sheet(b"Order,Tracking\n1,3.40434E+17\n", lambda _header: True)
    assert sheet.rows == [(2, ["1", "3.40434E+17"])]


def test_only_packers_see_files(as_role: Callable[[str], Client], packer: Client) -> None:
    where = upload(packer, csv_of((1, 2))).request["PATH_INFO"]
    viewer = as_role("Viewer")
    for address in (PAGE, where, where.replace("columns/", "result/")):
        assert viewer.get(address).status_code == 403
    assert User.objects.count() == 2
