"""An nginx of our own, on loopback: a storage over HTTP and TLS 1.3, and a service that is ready.

Rules:
    * It listens on 127.0.0.1 only, and everything it writes is in a temporary folder.
    * One worker: it has one core, and what is measured has the others.
    * The service answers at once: every package is ready, and its URL leads to a file.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

HOST = "127.0.0.1"
START_S = 10.0
STOP_S = 10.0
WORKERS = 1
SLOW_RATE = 1 * 1024**2
STRICT_RATE = 2 * 1024**2
STRICT_MOST = 12
SEARCHED = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
SIGNATURE = "X-Amz-Expires=86400&X-Amz-Signature=0123456789abcdef"

CONFIG = """
daemon off;
{user}
worker_processes {workers};
worker_rlimit_nofile 8192;
pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    open_file_cache max=10000 inactive=300s;
    types {{ application/zip zip; }}
    default_type application/octet-stream;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    limit_conn_zone $server_port zone=all:1m;
    server {{
        listen {host}:{slow};
        root {files};
        limit_rate {slow_rate};
    }}
    server {{
        listen {host}:{strict};
        root {files};
        limit_rate {strict_rate};
        limit_conn all {strict_most};
    }}
    server {{
        listen {host}:{http};
        listen {host}:{https} ssl;
        ssl_certificate {home}/chain.pem;
        ssl_certificate_key {home}/key.pem;
        ssl_protocols TLSv1.3;
        root {files};
        location ~ "^/v0/workflows/http-(?<files>[^/]+)/jobs/(?<name>[^/]+)/download$" {{
            default_type application/json;
            return 200 '{http_answer}';
        }}
        location ~ "^/v0/workflows/https-(?<files>[^/]+)/jobs/(?<name>[^/]+)/download$" {{
            default_type application/json;
            return 200 '{https_answer}';
        }}
    }}
}}
"""
ANSWER = '{{"id":"$name","status":"ready","signed_url":"{base}/$files/$name.zip?{signature}"}}'


class MissingError(Exception):
    """A program is not installed."""


@dataclass(frozen=True)
class Nginx:
    """A running nginx.

    Attributes:
        http: Its port for HTTP; the service is there too.
        https: Its port for TLS.
        ca_file: The certificates for clients to trust.
        slow: A port for HTTP that limits each connection to `SLOW_RATE` bytes per second.
        strict: One with a limit of `STRICT_RATE` that refuses more than `STRICT_MOST` connections.
        pid: Of its main process.
    """

    http: int
    https: int
    ca_file: Path
    slow: int
    strict: int
    pid: int

    @property
    def api_url(self) -> str:
        """The URL of the service."""
        return f"http://{HOST}:{self.http}"

    def url(self, scheme: str, set_name: str, name: str) -> str:
        """Return the signed URL of a file."""
        port = self.https if scheme == "https" else self.http
        return f"{scheme}://{HOST}:{port}/{set_name}/{name}?{SIGNATURE}"


def program(name: str, package: str | None = None) -> str:
    """Return the path of a program.

    Raises:
        MissingError: It is not installed; the message says how to install it.
    """
    found = shutil.which(name, path=SEARCHED)
    if found is None:
        message = f"{name} is missing: apt-get install {package or name}"
        raise MissingError(message)
    return found


@contextmanager
def nginx(files: Path) -> Iterator[Nginx]:
    """Serve the files below a folder; leaving the context ends it.

    Raises:
        MissingError: nginx is not installed.
        RuntimeError: It does not start.
    """
    command = program("nginx")
    with tempfile.TemporaryDirectory(prefix="bench-nginx-") as folder:
        home = Path(folder)
        http, https, slow, strict = free_ports(4)
        ca_file = certificates(home)
        (home / "nginx.conf").write_text(
            CONFIG.format(
                user=f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else "",
                workers=WORKERS,
                home=home,
                files=files,
                host=HOST,
                http=http,
                https=https,
                slow=slow,
                slow_rate=SLOW_RATE,
                strict=strict,
                strict_rate=STRICT_RATE,
                strict_most=STRICT_MOST,
                http_answer=ANSWER.format(base=f"http://{HOST}:{http}", signature=SIGNATURE),
                https_answer=ANSWER.format(base=f"https://{HOST}:{https}", signature=SIGNATURE),
            ),
            encoding="ascii",
        )
        process = subprocess.Popen(  # noqa: S603 - a config of our own
            [
                command,
                "-p",
                str(home),
                "-c",
                str(home / "nginx.conf"),
                "-e",
                str(home / "error.log"),
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(process, https, home / "error.log")
            yield Nginx(http, https, ca_file, slow, strict, process.pid)
        finally:
            process.terminate()
            process.wait(STOP_S)


def certificates(home: Path) -> Path:
    """Write a certificate for loopback; return the file of the authority that signed it."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = authority.issue_cert(HOST, "localhost", key_type=trustme.KeyType.ECDSA)
    issued.private_key_pem.write_to_path(str(home / "key.pem"))
    for number, certificate in enumerate(issued.cert_chain_pems):
        certificate.write_to_path(str(home / "chain.pem"), append=number > 0)
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    return home / "ca.pem"


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until a port accepts connections."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    message = f"nginx does not start: {said.strip()}"
    raise RuntimeError(message)
