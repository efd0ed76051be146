"""Files on S3, or what speaks like it, that never hold a worker for longer than a minute."""

from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from storages.backends.s3 import S3Storage

CONNECT_SECONDS, READ_SECONDS, TRIES = 5, 20, 2


class BoundedS3Storage(S3Storage):  # type: ignore[misc]
    def get_default_settings(self) -> dict[str, Any]:
        client = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
        )
        # One thread: exports are written in one stream.
        own = {"client_config": client, "transfer_config": TransferConfig(use_threads=False), "file_overwrite": False}
        return {**super().get_default_settings(), **own}
