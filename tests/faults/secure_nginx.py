"""An nginx whose URLs really expire, with `secure_link`."""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..support import PATIENCE_S

SEARCHED = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
NGINX = shutil.which("nginx", path=SEARCHED)
needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx")
SECRET = "of this test"
EXPIRED = (
    "<Error><Code>AccessDenied</Code><Message>Request has expired</Message>"
    "<Expires>then</Expires></Error>"
)
FORGED = "<Error><Code>SignatureDoesNotMatch</Code></Error>"
CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {home}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    log_format short '$status $body_bytes_sent';
    access_log {home}/access.log short;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    default_type application/zip;
    server {{
        listen 127.0.0.1:{port};
        root {home}/files;
        location / {{
            secure_link $arg_md5,$arg_expires;
            secure_link_md5 "$secure_link_expires$uri {secret}";
            if ($secure_link = "") {{ return 403 '{forged}'; }}
            if ($secure_link = "0") {{ return 403 '{expired}'; }}
            limit_rate {rate};
        }}
    }}
}}
"""


@dataclass(frozen=True)
class SecureNginx:
    """A running nginx.

    Attributes:
        home: Where its files and its log are.
        port: Where it listens.
    """

    home: Path
    port: int

    def signed(self, name: str, lifetime_s: float) -> str:
        """Return a URL that works for so long."""
        expires = int(time.time() + lifetime_s)
        said = f"{expires}/{name} {SECRET}".encode()
        digest = hashlib.md5(said, usedforsecurity=False).digest()
        md5 = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return f"http://127.0.0.1:{self.port}/{name}?md5={md5}&expires={expires}"

    @property
    def statuses(self) -> list[int]:
        """What it has answered; complete when it has ended."""
        log = (self.home / "access.log").read_text("utf-8")
        return [int(line.split()[0]) for line in log.splitlines()]

    @property
    def sent(self) -> int:
        """The bytes of all bodies; complete when it has ended."""
        log = (self.home / "access.log").read_text("utf-8")
        return sum(int(line.split()[1]) for line in log.splitlines())


@contextmanager
def secure_nginx(home: Path, *, rate: int) -> Iterator[SecureNginx]:
    """Serve `home/files`, at so many bytes a second for each connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = home / "nginx.conf"
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    config.write_text(
        CONFIG.format(
            home=home,
            port=port,
            secret=SECRET,
            forged=FORGED,
            expired=EXPIRED,
            rate=rate,
            user=user,
        ),
        encoding="ascii",
    )
    process = subprocess.Popen(  # noqa: S603 - a config of our own
        [str(NGINX), "-p", str(home), "-c", str(config), "-e", str(home / "error.log")],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((home / "error.log").read_text("utf-8"))
        yield SecureNginx(home, port)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
