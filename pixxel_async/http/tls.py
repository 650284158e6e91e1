"""Which certificates are trusted: one setting for both planes."""

from __future__ import annotations

import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import certifi

from ..errors import ConfigError


@dataclass(frozen=True, slots=True)
class Certificates:
    """The certificates that are trusted, in place of the system's own.

    Attributes:
        file: A file in PEM form, or None.
        folder: A directory of such files, named as `openssl rehash` does, or None.
        named_by: The setting or variable that names them, for errors.
    """

    file: str | None = None
    folder: str | None = None
    named_by: str = ""

    def context(self) -> ssl.SSLContext:
        """Return a context for httpx that checks certificates and host names.

        Raises:
            ConfigError: There is no such file, or it holds no certificate.
        """
        file, folder = self._locations()
        try:
            return ssl.create_default_context(cafile=file, capath=folder)
        except ssl.SSLError:
            reason = f"{file} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
        except OSError as error:
            reason = f"{file or folder} cannot be read: {error.strerror or error}"
        message = f"{self.named_by}: {reason}"
        raise ConfigError(message)

    def set_on(self, curl: Any) -> None:
        """Let a handle of libcurl trust the same, for the storage and for proxies."""
        import pycurl  # noqa: PLC0415 - optional: the other engine does without

        file, folder = self._locations()
        for option, value in (
            (pycurl.CAINFO, file),
            (pycurl.CAPATH, folder),
            (pycurl.PROXY_CAINFO, file),
        ):
            if value is None:
                curl.unsetopt(option)
            else:
                curl.setopt(option, value)
        if file is None and folder is None:
            curl.setopt(pycurl.SSL_OPTIONS, pycurl.SSLOPT_NATIVE_CA)
            curl.setopt(pycurl.PROXY_SSL_OPTIONS, pycurl.SSLOPT_NATIVE_CA)

    def _locations(self) -> tuple[str | None, str | None]:
        if self.file is not None or self.folder is not None:
            return self.file, self.folder
        if sys.platform in {"win32", "darwin"}:
            return None, None
        system = ssl.get_default_verify_paths().openssl_cafile  # not what the environment says
        return (system if Path(system).is_file() else certifi.where()), None
