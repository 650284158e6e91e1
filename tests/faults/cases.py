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
        "A 206 begins elsewhere, has no Content-Range, or is multipart.",
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
        "A Range request is answered 206 without proof that it is still the same object.",
        "Only an answer that itself carries the same strong validator and a Content-Range that "
        "fits continues a partial. Anything else starts the package again.",
    ),
    Case(
        50,
        "A file was put together from more than one answer, in one run or in several.",
        "It is checked against the CRC of every member, or a checksum of the storage, before it "
        "gets its name.",
    ),
    Case(
        69,
        "The storage resumes badly: 206 from an earlier byte, 200 with only a slice.",
        "Bytes that overlap what is there, from the same object, are used from where they fit.",
    ),
    Case(
        70,
        "An answer to a Range request cannot be used at all.",
        "It costs one request; the next one asks for the whole object. Messages hold no binary.",
    ),
)

ISOLATION = (
    Case(
        51,
        "One package leads to a malformed URL, a bad certificate, or a host that the proxy "
        "refuses; or a bug raises while it is handled.",
        "That package fails with a typed error and its reason. The others, and the next run, "
        "continue.",
    ),
    Case(
        52,
        "One package is larger than the free space.",
        "What fits goes ahead of it.",
    ),
    Case(
        53,
        "A FIFO, a socket, a device or a directory has the name of a partial.",
        "Its package fails, nothing blocks, and a signal still ends the export.",
    ),
    Case(
        54,
        "Rows of the journal were edited: huge numbers, bad values, NUL in names.",
        "The row is reported as damaged, by every command, without a traceback.",
    ),
    Case(
        67,
        "Something raises or is cancelled at any await of an export.",
        "Claims, locks and counts are released by whoever took them.",
    ),
    Case(
        68,
        "A stale connection, or a slot that took long to get.",
        "Retries are bounded, and nothing is sent for an export that has ended.",
    ),
)

LIMITS = (
    Case(
        55,
        "An answer expands while it is decoded, or has several content codings.",
        "Decoded bytes are counted as they come; at most one coding is accepted.",
    ),
    Case(
        56,
        "A body of unknown length fills the disk.",
        "The free space that has to stay is kept while bytes are written.",
    ),
    Case(
        61,
        "The process is suspended while answers arrive.",
        "What lies in the socket is read before anything counts as timed out.",
    ),
    Case(
        66,
        "A signed URL or a redirect leads to this machine, its networks, or cloud metadata.",
        "It is refused after name resolution, unless `base_url` is such an address itself or a "
        "setting allows it.",
    ),
    Case(
        79,
        "A creation takes longer than an ordinary answer.",
        "Creations have a longer limit of their own, and one that timed out is looked for before "
        "it is requested again.",
    ),
    Case(
        80,
        "A connection is closed right after the answer to a POST.",
        "The next call is not lost to it.",
    ),
)

FOLDER = (
    Case(
        57,
        "A symbolic or hard link was planted in the export folder.",
        "It is not followed, and nothing outside the folder changes.",
    ),
    Case(58, "The umask is 000.", "Files are 0600 and directories 0700 all the same."),
    Case(
        59,
        "The journal names a path outside the folder.",
        "Names from the journal are checked as new ones are.",
    ),
    Case(
        75,
        "SIGHUP or SIGINT was ignored when the process started (`nohup`).",
        "It stays ignored.",
    ),
    Case(
        76,
        "The export folder is read-only.",
        "Commands that only read work; the others say what to do.",
    ),
    Case(
        77,
        "The file system has no locks.",
        "A lock by name and heartbeat takes their place.",
    ),
    Case(
        78,
        "A file system reports 0 bytes, there is no HOME, or the uid is unknown.",
        "Unknown is not full, and nothing fails for a missing home.",
    ),
)

PROCESS = (
    Case(60, "The service repeats the key in another case or escaping.", "It is redacted."),
    Case(
        62,
        "Standard input, output or error is closed or full.",
        "One line at most, the right exit code, and no traceback.",
    ),
    Case(63, "Ctrl-C within the first second.", "Exit code 130, and no traceback."),
    Case(
        64,
        "Few threads, little memory, few descriptors.",
        "One line says what is missing, or fewer run at once.",
    ),
    Case(65, "The base URL has no usable host.", "One line says so, before anything is sent."),
)

PASSING = (
    Case(
        71,
        "The id of an earlier run leads nowhere: the service or the storage has deleted the "
        "package, gives no URL for it any more, or serves a broken ZIP each time.",
        "A new package is requested, counted as recreated and within the bounds of `recreate`. "
        "The message names the status word.",
    ),
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

RESULTS = (
    Case(
        81,
        "An export ends early, by a timeout, an error of its source, or a cancellation.",
        "Its report is complete only when the run has ended and every package is settled; what "
        "ended it is raised by whoever waits for it.",
    ),
    Case(
        82,
        "A client is used in several event loops, or a wait has a timeout.",
        "No wait outlasts the timeout of its caller but for bounded disk work.",
    ),
    Case(83, "An error crosses a process boundary.", "Every error can be pickled and copied."),
    Case(
        84,
        "A process is killed many times while packages arrive in segments.",
        "At most 1.05 times the bytes are transferred.",
    ),
    Case(
        85,
        "A ZIP is empty, or its comment holds a fake end record.",
        "It is not saved as a package.",
    ),
    Case(
        86,
        "A saved file was edited without changing its size.",
        "The next run notices, and fetches it again.",
    ),
    Case(
        87,
        "The journal is deleted during a run.",
        "The message says so, and what to do.",
    ),
)

CHAPTERS = {
    "The storage": STORAGE,
    "The service": SERVICE,
    "The machine": MACHINE,
    "Input and security": INPUT,
    "Evidence": EVIDENCE,
    "One package and the others": ISOLATION,
    "Limits and deadlines": LIMITS,
    "The folder and the machine": FOLDER,
    "The process": PROCESS,
    "What passes": PASSING,
    "Results": RESULTS,
}
"""The cases, by what they strike."""
