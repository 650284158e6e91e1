"""What can go wrong, and what the exporter promises then; tests refer to a case by its number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A fault.

    Attributes:
        number: `@pytest.mark.fault(number)` marks the tests that provoke it.
        what: What happens.
        promise: What the exporter does then.
    """

    number: int
    what: str
    promise: str


STORAGE = (
    Case(
        1,
        "The storage ignores a Range header and answers 200.",
        "The response is used as the whole object, from its first byte; the partial is discarded.",
    ),
    Case(
        2,
        "A 206 starts later than requested, has no Content-Range, or is multipart.",
        "The response is discarded, and the next request is for the whole object.",
    ),
    Case(
        3,
        "The object was replaced: another size, another ETag, 412, or 200 to an If-Range.",
        "The partial is discarded. A file never mixes bytes of two objects.",
    ),
    Case(
        4,
        "The storage sends no strong validator.",
        "An interrupted transfer of that object restarts from zero; it never resumes.",
    ),
    Case(
        5,
        "The storage answers a range with 416.",
        "The file counts as complete only if the reported size matches and it verifies; "
        "otherwise the transfer restarts. The body of a 416 is never written.",
    ),
    Case(
        6,
        "A body ends early: short of its length, inside a chunk, or with a reset.",
        "Flushed bytes stay and the rest is requested. A body that is delimited by the end of "
        "its connection is not complete if the connection was cut.",
    ),
    Case(
        7,
        "The storage sends more bytes than it announced.",
        "The connection is closed. None of these bytes reaches another file.",
    ),
    Case(
        8,
        "A response has a Content-Encoding that was not requested.",
        "The response is refused, and nothing resumes from it.",
    ),
    Case(
        9,
        "The storage answers 200 with HTML, XML or nothing instead of a ZIP.",
        "The package fails with the first line of the response, redacted. No file gets its name.",
    ),
    Case(
        10,
        "A transfer stalls, or stays below the minimum throughput.",
        "The transfer is aborted and resumed.",
    ),
    Case(
        11,
        "A connection is refused or a kept one has died, DNS or TLS fails, or the storage "
        "answers 500, 502 or 503 SlowDown.",
        "The transfer is retried within its attempts. A certificate that is not trusted fails "
        "the package at once.",
    ),
    Case(
        12,
        "A file does not match a checksum that the storage offers.",
        "The transfer restarts from zero. After the last attempt the package fails, and no file "
        "gets its name.",
    ),
    Case(
        13,
        "The size is right, the bytes are wrong, and the storage offers no checksum.",
        "The structure of the ZIP is checked: its first header, and its end record at the end "
        "of the file; with `--verify`, the CRCs of its members too.",
    ),
    Case(
        14,
        "A redirect leads to another host, to plain HTTP, or in a loop.",
        "A redirect to another host is followed without credentials. The others are refused.",
    ),
    Case(
        15,
        "A signed URL has expired.",
        "A fresh URL is requested, once for all transfers that wait for it, and the transfer "
        "resumes. This costs no attempt.",
    ),
    Case(
        16,
        "A signed URL expires during the transfer.",
        "The transfer continues. A new connection gets a fresh URL.",
    ),
    Case(
        17,
        "The storage rejects the signature.",
        "The package fails at once. The message holds no signature.",
    ),
    Case(
        18,
        "A signed URL has unusual bytes: `%2F`, `+`, `%20`, `//`.",
        "The request target is sent byte for byte.",
    ),
)

SERVICE = (
    Case(
        19,
        "The service carries out a creation, and its response is lost.",
        "The journal has recorded the intent. The creation is sent again after a delay, at most "
        "twice, and counted as `recreated`; with `--no-recreate` the package fails instead.",
    ),
    Case(
        20,
        "The service answers 429 or 503 with a Retry-After: seconds, a date, an invalid value, "
        "a negative or a huge one.",
        "A valid delay is obeyed within bounds; an invalid one is replaced by the usual "
        "backoff. All calls to the host pause.",
    ),
    Case(
        21,
        "The service answers 401 to any call.",
        "No further call is sent, running transfers finish, one message reports it, and the "
        "exit code is 1. A run with a valid key resumes.",
    ),
    Case(
        22,
        "The service answers 400, 403 or 404 for one package.",
        "That package fails with the code and the message of the service. The others continue.",
    ),
    Case(
        23,
        "A success has no URL or an empty one, or its status is unknown.",
        "The package counts as not ready, up to the waiting limit.",
    ),
    Case(
        24,
        "The service cannot create a package.",
        "That package fails. The others continue.",
    ),
    Case(
        25,
        "The service answers 404 to a status call just after the creation.",
        "The package counts as not ready for a short grace period.",
    ),
    Case(
        26,
        "A package is never ready.",
        "It fails at the waiting limit; the next run waits for it again.",
    ),
    Case(
        27,
        "The service answers 502 with HTML, with invalid JSON, with 100 MB, or with an unknown "
        "field.",
        "In this order: retried, a typed error, cut off at the limit, ignored.",
    ),
    Case(
        28,
        "Most or all calls fail with 5xx for a while.",
        "Retries are a bounded share of all calls, and a host that only fails gets one request "
        "at a time. When it recovers, the export continues.",
    ),
    Case(
        29,
        "A run resumes hundreds of pending packages at once.",
        "Their first polls are spread out, and the rate limit holds.",
    ),
)

MACHINE = (
    Case(
        30,
        "The disk is full, for a package or for the journal; a folder is not writable; a path "
        "is too long.",
        "Transfers pause until there is space, or the export ends with a clear error. No file "
        "is saved in part, and the next run resumes.",
    ),
    Case(
        31,
        "The process reaches its limit on open files.",
        "Fewer transfers run at once, and every package is saved.",
    ),
    Case(
        32,
        "A partial is shorter or longer than the journal says, or has other bytes.",
        "It is cut back to its last verified byte, or the transfer restarts.",
    ),
    Case(
        33,
        "A file that no export has saved has the name of a package.",
        "It is not overwritten, and the package fails; `--overwrite` replaces it.",
    ),
    Case(
        34,
        "A saved file was deleted or changed.",
        "`verify` reports it, and the next run fetches it again.",
    ),
    Case(
        35,
        "The process is killed (SIGKILL), at any moment, many times.",
        "The next run converges. At most 1.1 times the bytes are sent, and no creation that was "
        "answered is sent twice.",
    ),
    Case(
        36,
        "The process gets SIGINT or SIGTERM, once or twice.",
        "The first one stops the export gracefully; the second exits at once. The next run "
        "resumes after either. The exit code is 130 or 143.",
    ),
    Case(
        37,
        "A second process uses the export folder.",
        "It is refused and names the first process, which continues.",
    ),
    Case(
        38,
        "An export is cancelled during a write.",
        "The cancellation waits for the write; the partial is valid up to its mark.",
    ),
    Case(
        39,
        "The journal is truncated, or a newer version wrote it.",
        "It is refused with the remedy, stays unchanged, and is copied.",
    ),
    Case(
        40,
        "The clock jumps by an hour.",
        "No wait gets longer or shorter.",
    ),
)

INPUT = (
    Case(
        41,
        "A manifest has unknown kinds, missing ids, invalid JSON, another encoding, or duplicates.",
        "The command exits with 2 and names file, line and reason before it sends anything. "
        "Duplicate rows are downloaded once.",
    ),
    Case(
        42,
        "Ids have `/`, `..`, `%`, spaces, other scripts, or 300 characters.",
        "They are escaped in the path of a call; the file gets a safe, unique name.",
    ),
    Case(
        43,
        "A Content-Disposition is hostile, names are reserved on Windows, or names differ only "
        "in case.",
        "No file leaves the folder, and no two packages share a name.",
    ),
    Case(
        44,
        "An archive leaves its folder, has links, is a decompression bomb, or has duplicate "
        "entries.",
        "It is not extracted. The ZIP is kept, and nothing is written elsewhere.",
    ),
    Case(
        45,
        "A key and signed URLs are in use.",
        "They appear in no log, output, error, journal, report, traceback or `repr`.",
    ),
    Case(
        46,
        "An address uses plain HTTP.",
        "It is refused, unless `base_url` is on this machine.",
    ),
    Case(
        47,
        "Names and messages have control characters.",
        "They are escaped before they reach a terminal or a report.",
    ),
    Case(
        48,
        "The machine has other users.",
        "Only the owner can read the journal, partials and packages.",
    ),
)

EVIDENCE = (
    Case(
        49,
        "The storage answers a Range request without proof that the object is still the same: "
        "no ETag, a weak or another one, or a Content-Range that does not match.",
        "A partial or a segment resumes only from a response with the same strong ETag and a "
        "matching Content-Range, in this run and in later ones.",
    ),
    Case(
        50,
        "A file is assembled from more than one response: resumed, or in segments, in one run "
        "or in several.",
        "Before it gets its name it is compared with a checksum of the storage, or else with "
        "the CRC of every member; no option turns that off. A file that fails is fetched in one "
        "response.",
    ),
)

ISOLATION = (
    Case(
        51,
        "One package has a malformed URL, or its storage host has a bad certificate or is "
        "refused by the proxy; or a bug raises an unexpected error while it is handled.",
        "That package fails with a typed error and its reason; the others and the next run "
        "continue. A refused host costs one handshake, not one for each package.",
    ),
    Case(
        52,
        "A package is larger than the free space, and others are not.",
        "Packages that fit overtake it. The export pauses only when nothing else is left, and "
        "after the time limit it ends with one message for all that wait.",
    ),
    Case(
        53,
        "A FIFO, a socket, a device or a directory has the name of a partial.",
        "Its package fails with an error that says what is there. Nothing blocks, the others "
        "are saved, and the first signal still ends the export.",
    ),
    Case(
        54,
        "Somebody has edited rows of the journal: huge or negative numbers, unknown words, "
        "invalid JSON, a NUL in a name.",
        "`status`, `report` and `verify` report the row as damaged, with its field. The next "
        "export starts that package anew; the others continue.",
    ),
)

LIMITS = (
    Case(
        55,
        "A response of the service expands while it is decoded, has several content codings, or "
        "holds JSON that is far larger in memory than as text.",
        "It is refused at its limit. Bytes are counted while they are decoded, JSON values "
        "before they are created; only one coding is accepted, and only a requested one.",
    ),
    Case(
        56,
        "A body of unknown length, or an extraction, would fill the disk.",
        "It stops while the reserved free space is still there, and leaves nothing behind. Its "
        "package fails; the others, and the next run, continue.",
    ),
)

NAMES = (
    Case(
        57,
        "Somebody planted a symbolic or hard link, a FIFO, a device, or a file of another user "
        "in the export folder.",
        "No link is followed, and nothing outside the folder changes. A linked partial is "
        "unlinked and restarts; anything planted where the export keeps its state is refused.",
    ),
    Case(
        58,
        "The umask is 000, 777, or anything else.",
        "Files get mode 0600 and directories 0700, including new parents of the export folder.",
    ),
    Case(
        59,
        "A row of the journal has a name outside the folder, or one that no export chooses.",
        "Names from the journal are validated before anything is opened. That package fails "
        "alone, and `verify` reports the row.",
    ),
)

SECRETS = (
    Case(
        60,
        "The service or the storage echoes the key or a signature: in another case, escaped, in "
        "base64, or split, in any field.",
        "It is redacted after decoding, in every message, file and object.",
    ),
)

SUSPENSION = (
    Case(
        61,
        "The process is suspended while responses arrive.",
        "Sockets are read before a call counts as timed out or a transfer as stalled. No "
        "creation is sent twice because of a suspension.",
    ),
)

EDGES = (
    Case(
        62,
        "Standard input, output or error is closed or full, its reader has gone, or its "
        "encoding lacks a character.",
        "The command prints at most one line, ends with the right exit code, and shows no "
        "traceback.",
    ),
    Case(
        63,
        "Ctrl-C or SIGTERM arrives within the first second, or while the service is silent.",
        "The command ends with 130 or 143, and shows no traceback.",
    ),
    Case(
        64,
        "The system allows few threads, little memory or few descriptors, or the working "
        "directory is gone.",
        "One line says what is missing and how to get more, or fewer transfers run at once.",
    ),
    Case(
        65,
        "The base URL or the proxy has no usable host or port.",
        "One line says so before anything is sent.",
    ),
)

ADDRESSES = (
    Case(
        66,
        "A signed URL or a redirect points to this machine, a private network, or cloud metadata.",
        "The address is checked after name resolution and refused, unless `base_url` is an "
        "address of the same kind or `--allow-private-storage` is given. Cloud metadata is "
        "always refused.",
    ),
)

BOOKKEEPING = (
    Case(
        67,
        "An exception or a cancellation occurs at any await of an export.",
        "The folder is unlocked, every claim, slot and count is released, and nothing is "
        "journalled twice. The next export of the same client saves every package. A request "
        "that was never sent does not change the state of its host.",
    ),
    Case(
        68,
        "Kept connections are stale, or a transfer gets its slot late.",
        "A request is retried once, over a new connection. Nothing is sent for an export that "
        "has ended, for a rejected key, or beyond the one probe of an unreachable host.",
    ),
)

RESUMING = (
    Case(
        69,
        "The storage handles ranges badly: a part starts earlier or ends earlier than "
        "requested, or arrives as a 200.",
        "A part of the same object is used from the matching byte, and costs no attempt.",
    ),
    Case(
        70,
        "A response to a Range request is unusable: it starts later, has several parts or a "
        "coding, or contradicts itself.",
        "It costs one request and no attempt, and the next one is for the whole object. "
        "Messages never hold binary data.",
    ),
)

MEMORY = (
    Case(
        71,
        "The id of an earlier run is dead: the service or the storage has deleted the package, "
        "no longer returns a URL for it, or serves a broken ZIP each time.",
        "A new package is requested, counted as `recreated` and within the bounds of "
        "`recreate`. The message names the status word.",
    ),
)

PASSING = (
    Case(
        72,
        "The service answers with a transient status, a redirect, an empty response or a page "
        "that is not its own error form; or with 403 to everything.",
        "The call is retried up to a limit, and the next run retries packages that failed by "
        "it. A redirect is not followed. The key is checked before a package counts as "
        "forbidden.",
    ),
    Case(
        73,
        "The storage answers with an unlisted status, a maintenance page or nothing.",
        "The transfer is retried within its attempts, and the next run retries packages that "
        "failed by it.",
    ),
    Case(
        74,
        "A storage answers 403 because it gets too many requests at once.",
        "A transfer that is refused with a fresh URL is retried alone; fewer transfers run from "
        "then on, which is reported once, and all packages are saved. A package that is refused "
        "alone fails.",
    ),
)

MACHINES = (
    Case(
        75,
        "SIGHUP, SIGINT or SIGTERM is ignored when the process starts, as with `nohup`.",
        "It stays ignored; the other signals still end the export.",
    ),
    Case(
        76,
        "The export folder is read-only.",
        "`status`, `verify`, `report --out` and `--dry-run` work, even with a journal that a "
        "killed run or an earlier version has left. Commands that write print the remedy in one "
        "line.",
    ),
    Case(
        77,
        "The file system has no locks (ENOSYS, ENOLCK, EOPNOTSUPP).",
        "A file with a heartbeat replaces them, without a warning. A second export is refused "
        "and names the first; the lock of a killed process does not block the next one.",
    ),
    Case(
        78,
        "A file system reports a size of 0 bytes or allows only sequential writes; there is no "
        "HOME, or the uid is unknown.",
        "An unknown size is not a full disk. `doctor` and `export` agree about the folder. "
        "Every command works without a home directory.",
    ),
)

CREATIONS = (
    Case(
        79,
        "A creation takes longer than an ordinary call.",
        "Creations have a longer timeout of their own: 300 s, or `--answer-timeout`. After a "
        "timeout of an insight, job or task, its status is requested; the service has no list "
        "of AOI and catalog packages, so those are requested again, at most twice. The printed "
        "command that resumes is complete and can be pasted.",
    ),
    Case(
        80,
        "A server closes its connections right after a response.",
        "No creation is lost or sent twice because of that: a POST always gets a new "
        "connection, and a PUT is also the status call of its package.",
    ),
)

RESULTS = (
    Case(
        81,
        "An export ends early, by a timeout, an error of its source, or a cancellation.",
        "Its report is complete only when the run has ended and every package is settled. "
        "`finish`, or the end of the events, raises the error.",
    ),
    Case(
        82,
        "A client is used in several event loops or after it was closed, or a wait has a timeout.",
        "Incorrect use raises `UsageError` at once. No wait outlasts the timeout of its caller, "
        "except for bounded clean-up.",
    ),
    Case(
        83,
        "An error crosses a process boundary.",
        "Every error can be pickled and copied, with its attributes, notes and causes.",
    ),
)

REST = (
    Case(
        84,
        "A process is killed (SIGKILL) many times while packages arrive in segments.",
        "The next run resumes from all segments: at most 1.05 times the bytes are sent.",
    ),
    Case(
        85,
        "A ZIP holds no file, or readers find different files in it: its comment holds an end "
        "record, members are not listed, headers contradict the directory, counts differ.",
        "It is neither saved as a package nor extracted; the message names what is wrong.",
    ),
    Case(
        86,
        "A saved file is edited or replaced without changing its size.",
        "The next run notices by its modification time or inode, reads it, sets it aside and "
        "fetches the package again. A copy with the same bytes is kept.",
    ),
    Case(
        87,
        "The journal is deleted or replaced during a run.",
        "The export ends, no package fails, and the message says what happened and what to do.",
    ),
)

MEMBERS = (
    Case(
        98,
        "The bytes of a chosen member do not have the CRC-32 of the directory.",
        "They are fetched again, a few times. Then the package fails with `IntegrityError`; no "
        "file has its name.",
    ),
    Case(
        99,
        "The directory of a ZIP gives a wrong offset for a chosen member.",
        "No other bytes are saved in its place: the package fails, and the message names the "
        "member.",
    ),
    Case(
        100,
        "Members of a ZIP overlap.",
        "`ArchiveError`, before a byte of a member is fetched.",
    ),
    Case(
        101,
        "A chosen member is encrypted, or its name leads out of its folder.",
        "`ArchiveError`, before a byte of it is fetched. Members that are not chosen do not "
        "matter; `peek` tells which ones are encrypted.",
    ),
    Case(
        102,
        "A ZIP64 package of 5 GiB, with members beyond 4 GiB.",
        "Its directory is found, and small members are taken with some kilobytes.",
    ),
    Case(
        103,
        "A process is killed (SIGKILL) five times while chosen members arrive.",
        "The next run resumes: at most 1.05 times their bytes and those of the directories are "
        "sent, and the files are right.",
    ),
)

CHAPTERS = {
    "The storage": STORAGE,
    "The service": SERVICE,
    "The machine": MACHINE,
    "Input and security": INPUT,
    "Evidence": EVIDENCE,
    "Isolation of failures": ISOLATION,
    "Limits while bytes arrive": LIMITS,
    "Names in the folder": NAMES,
    "Echoed secrets": SECRETS,
    "Suspension": SUSPENSION,
    "The edges of the process": EDGES,
    "Addresses": ADDRESSES,
    "Bookkeeping": BOOKKEEPING,
    "Storages that handle ranges badly": RESUMING,
    "Ids of earlier runs": MEMORY,
    "Transient errors": PASSING,
    "Other machines": MACHINES,
    "Slow creations": CREATIONS,
    "Results and waits": RESULTS,
    "Kills, archives and edits": REST,
    "Members of packages": MEMBERS,
}
"""The cases, by what they affect."""
