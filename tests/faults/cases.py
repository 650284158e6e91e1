"""What may go wrong, and what is promised then; tests name a case by its number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """Something that goes wrong.

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
        "That answer is taken as the whole object, from its first byte; what was there is dropped.",
    ),
    Case(
        2,
        "A 206 begins later than requested, has no Content-Range, or is multipart.",
        "The answer is thrown away, and the whole object is fetched.",
    ),
    Case(
        3,
        "The object was replaced: another size, another ETag, 412, or 200 to an If-Range.",
        "The partial is dropped. Bytes of two objects never meet in one file.",
    ),
    Case(
        4,
        "The storage gives no strong validator.",
        "A broken transfer of that object starts again; it is never resumed.",
    ),
    Case(
        5,
        "A 416 comes for a range.",
        "The file is done only if the size told is its own and it verifies; otherwise it starts "
        "again. The body of a 416 is never written.",
    ),
    Case(
        6,
        "A body ends early: by its length, in a chunk, or with a reset.",
        "What was flushed is kept and the rest asked for. What ends with its connection is not "
        "taken for whole if the connection was cut.",
    ),
    Case(
        7,
        "More bytes come than were announced.",
        "The connection is closed. No other file gets one of them.",
    ),
    Case(
        8,
        "A Content-Encoding comes, although none was asked for.",
        "The answer is refused, and nothing is resumed over it.",
    ),
    Case(
        9,
        "200 with HTML, XML or nothing where a ZIP is due.",
        "The package fails with the first line of what came, redacted. No file gets its name.",
    ),
    Case(
        10,
        "A transfer stalls, or drips below the least rate.",
        "It is ended and resumed.",
    ),
    Case(
        11,
        "Refused, no address, a TLS error, a kept connection that died, 500, 502, 503 SlowDown.",
        "Tried again within the attempts; a certificate that is refused is told at once.",
    ),
    Case(
        12,
        "A checksum that the storage offers does not match.",
        "The transfer starts again from zero. After the last try the package fails, and no file "
        "gets its name.",
    ),
    Case(
        13,
        "The size is right, the bytes are not, and no checksum is offered.",
        "The structure of the ZIP tells: its first header, its end record at the end of the file; "
        "and the CRCs of its contents with `--verify`.",
    ),
    Case(
        14,
        "A redirect leads to another host, to plain HTTP, or in a loop.",
        "To another host it is followed without credentials. The others are refused.",
    ),
    Case(
        15,
        "A signed URL has expired.",
        "A fresh one is asked for, once for all who wait for it, and the transfer resumes. It is "
        "no failure.",
    ),
    Case(
        16,
        "A signed URL expires while its body comes.",
        "The body is let run. A fresh URL is asked for before a new connection.",
    ),
    Case(
        17,
        "The signature does not match.",
        "The package fails at once. What is told of it holds no signature.",
    ),
    Case(
        18,
        "A signed URL has awkward bytes: `%2F`, `+`, `%20`, `//`.",
        "The request target goes out byte for byte.",
    ),
)

SERVICE = (
    Case(
        19,
        "A creation was carried out, and its answer was lost.",
        "The journal knows the intent. It is sent again after a wait, at most twice, and counted "
        "as `recreated`; with `--no-recreate` the package fails instead.",
    ),
    Case(
        20,
        "429 or 503 with a Retry-After: seconds, a date, nonsense, negative, or huge.",
        "Obeyed within bounds; nonsense is left to our own delay. All calls to the host pause.",
    ),
    Case(
        21,
        "401 anywhere.",
        "No further call is sent, running transfers finish, one message is told, the exit code is "
        "1. A run with a good key goes on.",
    ),
    Case(
        22,
        "400, 403 or 404 for one package.",
        "That package fails with the code and the message of the service. The others go on.",
    ),
    Case(
        23,
        "Success without a URL, or with an empty one; an unknown status.",
        "It is taken as not yet ready, up to the waiting limit.",
    ),
    Case(24, "A package has failed at the service.", "That package fails. The others go on."),
    Case(
        25,
        "404 on the status just after the creation.",
        "It is taken as not yet known, for a short grace.",
    ),
    Case(
        26,
        "A package is never ready.",
        "It fails at the waiting limit; a later run goes on waiting for it.",
    ),
    Case(
        27,
        "A 502 with HTML, an answer that is no JSON, one of 100 MB, an unknown field.",
        "Tried again; a typed error; cut off at a bound; ignored.",
    ),
    Case(
        28,
        "A storm of 5xx.",
        "Retries are a bounded share of the calls, and a host where all fails is tried by one "
        "request at a time. When it is back, the export goes on.",
    ),
    Case(
        29,
        "Hundreds of packages of an earlier run are taken up at once.",
        "Their first polls are spread, and the rate limit holds.",
    ),
)

MACHINE = (
    Case(
        30,
        "The disk is full, for a package or for the journal; a folder cannot be written; a path "
        "is too long.",
        "Transfers pause until there is room, or the export ends with a clear error. Nothing is "
        "half saved, and a later run goes on.",
    ),
    Case(31, "No more files may be opened.", "Fewer transfers run at once, and all is saved."),
    Case(
        32,
        "A partial is shorter or longer than the journal says, or has other bytes.",
        "It goes back to what is certain, or starts again.",
    ),
    Case(
        33,
        "A file that no export has saved has the name.",
        "It is not overwritten, and the package fails; `--overwrite` replaces it.",
    ),
    Case(
        34,
        "A saved file was deleted or changed.",
        "`verify` tells, and the next run fetches it again.",
    ),
    Case(
        35,
        "The process is killed (SIGKILL), at any moment, many times.",
        "The next run converges. At most 1.1 times the bytes are sent, and no creation that was "
        "answered is sent twice.",
    ),
    Case(
        36,
        "SIGINT or SIGTERM, once or twice.",
        "Once, it drains and reports; twice, it leaves at once. Both can be gone on with. The exit "
        "code is 130 or 143.",
    ),
    Case(
        37,
        "A second process uses the export folder.",
        "It refuses, and names the first, which is unharmed.",
    ),
    Case(
        38,
        "An export is cancelled during a write.",
        "The writer is waited for; the partial is whole up to its mark.",
    ),
    Case(
        39,
        "The journal is truncated, or of a newer version.",
        "It is refused with what to do, left as it is, and a copy of it is kept.",
    ),
    Case(40, "The clock jumps by an hour.", "No wait changes by it."),
)

INPUT = (
    Case(
        41,
        "A manifest with unknown kinds, missing ids, bad JSON, another encoding, doubles.",
        "Exit code 2 with file, line and reason, before anything is sent. Doubles are done once.",
    ),
    Case(
        42,
        "Ids with `/`, `..`, `%`, blanks, other scripts, 300 characters.",
        "Escaped in the path of a call; the file gets a safe name of its own.",
    ),
    Case(
        43,
        "A hostile Content-Disposition, names that Windows reserves, names that differ in case.",
        "Nothing leaves the folder, no two packages share a name.",
    ),
    Case(
        44,
        "An archive that leaves its folder, links, explodes, or has entries twice.",
        "Its extraction is refused. The ZIP is kept, and nothing is written elsewhere.",
    ),
    Case(
        45,
        "A key and signed URLs are in use.",
        "They appear in no log, output, error, journal, report, traceback or `repr`.",
    ),
    Case(
        46, "An address with plain HTTP.", "Refused, unless `base_url` is on this machine itself."
    ),
    Case(
        47,
        "Control characters in names and messages.",
        "Escaped before they reach a terminal or a report.",
    ),
    Case(
        48,
        "Other users of the machine.",
        "Journal, partials and packages are readable by their owner alone.",
    ),
)

EVIDENCE = (
    Case(
        49,
        "The storage answers a Range request without proof that the object is still the same: no "
        "ETag, a weak or another one, or a Content-Range that does not fit.",
        "Only an answer that carries the same strong ETag and a Content-Range that fits continues "
        "a partial or a segment, in this run and in later ones.",
    ),
    Case(
        50,
        "A file was put together from more than one answer: resumed, in segments, in one run or "
        "in several.",
        "Before it gets its name it is compared with a checksum of the storage, or else with the "
        "CRC of every member; no option turns that off. A file that fails is fetched in one "
        "answer.",
    ),
)

ISOLATION = (
    Case(
        51,
        "One package leads to a malformed URL, or to a storage host with a bad certificate or "
        "that the proxy refuses; or a bug raises an unexpected error while it is handled.",
        "That package fails with a typed error and its reason; the others and the next run "
        "continue. A refused host costs one handshake, not one for each package.",
    ),
    Case(
        52,
        "A package is larger than the free space, and others are not.",
        "What fits goes ahead of what does not. The export pauses only when nothing else is left, "
        "and after the time limit it ends with one message for all that wait.",
    ),
    Case(
        53,
        "A FIFO, a socket, a device or a directory has the name of a partial.",
        "Its package fails with an error that says what is there. Nothing blocks, the others are "
        "saved, and the first signal still ends the export.",
    ),
    Case(
        54,
        "Somebody has edited rows of the journal: huge or negative numbers, unknown words, bad "
        "JSON, a NUL in a name.",
        "`status`, `report` and `verify` report the row as damaged, with its field. The next "
        "export starts that package anew; the others are not concerned.",
    ),
)

LIMITS = (
    Case(
        55,
        "An API answer expands while it is decoded, has several content codings, or holds JSON "
        "that is far larger in memory than as text.",
        "It is refused at its limit. Bytes are counted as they are decoded, values before they are "
        "made; at most one coding is accepted, and only one that was requested.",
    ),
    Case(
        56,
        "A body of unknown length, or an extraction, would fill the disk.",
        "It stops while the free space that has to stay is still there, and leaves nothing behind. "
        "Its package fails; the others, and the next run, continue.",
    ),
)

NAMES = (
    Case(
        57,
        "Somebody planted a symbolic or hard link, a FIFO, a device, or a file of another user in "
        "the export folder.",
        "No link is followed, and nothing outside the folder changes. A linked partial loses its "
        "name and starts again; anything planted where the export keeps its state is refused.",
    ),
    Case(
        58,
        "The umask is 000, 777, or anything else.",
        "Files get mode 0600 and directories 0700, the parents of the export folder included.",
    ),
    Case(
        59,
        "A row of the journal has a name that leads out of the folder, or that no export gives.",
        "Names from the journal are checked before anything is opened. That package fails alone, "
        "and `verify` reports the row.",
    ),
)

SECRETS = (
    Case(
        60,
        "The service or the storage repeats the key or a signature: in another case, escaped, in "
        "base64, or split, in any field.",
        "It is redacted after decoding, in every message, file and object.",
    ),
)

SUSPENSION = (
    Case(
        61,
        "The process is suspended while answers arrive.",
        "What lies in the sockets is read before a call counts as timed out or a transfer as "
        "stalled. No creation is sent twice for it.",
    ),
)

EDGES = (
    Case(
        62,
        "Standard input, output or error is closed or full, its reader has gone, or its encoding "
        "lacks a character.",
        "The command prints one line at most, ends with the right exit code, and shows no "
        "traceback.",
    ),
    Case(
        63,
        "Ctrl-C or SIGTERM arrives within the first second, or while the service is silent.",
        "The command ends with 130 or 143, and shows no traceback.",
    ),
    Case(
        64,
        "The system allows few threads, little memory or few descriptors, or the working directory "
        "is gone.",
        "One line says what is missing and how to get more, or fewer transfers run at once.",
    ),
    Case(
        65,
        "The base URL or the proxy has no usable host or port.",
        "One line says so, before anything is sent.",
    ),
)

ADDRESSES = (
    Case(
        66,
        "A signed URL or a redirect leads to this machine, a private network, or cloud metadata.",
        "The address is checked after name resolution and refused, unless `base_url` is an "
        "address of the same kind or `--allow-private-storage` is given. Cloud metadata is always "
        "refused.",
    ),
)

BOOKKEEPING = (
    Case(
        67,
        "Something raises, or the export is cancelled, at any await of an export.",
        "The folder is unlocked, every claim, slot and count is released, and nothing is "
        "journalled twice. The next export of the same client saves every package. A request that "
        "was never sent says nothing about its host.",
    ),
    Case(
        68,
        "Kept connections are stale, or a transfer gets its slot late.",
        "A request is retried once, over a new connection. Nothing is sent for an export that has "
        "ended, for a rejected key, or past the one request that tries a failing host.",
    ),
)

RESUMING = (
    Case(
        69,
        "The storage resumes badly: a part begins earlier or ends earlier than requested, or "
        "comes as a 200.",
        "A part of the same object is used from where it fits, and costs no attempt.",
    ),
    Case(
        70,
        "An answer to a Range request cannot be used at all: it begins later, has several parts "
        "or a coding, or contradicts itself.",
        "It costs one request and no attempt, and the next one is for the whole object. Messages "
        "never hold binary data.",
    ),
)

MEMORY = (
    Case(
        71,
        "The id of an earlier run leads nowhere: the service or the storage has deleted the "
        "package, gives no URL for it any more, or serves a broken ZIP each time.",
        "A new package is requested, counted as recreated and within the bounds of `recreate`. "
        "The message names the status word.",
    ),
)

PASSING = (
    Case(
        72,
        "The service answers with a passing status, a redirect, an empty answer or a page that is "
        "not its own error form; or with 403 to everything.",
        "The call is repeated until a limit, and the next run retries what failed by it. A "
        "redirect is not followed. The key is checked before a package is called forbidden.",
    ),
    Case(
        73,
        "The storage answers with a status that no list names, a maintenance page or nothing.",
        "The transfer is repeated within its attempts, and the next run retries what failed by it.",
    ),
    Case(
        74,
        "A storage answers 403 because too much is asked of it at once.",
        "Whoever is refused with a fresh URL tries again alone; fewer transfers run from then on, "
        "which is reported once, and all are saved. A package that is refused alone fails.",
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
        "killed run or an earlier version has left. Commands that write say in one line what to "
        "do.",
    ),
    Case(
        77,
        "The file system has no locks (ENOSYS, ENOLCK, EOPNOTSUPP).",
        "A file with a heartbeat takes their place, without a warning. A second export is refused "
        "and names the first; the lock of a killed process does not hold the next one up.",
    ),
    Case(
        78,
        "A file system reports a size of 0 bytes or takes files from beginning to end only; there "
        "is no HOME, or the uid is unknown.",
        "An unknown size is not a full disk. `doctor` and `export` say the same about the folder. "
        "Every command works without a home directory.",
    ),
)

CREATIONS = (
    Case(
        79,
        "A creation takes longer than an ordinary answer.",
        "Creations have a longer limit of their own, 300 s or `--answer-timeout`. An insight, job "
        "or task that timed out is asked for its status; the service has no list of AOI and "
        "catalog packages, so those are requested again, at most twice. The command that resumes "
        "is complete and can be pasted.",
    ),
    Case(
        80,
        "A server closes its connections right after an answer.",
        "No creation is lost to that or sent twice: each has a new connection.",
    ),
)

RESULTS = (
    Case(
        81,
        "An export ends early, by a timeout, an error of its source, or a cancellation.",
        "Its report is complete only when the run has ended and every package is settled. "
        "`finish`, or the end of the events, raises what ended it.",
    ),
    Case(
        82,
        "A client is used in several event loops or after it was closed, or a wait has a timeout.",
        "The wrong use raises `UsageError` at once. No wait outlasts the timeout of its caller but "
        "for bounded clean-up.",
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

CHAPTERS = {
    "The storage": STORAGE,
    "The service": SERVICE,
    "The machine": MACHINE,
    "Input and security": INPUT,
    "Evidence": EVIDENCE,
    "One package and the others": ISOLATION,
    "Limits while bytes arrive": LIMITS,
    "Names in the folder": NAMES,
    "Secrets that are repeated": SECRETS,
    "Suspension": SUSPENSION,
    "The edges of the process": EDGES,
    "Addresses": ADDRESSES,
    "Bookkeeping": BOOKKEEPING,
    "A storage that resumes badly": RESUMING,
    "What is remembered of the service": MEMORY,
    "What passes": PASSING,
    "Other machines": MACHINES,
    "Slow creations": CREATIONS,
    "Results and waits": RESULTS,
    "Kills, archives and edits": REST,
}
"""The cases, by what they strike."""
