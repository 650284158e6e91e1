"""Settings as frozen models. Times are in seconds, sizes in bytes; each default is a constant.

A value out of its range, or an unknown field, raises ConfigError.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_core import ErrorDetails

from .addresses import BASE_URL as BASE_URL  # noqa: PLC0414 - importable from here, too
from .addresses import CA_BUNDLE, PROXY, BaseUrl, Proxy
from .members import MemberFilter
from .policy import Policy, reason_of

FETCHES: Literal["auto"] = "auto"
"""Adapts to the network; see `sansio.resilience.adaptive_concurrency`."""
MOST_FETCHES = 64
"""The upper limit with `auto`."""


def read_fetches(value: Any) -> Any:
    """Parse a number of transfers, possibly a string, or `auto`."""
    if value == FETCHES:
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
REACH_S = 12.0

POLL_INITIAL_S = 2.0
POLL_MAX_S = 30.0
POLL_FACTOR = 1.5
POLL_JITTER = 0.1
POLL_BUDGET = 1.0
WAIT_TIMEOUT_S = 6 * 3600.0
NOT_FOUND_GRACE_S = 30.0

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
    """How the `Authorization` header carries the key.

    The service's OpenAPI document sends the bare key (RAW); its newer guide puts `Bearer` before
    it (BEARER).
    """

    RAW = "raw"
    BEARER = "bearer"


class Verify(StrEnum):
    """How thoroughly a ZIP is verified before it gets its final name; see `FetchPolicy`."""

    STRUCTURE = "structure"
    CONTENTS = "contents"


class Checksum(StrEnum):
    """The checksum computed over a package while it is saved.

    NONE also ignores the checksums that the storage offers. A package that arrived in more than
    one response is still checked against the CRCs in its ZIP.
    """

    SHA256 = "sha256"
    NONE = "none"


class Sync(StrEnum):
    """Whether files are synced to disk before they get their names, to survive a power cut."""

    DISK = "disk"
    NONE = "none"


class Timeouts(Policy, frozen=True):
    """Time limits for a single call, in seconds.

        PixxelClient.from_env(timeout=Timeouts(answer_s=20))

    Attributes:
        connect_s: For opening a connection, including TLS.
        answer_s: For the complete response to an API call.
        creation_s: For the complete response to a call that may create a package (POST and PUT).
            The service may do the work before it responds, and a second call repeats that work.
            None means `CREATION_TIMEOUT_S`, or `answer_s` if that is longer.
    """

    _number_means: ClassVar = ("connect_s", "answer_s", "creation_s")

    connect_s: float = Field(default=CONNECT_TIMEOUT_S, gt=0)
    answer_s: float = Field(default=ANSWER_TIMEOUT_S, gt=0)
    creation_s: float | None = Field(default=None, gt=0)

    @property
    def creation_limit_s(self) -> float:
        """The effective limit for calls that may create a package, in seconds."""
        return self.creation_s or max(self.answer_s, CREATION_TIMEOUT_S)


class Limits(Policy, frozen=True):
    """Limits on concurrency and rates, shared by everything that one client does.

        PixxelClient.from_env(limits=Limits(requests_per_second=5, fetches=8))

    Attributes:
        requests: API calls in flight.
        requests_per_second: The rate that create and poll calls share. The service documents no
            limit; the default is meant to be polite. The rate drops when the service throttles.
        pending: Packages that are requested and not ready yet.
        fetches: Concurrent transfers. `auto` adapts the number to the network, up to
            `MOST_FETCHES`, and lowers it when the storage is overloaded.
        bytes_per_second: The combined bandwidth of all transfers; None means unlimited.
        max_answer_bytes: The largest API response that is accepted.
    """

    requests: int = Field(default=REQUESTS, ge=1)
    requests_per_second: float = Field(default=REQUESTS_PER_SECOND, gt=0)
    pending: int = Field(default=PENDING, ge=1)
    fetches: Fetches = FETCHES
    bytes_per_second: int | None = Field(default=None, ge=1024)
    max_answer_bytes: int = Field(default=MAX_ANSWER_BYTES, ge=1024)

    @property
    def most_fetches(self) -> int:
        """The upper limit on concurrent transfers."""
        return self.fetches if isinstance(self.fetches, int) else MOST_FETCHES


class RetryPolicy(Policy, frozen=True):
    """How often, and after what delay, a failed call is retried.

        PixxelClient.from_env(retry=RetryPolicy(attempts=3, max_s=10))

    The delay after attempt n is uniformly random between zero and `initial_s` * 2 ** (n - 1), at
    most `max_s` (full jitter). A Retry-After header takes precedence, up to `retry_after_max_s`.

    Attributes:
        attempts: Attempts per call, including the first.
        initial_s: The upper bound of the first delay.
        max_s: The upper bound of every delay.
        retry_after_max_s: A longer Retry-After is reduced to this.
        recreate: How often a creation whose response was lost may be sent again, although it may
            have created a package: a duplicate costs packaging work only. Zero fails the package.
        reach_s: How long to try to reach a service that has not answered yet; then RouteError.
    """

    _number_means: ClassVar = ("attempts",)

    attempts: int = Field(default=RETRY_ATTEMPTS, ge=1)
    initial_s: float = Field(default=RETRY_INITIAL_S, ge=0)
    max_s: float = Field(default=RETRY_MAX_S, ge=0)
    retry_after_max_s: float = Field(default=RETRY_AFTER_MAX_S, ge=0)
    recreate: int = Field(default=RECREATE_ATTEMPTS, ge=0)
    reach_s: float = Field(default=REACH_S, ge=0)


class PollMethod(StrEnum):
    """How polls are scheduled.

    BACKOFF increases the interval between polls. LEARNING starts the same way; once packages have
    become ready, it polls when the next ones are likely to be (`sansio.polling.learner`).
    """

    LEARNING = "learning"
    BACKOFF = "backoff"


class PollPolicy(Policy, frozen=True):
    """When a pending package is polled.

        PixxelClient.from_env(poll=PollPolicy(wait_timeout_s=2 * 3600))

    Attributes:
        method: How polls are scheduled.
        initial_s: Seconds between the creation and the first poll.
        max_s: The longest interval between polls, in seconds.
        factor: The ratio of each interval to the previous one.
        jitter: The fraction of an interval by which it varies at random, up or down, so that
            packages that were created together are not polled together.
        wait_timeout_s: A package that is not ready this many seconds after its creation fails.
        not_found_grace_s: For this many seconds after the creation, a 404 from the status call
            means "not ready yet".
        budget: How many polls LEARNING makes, as a multiple of what BACKOFF would make.
        keep_times: LEARNING keeps packaging times for later exports, in the user's state directory.
    """

    method: PollMethod = PollMethod.LEARNING
    initial_s: float = Field(default=POLL_INITIAL_S, gt=0)
    max_s: float = Field(default=POLL_MAX_S, gt=0)
    factor: float = Field(default=POLL_FACTOR, ge=1)
    jitter: float = Field(default=POLL_JITTER, ge=0, lt=1)
    wait_timeout_s: float = Field(default=WAIT_TIMEOUT_S, gt=0)
    not_found_grace_s: float = Field(default=NOT_FOUND_GRACE_S, ge=0)
    budget: float = Field(default=POLL_BUDGET, gt=0)
    keep_times: bool = True


class FetchPolicy(Policy, frozen=True):
    """How a package is transferred and verified.

        PixxelClient.from_env(fetch=FetchPolicy(verify=Verify.CONTENTS))

    Attributes:
        attempts: Consecutive attempts of one transfer without a new byte.
        stall_timeout_s: The window, in seconds, over which the minimum throughput is measured.
        least_bytes_per_s: The minimum throughput; less over a full window is a stall.
        write_s: The longest time, in seconds, before received bytes are written and recorded; a
            killed run loses the rest.
        segment_bytes: The smallest segment of a multipart transfer. A package with at least eight
            times this missing may use several connections, while transfer slots are free and the
            transfer would still take a while.
        flush_bytes: Bytes after which a transfer is synced to disk and its offset is recorded; a
            run after a crash resumes from that offset.
        expiry_margin_s: A signed URL that expires within this many seconds is requested again
            before a transfer starts.
        verify: `structure` checks size, checksum and the ZIP's records; `contents` also checks
            every member against its CRC-32. A package that arrived in more than one response is
            always checked with `contents`, unless it matches a checksum from the storage.
        checksum: With NONE, saved files are identified by size alone, and a later run resumes
            from the last synced offset instead of the last byte.
        sync: With NONE, a power cut can leave files and offsets that claim bytes that are lost.
            The journal is synced anyway.
    """

    attempts: int = Field(default=TRANSFER_ATTEMPTS, ge=1)
    stall_timeout_s: float = Field(default=STALL_TIMEOUT_S, gt=0)
    least_bytes_per_s: int = Field(default=LEAST_BYTES_PER_S, ge=1)
    write_s: float = Field(default=WRITE_S, ge=0)
    segment_bytes: int = Field(default=SEGMENT_BYTES, ge=64 * 1024)
    flush_bytes: int = Field(default=FLUSH_BYTES, ge=64 * 1024)
    expiry_margin_s: float = Field(default=EXPIRY_MARGIN_S, ge=0)
    verify: Verify = Verify.STRUCTURE
    checksum: Checksum = Checksum.SHA256
    sync: Sync = Sync.DISK


class PreviousFailures(StrEnum):
    """Whether to retry packages that failed in an earlier run for a reason of their own.

    LEAVE reports them as failed again without sending anything; RETRY requests them again. AUTO
    is RETRY if all given downloads failed earlier, as in `client.export([failed.download for
    failed in report.failed], "packages")`, and otherwise LEAVE.
    """

    AUTO = "auto"
    LEAVE = "leave"
    RETRY = "retry"


class ExistingFiles(StrEnum):
    """How files that an earlier run saved are checked.

    TRUST compares their sizes; VERIFY reads them again.
    """

    TRUST = "trust"
    VERIFY = "verify"


class UnknownFiles(StrEnum):
    """What to do with a file that has a package's name but that no export saved.

    REFUSE fails the package and leaves the file; REPLACE overwrites the file.
    """

    REFUSE = "refuse"
    REPLACE = "replace"


class Extraction(StrEnum):
    """Whether a saved ZIP is extracted, and whether the ZIP is kept afterwards."""

    NONE = "none"
    KEEP_ZIP = "keep-zip"
    DISCARD_ZIP = "discard-zip"


class FolderPolicy(Policy, frozen=True):
    """How an export treats its folder.

        export_sync(downloads, "packages", folder=FolderPolicy(extraction=Extraction.KEEP_ZIP))

    Attributes:
        previous_failures: Whether to retry packages that failed in an earlier run.
        existing_files: How files from earlier runs are checked.
        unknown_files: What to do with an existing file that no export saved.
        path_template: The name of each package's file; see `sansio.files.filenames`.
        extraction: Whether a saved ZIP is extracted.
        members: Which members of each package are saved. If some are left out, only the others are
            transferred, in a ZIP of their own; it is extracted, and kept with KEEP_ZIP only.
        least_free_bytes: Transfers pause while the free disk space is below this plus the bytes
            they still have to receive.
        space_timeout_s: The longest pause, in seconds; then the export ends, and a later run
            resumes it.
    """

    previous_failures: PreviousFailures = PreviousFailures.AUTO
    existing_files: ExistingFiles = ExistingFiles.TRUST
    unknown_files: UnknownFiles = UnknownFiles.REFUSE
    path_template: str = PATH_TEMPLATE
    extraction: Extraction = Extraction.NONE
    members: MemberFilter = MemberFilter()
    least_free_bytes: int = Field(default=LEAST_FREE_BYTES, ge=0)
    space_timeout_s: float = Field(default=SPACE_TIMEOUT_S, ge=0)

    @property
    def what_to_extract(self) -> Extraction:
        """Whether a saved ZIP is extracted, as chosen members always are."""
        is_unsaid = self.members and self.extraction is Extraction.NONE
        return Extraction.DISCARD_ZIP if is_unsaid else self.extraction


class Settings(Policy, frozen=True):
    """The settings that environment variables and the config file can set.

    Attributes:
        api_key: The key.
        base_url: The URL of the service.
        auth_scheme: How the key is sent.
        proxy: `auto`, `direct`, or the URL of a proxy, which may contain a password.
        ca_bundle: `auto`, or a file or directory of certificates to trust.
        allow_private_storage: Allow storage at loopback, private and link-local addresses.
        requests_per_second: The rate of API calls.
        fetches: Concurrent transfers, or `auto`.
        wait_timeout: Seconds after which a package that is not ready fails.
        answer_timeout: Seconds for the complete response to an API call; calls that create
            packages get `CREATION_TIMEOUT_S`, if that is longer.
        stall_timeout: Seconds after which a stalled transfer is retried.
        poll_initial: Seconds between the creation of a package and the first poll.
        poll_max: The longest interval between two polls, in seconds.
    """

    api_key: SecretStr
    base_url: BaseUrl = BASE_URL
    auth_scheme: AuthScheme = AuthScheme.RAW
    proxy: Proxy = SecretStr(PROXY)
    ca_bundle: str = Field(default=CA_BUNDLE, min_length=1)
    allow_private_storage: bool = False
    requests_per_second: float = Field(default=REQUESTS_PER_SECOND, gt=0, allow_inf_nan=False)
    fetches: Fetches = FETCHES
    wait_timeout: float = Field(default=WAIT_TIMEOUT_S, gt=0, allow_inf_nan=False)
    answer_timeout: float = Field(default=ANSWER_TIMEOUT_S, gt=0, allow_inf_nan=False)
    stall_timeout: float = Field(default=STALL_TIMEOUT_S, gt=0, allow_inf_nan=False)
    poll_initial: float = Field(default=POLL_INITIAL_S, gt=0, allow_inf_nan=False)
    poll_max: float = Field(default=POLL_MAX_S, gt=0, allow_inf_nan=False)

    @classmethod
    def _message(cls, problem: ErrorDetails, context: Any) -> str:
        field = str(problem["loc"][0])
        if field == "api_key" and problem["type"] == "missing":
            return NO_KEY
        origin = (context or {}).get(field, f"{field} ({variable(field)})")
        return f"{origin}: {reason_of(problem)}"

    @property
    def timeouts(self) -> Timeouts:
        """The time limits for a single call."""
        return Timeouts(answer_s=self.answer_timeout)

    @property
    def limits(self) -> Limits:
        """The limits."""
        return Limits(fetches=self.fetches, requests_per_second=self.requests_per_second)

    @property
    def poll(self) -> PollPolicy:
        """When packages are polled."""
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
    values: Mapping[str, object], origins: Mapping[str, str] | None = None
) -> Settings:
    """Validate settings; `origins` says where each comes from, for the error message.

    Raises:
        ConfigError: The key is missing or a setting is invalid.
    """
    return Settings.model_validate(values, context=origins)
