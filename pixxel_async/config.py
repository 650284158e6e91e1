"""Settings: frozen, each default a named constant beside it, times in seconds, sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from .addresses import BASE_URL as BASE_URL  # noqa: PLC0414 - importable from here, too
from .addresses import CA_BUNDLE, PROXY, BaseUrl, Proxy
from .errors import ConfigError
from .polls import POLL_INITIAL_S as POLL_INITIAL_S  # noqa: PLC0414 - importable from here, too
from .polls import POLL_MAX_S as POLL_MAX_S  # noqa: PLC0414 - likewise
from .polls import WAIT_TIMEOUT_S as WAIT_TIMEOUT_S  # noqa: PLC0414 - likewise
from .polls import PollPolicy as PollPolicy  # noqa: PLC0414 - likewise

AUTO: Literal["auto"] = "auto"
FETCHES: Literal["auto"] = AUTO
"""As many as suit the link; see `sansio.resilience.adaptive_concurrency`."""

MOST_FETCHES = 64
"""With `auto`, never more."""


def read_fetches(value: Any) -> Any:
    """Read a number of transfers, which may be text, or `auto`.

    Raises:
        ValueError: It is neither.
    """
    if value == AUTO:
        return value
    text = str(value)
    if isinstance(value, bool) or not (text.isdecimal() and int(text) > 0):
        reason = "give a whole number from 1 up, or auto"
        raise ValueError(reason)
    return int(text)


Fetches: TypeAlias = Annotated[int | Literal["auto"], BeforeValidator(read_fetches)]


CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0
CREATION_TIMEOUT_S = 300.0

REQUESTS = 16
REQUESTS_PER_SECOND = 20.0
PENDING = 10_000
MAX_ANSWER_BYTES = 8 * 1024 * 1024

RETRY_ATTEMPTS = 6
RETRY_INITIAL_S = 0.5
RETRY_MAX_S = 30.0
RETRY_AFTER_MAX_S = 300.0
RECREATE_ATTEMPTS = 2

TRANSFER_ATTEMPTS = 8
STALL_TIMEOUT_S = 30.0
LEAST_BYTES_PER_S = 1024
WRITE_S = 0.05
SEGMENT_BYTES = 8 * 1024 * 1024
FLUSH_BYTES = 16 * 1024 * 1024
EXPIRY_MARGIN_S = 30.0

LEAST_FREE_BYTES = 256 * 1024 * 1024
SPACE_TIMEOUT_S = 3600.0
PATH_TEMPLATE = "{name}.zip"

NO_KEY = (
    "no API key: set PIXXEL_API_KEY to the key from the API tab of your Pixxel workspace settings, "
    "or store it with: pixxel-async auth login"
)


class AuthScheme(StrEnum):
    """How the key stands in the `Authorization` header.

    The OpenAPI document sends the key as it is; the newer guide puts `Bearer` before it.
    """

    RAW = "raw"
    BEARER = "bearer"


class Verify(StrEnum):
    """How closely a ZIP is looked at before it gets its final name."""

    STRUCTURE = "structure"
    CONTENTS = "contents"


class Checksum(StrEnum):
    """What is computed over the bytes of a package while they are saved.

    NONE leaves out the checksums that the storage offers, too. A package that arrived in more than
    one answer is checked against the CRCs of its ZIP all the same.
    """

    SHA256 = "sha256"
    NONE = "none"


class Sync(StrEnum):
    """What a saved file has been through.

    DISK: it was synced before it got its final name, so that it is whole after a power cut, too.
    NONE: the operating system writes it when it likes.
    """

    DISK = "disk"
    NONE = "none"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Timeouts(_Frozen):
    """How long one call may take.

    Attributes:
        connect_s: Until a connection stands, TLS included.
        answer_s: For the whole answer to an API call.
        creation_s: For the whole answer to a call that may create a package: POST and PUT. The
            service may do the work before it answers, and a second call costs it that work once
            more. None takes `CREATION_TIMEOUT_S`, or `answer_s` if that is longer.
    """

    connect_s: float = Field(CONNECT_TIMEOUT_S, gt=0)
    answer_s: float = Field(ANSWER_TIMEOUT_S, gt=0)
    creation_s: float | None = Field(None, gt=0)

    @property
    def creation_limit_s(self) -> float:
        """The limit that holds for calls that may create a package."""
        if self.creation_s is None:
            return max(self.answer_s, CREATION_TIMEOUT_S)
        return self.creation_s


class Limits(_Frozen):
    """How much may be under way at once.

    Attributes:
        requests: API calls in flight.
        requests_per_second: The rate that create and poll calls share. None is documented by
            the service; this one is meant to be polite. It sinks when the service says so.
        pending: Packages that have been asked for and are not ready yet.
        fetches: Transfers at once; `auto` finds out how many suit the link, up to
            `MOST_FETCHES`, and asks for fewer when the storage complains.
        bytes_per_second: What all transfers together may bring; None sets no limit.
        max_answer_bytes: A longer API answer is refused.
    """

    requests: int = Field(REQUESTS, ge=1)
    requests_per_second: float = Field(REQUESTS_PER_SECOND, gt=0)
    pending: int = Field(PENDING, ge=1)
    fetches: Fetches = FETCHES
    bytes_per_second: int | None = Field(None, ge=1024)
    max_answer_bytes: int = Field(MAX_ANSWER_BYTES, ge=1024)

    @property
    def most_fetches(self) -> int:
        """How many transfers there may ever be at once."""
        return self.fetches if isinstance(self.fetches, int) else MOST_FETCHES


class RetryPolicy(_Frozen):
    """How often, and after how long, a failed call is tried again.

    The delay after attempt n is drawn evenly from zero to `initial_s` * 2 ** (n - 1), at most
    `max_s` (full jitter); a Retry-After of the service wins, up to `retry_after_max_s`.

    Attributes:
        attempts: Tries of one call, the first included.
        initial_s: The upper end of the first delay.
        max_s: The upper end of any delay.
        retry_after_max_s: A Retry-After above this is taken as this.
        recreate: How often a creation whose answer was lost may be sent again. Such a call may
            have made a package already; another one costs packaging work and nothing else. Zero
            fails the package instead.
    """

    attempts: int = Field(RETRY_ATTEMPTS, ge=1)
    initial_s: float = Field(RETRY_INITIAL_S, ge=0)
    max_s: float = Field(RETRY_MAX_S, ge=0)
    retry_after_max_s: float = Field(RETRY_AFTER_MAX_S, ge=0)
    recreate: int = Field(RECREATE_ATTEMPTS, ge=0)


class FetchPolicy(_Frozen):
    """How a package is transferred and verified.

    Attributes:
        attempts: Tries of one transfer that bring no new byte; progress starts the count anew.
        stall_timeout_s: The window in which the least throughput is measured.
        least_bytes_per_s: Less than this over a whole window is a stall.
        write_s: After this time at the latest bytes are written, and noted for a later run, also if
            they are few; a run that is killed loses what it has not noted.
        segment_bytes: The least that one of several transfers brings of a package. One of which
            eight times this is missing may come by several at once, while places for transfers are
            free, and it will still take a while.
        flush_bytes: Bytes after which a transfer is synced to disk and its mark is kept; a run
            that is resumed after a crash goes on from there.
        expiry_margin_s: A signed URL with less time left than this is asked for anew before a
            transfer starts.
        verify: `structure` checks size, checksum and the ZIP's records; `contents` also reads
            every member against its CRC-32. A package that arrived in more than one answer is
            always checked like that, unless it agrees with a checksum of the storage.
        checksum: With NONE, what was saved is known by its size alone, and a later run goes on
            from the last mark, not from the last byte.
        sync: With NONE, a power cut may leave files and marks that vouch for lost bytes. The
            journal is synced all the same.
    """

    attempts: int = Field(TRANSFER_ATTEMPTS, ge=1)
    stall_timeout_s: float = Field(STALL_TIMEOUT_S, gt=0)
    least_bytes_per_s: int = Field(LEAST_BYTES_PER_S, ge=1)
    write_s: float = Field(WRITE_S, ge=0)
    segment_bytes: int = Field(SEGMENT_BYTES, ge=64 * 1024)
    flush_bytes: int = Field(FLUSH_BYTES, ge=64 * 1024)
    expiry_margin_s: float = Field(EXPIRY_MARGIN_S, ge=0)
    verify: Verify = Verify.STRUCTURE
    checksum: Checksum = Checksum.SHA256
    sync: Sync = Sync.DISK


class PreviousFailures(StrEnum):
    """What is done with packages that failed in an earlier run for a reason of their own."""

    LEAVE = "leave"
    RETRY = "retry"


class ExistingFiles(StrEnum):
    """How closely files are looked at that an earlier run has saved.

    TRUST compares their sizes; VERIFY reads them again.
    """

    TRUST = "trust"
    VERIFY = "verify"


class UnknownFiles(StrEnum):
    """What is done with a file of a package's name that no export has saved."""

    REFUSE = "refuse"
    REPLACE = "replace"


class Extraction(StrEnum):
    """Whether a saved ZIP is extracted, and whether it is kept then."""

    NONE = "none"
    KEEP_ZIP = "keep-zip"
    DISCARD_ZIP = "discard-zip"


class FolderPolicy(_Frozen):
    """How an export treats its folder.

    Attributes:
        previous_failures: What is done with packages that failed in an earlier run.
        existing_files: How closely the files of earlier runs are looked at.
        unknown_files: What is done with a file that is in the way.
        path_template: The name of a package's file; see `sansio.files.filenames`.
        extraction: Whether a saved ZIP is extracted.
        least_free_bytes: Transfers pause while the disk has less free space than this and what
            they still have to bring.
        space_timeout_s: After a pause of this length the export ends; a later run continues it.
    """

    previous_failures: PreviousFailures = PreviousFailures.LEAVE
    existing_files: ExistingFiles = ExistingFiles.TRUST
    unknown_files: UnknownFiles = UnknownFiles.REFUSE
    path_template: str = PATH_TEMPLATE
    extraction: Extraction = Extraction.NONE
    least_free_bytes: int = Field(LEAST_FREE_BYTES, ge=0)
    space_timeout_s: float = Field(SPACE_TIMEOUT_S, ge=0)


class KeyStore(StrEnum):
    """Where a profile's key lies that is not in the environment."""

    FILE = "file"
    KEYRING = "keyring"


class Settings(_Frozen):
    """What a client is made with, as far as environment and config file can say it.

    Attributes:
        api_key: The key.
        base_url: Where the service is.
        auth_scheme: How the key is sent.
        proxy: `auto`, `direct`, or the URL of a proxy, which may hold a password.
        ca_bundle: `auto`, or a file or folder of certificates to trust.
        allow_private_storage: Whether a storage may have a loopback, private or link-local
            address.
        requests_per_second: Calls of the service.
        fetches: Transfers at once, or `auto`.
        wait_timeout: Seconds after which a package that is not ready has failed.
        answer_timeout: Seconds for the whole answer to a call; those that create packages have
            `CREATION_TIMEOUT_S`, if that is longer.
        stall_timeout: Seconds after which a transfer that brings nothing is tried again.
        poll_initial: Seconds from asking for a package to the first look.
        poll_max: The longest time between two looks, in seconds.
    """

    api_key: SecretStr
    base_url: BaseUrl = BASE_URL
    auth_scheme: AuthScheme = AuthScheme.RAW
    proxy: Proxy = SecretStr(PROXY)
    ca_bundle: str = Field(CA_BUNDLE, min_length=1)
    allow_private_storage: bool = False
    requests_per_second: float = Field(REQUESTS_PER_SECOND, gt=0, allow_inf_nan=False)
    fetches: Fetches = FETCHES
    wait_timeout: float = Field(WAIT_TIMEOUT_S, gt=0, allow_inf_nan=False)
    answer_timeout: float = Field(ANSWER_TIMEOUT_S, gt=0, allow_inf_nan=False)
    stall_timeout: float = Field(STALL_TIMEOUT_S, gt=0, allow_inf_nan=False)
    poll_initial: float = Field(POLL_INITIAL_S, gt=0, allow_inf_nan=False)
    poll_max: float = Field(POLL_MAX_S, gt=0, allow_inf_nan=False)

    @property
    def timeouts(self) -> Timeouts:
        """How long one call may take."""
        return Timeouts(answer_s=self.answer_timeout)

    @property
    def limits(self) -> Limits:
        """How much may be under way at once."""
        return Limits(fetches=self.fetches, requests_per_second=self.requests_per_second)

    @property
    def poll(self) -> PollPolicy:
        """When packages are asked about."""
        return PollPolicy(
            initial_s=self.poll_initial, max_s=self.poll_max, wait_timeout_s=self.wait_timeout
        )

    @property
    def fetch(self) -> FetchPolicy:
        """How packages are transferred."""
        return FetchPolicy(stall_timeout_s=self.stall_timeout)


def variable(key: str) -> str:
    """Return the environment variable of a setting."""
    return f"PIXXEL_{key.upper()}"


def check_settings(
    values: Mapping[str, object], origins: Mapping[str, str] = MappingProxyType({})
) -> Settings:
    """Check settings together.

    Args:
        values: The settings by name; those that are left out get their defaults.
        origins: Where a setting comes from, to be told if it is wrong.

    Raises:
        ConfigError: There is no key, or a setting is wrong; its value, which may be a key, is not
            in the message.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = str(problem["loc"][0])
    if field == "api_key" and problem["type"] == "missing":
        raise ConfigError(NO_KEY)
    reason = problem["msg"].removeprefix("Value error, ")
    message = f"{origins.get(field, f'{field} ({variable(field)})')}: {reason}"
    raise ConfigError(message)
