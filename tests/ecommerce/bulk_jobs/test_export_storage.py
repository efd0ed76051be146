"""Exports onto a storage that hangs, refuses, or has no credentials: real sockets, S3's own client."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import connection, transaction
from django.test import Client, override_settings
from django.utils import timezone

from backoffice import file_storage as storage
from backoffice import uploads
from devserver.programs import free_port
from ecommerce.bulk_jobs import control, export
from ecommerce.bulk_jobs.run import run_job
from ecommerce.models import BulkJob
from ecommerce.retention.tasks import remove_old_exports
from pelcro_orders.s3 import BoundedS3Storage
from tests.support.bulk_jobs import a_clerk, a_job, run
from tests.support.factories import make_customer, make_sku, make_user
from tests.support.rows import a_paid_order

pytestmark = pytest.mark.django_db(transaction=True)
CREDENTIALS = {"access_key": "key", "secret_key": "secret"}


@contextmanager
def exports_on(backend: str, **options: Any) -> Iterator[None]:
    kept = {"BACKEND": backend, "OPTIONS": options}
    with override_settings(STORAGES={**settings.STORAGES, "exports": kept, "import_export": kept}):
        yield


def s3_at(port: int, **options: Any) -> Any:
    quick = Config(connect_timeout=1, read_timeout=0.7, retries={"total_max_attempts": 2, "mode": "standard"})
    known = {"bucket_name": "exports", "endpoint_url": f"http://127.0.0.1:{port}", "client_config": quick}
    return exports_on("pelcro_orders.s3.BoundedS3Storage", **known, **options)


@pytest.fixture
def hanging() -> Iterator[int]:
    """The port of a server that takes connections, reads, and never answers."""
    with ExitStack() as opened:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        server.settimeout(0.1)
        ended = threading.Event()

        def take() -> None:
            while not ended.is_set():
                try:
                    opened.enter_context(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=take)
        thread.start()
        yield server.getsockname()[1]
        ended.set()
        thread.join()


def an_export() -> BulkJob:
    return a_job("export", [a_paid_order(make_customer(), make_sku())], a_clerk())


def fails_in_words(job: BulkJob, *words: str) -> None:
    run_job(job_id=job.pk, seconds=20)
    job.refresh_from_db()
    assert job.status == "failed"
    assert job.message.startswith("The file could not be written: ")
    assert job.message.endswith(" Once that is mended, retry.")
    assert any(word in job.message for word in words), job.message


def goes_well_on_retry(job: BulkJob, folder: Path) -> None:
    with exports_on("django.core.files.storage.FileSystemStorage", location=folder):
        retried = control.retry(job_id=job.pk, by=a_clerk("cleo"), at=timezone.now())
        run_job(job_id=retried.pk, seconds=20)
        retried.refresh_from_db()
        assert (retried.status, retried.file_rows) == ("succeeded", 1)


def test_time_outs_and_tries_are_bounded() -> None:
    config = BoundedS3Storage(bucket_name="exports", **CREDENTIALS).connection.meta.client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (5, 20, 2)


def test_a_storage_that_hangs_fails_the_job_in_words(hanging: int, tmp_path: Path) -> None:
    job = an_export()
    with s3_at(hanging, **CREDENTIALS):
        fails_in_words(job, "timeout", "timed out")
        # What could not be deleted is not forgotten.
        assert job.selection["unfinished"] == [job.selection["writing"]]
    goes_well_on_retry(job, tmp_path)


def test_a_storage_that_refuses_fails_the_job_in_words(tmp_path: Path) -> None:
    job = an_export()
    with s3_at(free_port(), **CREDENTIALS):
        fails_in_words(job, "Could not connect")
    goes_well_on_retry(job, tmp_path)


def test_absent_credentials_fail_the_job_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    job = an_export()
    with s3_at(free_port()):
        fails_in_words(job, "credentials")
    goes_well_on_retry(job, tmp_path)


def test_while_the_storage_hangs_the_job_is_alive_and_free_to_be_stopped(hanging: int) -> None:
    job, ben = an_export(), make_user("root", is_superuser=True)

    def worker() -> None:
        run_job(job_id=job.pk, seconds=20)
        connection.close()

    with s3_at(hanging, **CREDENTIALS), pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "UPLOAD_HEARTBEAT", 0.2)
        thread = threading.Thread(target=worker)
        thread.start()
        wait_for(lambda: "writing" in fresh(job).selection)
        time.sleep(1)
        beat_at = fresh(job).beat_at
        wait_for(lambda: fresh(job).beat_at != beat_at)
        # Nobody takes it over, and nothing waits on a lock of its row.
        before = time.monotonic()
        run_job(job_id=job.pk, seconds=1)
        control.stop(job_id=job.pk, by=ben)
        assert time.monotonic() - before < 5
        thread.join()
    assert fresh(job).status == "stopped"


def test_a_job_whose_worker_died_is_claimed_without_the_storage(hanging: int, tmp_path: Path) -> None:
    job = an_export()
    old = {**job.selection, "writing": "orders/old.csv", "unfinished": ["orders/old.csv"]}
    BulkJob.objects.filter(pk=job.pk).update(
        selection=old, status="running", beat_at=timezone.now() - timedelta(hours=1)
    )
    with s3_at(hanging, **CREDENTIALS):
        before = time.monotonic()
        claimed = export._claim(job.pk)
        assert claimed
        assert time.monotonic() - before < 5
    assert fresh(job).selection["unfinished"] == ["orders/old.csv", claimed.selection["writing"]]


def test_what_could_not_be_deleted_is_deleted_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with exports_on("django.core.files.storage.FileSystemStorage", location=tmp_path):
        job = run("export", [a_paid_order(make_customer(), make_sku())], a_clerk())
        left = tmp_path / "orders" / "left.csv"
        left.write_text("half")
        job.selection["unfinished"] = ["orders/left.csv"]
        job.save()
        BulkJob.objects.update(finished_at=timezone.now() - timedelta(days=8))

        def refuse(*_: Any) -> None:
            raise OSError("refused")

        with monkeypatch.context() as refused:
            refused.setattr(FileSystemStorage, "delete", refuse)
            remove_old_exports()
        assert (fresh(job).file, left.exists()) == (job.file, True)
        remove_old_exports()
        assert (fresh(job).file, left.exists(), fresh(job).selection["unfinished"]) == ("", False, [])


def test_a_download_from_a_storage_that_refuses_says_so(client: Client) -> None:
    client.force_login(make_user("root", is_superuser=True))
    job = an_export()
    BulkJob.objects.filter(pk=job.pk).update(status="succeeded", file="orders/a.csv", finished_at=timezone.now())
    with s3_at(free_port(), **CREDENTIALS):
        page = client.get(f"/admin/ecommerce/bulkjob/{job.pk}/download/", follow=True)
    assert "The file storage does not answer." in page.content.decode()


@pytest.mark.parametrize("called", [storage.storage, uploads.storage])
def test_the_storage_refuses_to_be_called_in_a_transaction(called: Callable[[], Any]) -> None:
    called()
    with transaction.atomic(), pytest.raises(RuntimeError, match="outside transactions only"):
        called()


def fresh(job: BulkJob) -> BulkJob:
    return BulkJob.objects.get(pk=job.pk)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
