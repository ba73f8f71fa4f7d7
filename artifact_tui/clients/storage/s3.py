"""The way to S3: boto3 imported when used, its own chain of credentials, and no write unasked."""

from __future__ import annotations

import base64
import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

from artifact_tui.clients.web.waits import asked_wait
from artifact_tui.errors import READ_ONLY_HINT, ReadOnlyError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.clients.storage.settings import StorageSettings

THREADS = 8

LONGEST_WAIT = 30.0
"""Seconds that a call waits at most because the storage asks for it, each time."""

THROTTLES = 5
"""How often a call waits so."""

_READS = frozenset(
    {"ListObjectsV2", "ListObjectVersions", "HeadObject", "HeadBucket", "GetBucketVersioning"}
)
UNKNOWN = frozenset({"NotImplemented", "MethodNotAllowed", "501", "405"})
"""Codes of servers that do not know a request."""
GONE = frozenset({"NoSuchBucket"})
DENIED = frozenset(
    {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
     "InvalidToken", "AllAccessDisabled"}
)  # fmt: skip


class S3(Protocol):
    """What of boto3's client is used."""

    meta: Any

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        """A page of current objects."""

    def list_object_versions(self, **asked: Any) -> dict[str, Any]:
        """A page of versions and delete markers."""

    def head_object(self, **asked: Any) -> dict[str, Any]:
        """What is known of one object, by its exact name."""

    def get_bucket_versioning(self, **asked: Any) -> dict[str, Any]:
        """Whether the bucket keeps versions."""

    def delete_object(self, **asked: Any) -> dict[str, Any]:
        """Delete one object."""

    def delete_objects(self, **asked: Any) -> dict[str, Any]:
        """Delete up to 1,000 objects."""

    def close(self) -> None:
        """Close the connections."""


def connect(settings: StorageSettings, *, read_only: bool) -> S3:
    """A client for the storage's endpoint.

    Raises:
        RegistryError: boto3 cannot make one of these settings.
    """
    import boto3  # noqa: PLC0415 - slow to import
    from botocore.config import Config  # noqa: PLC0415 - same

    config = Config(
        retries={"total_max_attempts": 4, "mode": "standard"},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=THREADS,
        s3={"addressing_style": "path"} if settings.endpoint else {},
    )
    with errors(settings.bucket):
        client = cast(
            "S3",
            boto3.session.Session().client(
                "s3",
                endpoint_url=settings.endpoint or None,
                region_name=settings.region or ("us-east-1" if settings.endpoint else None),
                config=config,
            ),
        )
    client.meta.events.register("needs-retry.s3", _wait_as_asked)
    client.meta.events.register("before-call.s3.DeleteObjects", _add_md5)
    if read_only:
        client.meta.events.register("before-call.s3", _refuse_writes)
    return client


def keeps_versions(s3: S3, bucket: str) -> bool:
    """Whether a bucket keeps what is deleted in it; servers that cannot do so do not answer."""
    try:
        answer = s3.get_bucket_versioning(Bucket=bucket)
    except Exception as error:
        if code_of(error) in UNKNOWN:
            return False
        raise
    return answer.get("Status") in {"Enabled", "Suspended"}


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    """Many servers ask for this header with a batch; newer boto3 sends another checksum only."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()


def _refuse_writes(model: Any, **_: Any) -> None:
    """The last door before the network in read-only mode."""
    if model.name not in _READS:
        raise ReadOnlyError(
            "This storage is open for reading only. Nothing was sent.",
            hint=READ_ONLY_HINT,
        )


def code_of(error: Exception) -> str:
    """The error code of an answer, such as `AccessDenied`; empty for other errors."""
    answer = getattr(error, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""


def later(error: Exception) -> bool:
    """Whether an answer is a throttle: not done, come back later, under whatever status."""
    return _asked_wait(getattr(error, "response", None)) is not None


def _asked_wait(answer: object) -> float | None:
    """Seconds that a refusal asks to wait; None when it does not."""
    meta = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    status = meta.get("HTTPStatusCode", 0)
    if not isinstance(status, int) or not 400 <= status < 500 or status == 404:  # noqa: PLR2004
        return None
    return asked_wait({name.lower(): text for name, text in meta.get("HTTPHeaders", {}).items()})


def _wait_as_asked(response: Any, attempts: int, **_: Any) -> float | None:
    """The wait before the next try of a call, where the storage throttles and says for how long."""
    wait = _asked_wait(response[1]) if response else None
    return None if wait is None or wait > LONGEST_WAIT or attempts > THROTTLES else wait


def words_of(error: Exception) -> str:
    """The message of an answer, or of the error itself; untrusted text."""
    answer = getattr(error, "response", None)
    said = answer.get("Error", {}).get("Message", "") if isinstance(answer, dict) else ""
    return str(said or code_of(error) or error)[:300]


@contextmanager
def errors(bucket: str) -> Iterator[None]:
    """Turn boto3's errors into ours, in words."""
    from botocore.exceptions import (  # noqa: PLC0415 - slow to import
        BotoCoreError,
        ClientError,
        NoCredentialsError,
    )

    try:
        yield
    except NoCredentialsError:
        raise RegistryError(
            f"There are no credentials for the bucket {bucket}.",
            hint="Give them to boto3: AWS_PROFILE, AWS_ACCESS_KEY_ID …, or ~/.aws.",
        ) from None
    except ClientError as error:
        code = code_of(error)
        if code in GONE:
            raise RegistryError(
                f"There is no bucket {bucket}.", hint="Check the bucket and the endpoint."
            ) from None
        if code in DENIED:
            raise RegistryError(
                f"The storage refused our credentials for {bucket} ({code}).",
                hint="Check which profile boto3 uses, and what it may do.",
            ) from None
        raise RegistryError(
            f"The storage of {bucket} failed ({code}: {words_of(error)}).", hint="Try again later."
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise RegistryError(
            f"The storage of {bucket} could not be used: {str(error)[:300]}",
            hint="Check the endpoint, and that it runs.",
        ) from None
