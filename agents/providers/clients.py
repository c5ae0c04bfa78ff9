"""The network side of the providers: connections, boto3 clients, what is known about a server.

One `ProviderClients` per process, owned by whoever owns the run loop, which also closes it. The
HTTP clients are bound to the first loop they are used on.
"""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2

from core.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import SecretStr

CONNECT_S = 3.0
READ_S = 600.0
"""Last line of defence; deadlines for the first token and between tokens belong to the caller."""
POOL = httpx2.Limits(max_connections=200, max_keepalive_connections=200, keepalive_expiry=300.0)
TIMEOUT = httpx2.Timeout(READ_S, connect=CONNECT_S, write=30.0)


@dataclass
class ServerQuirks:
    """What requests have taught us about one server."""

    stream_options: bool = True
    """False once it refused `stream_options`: no usage is asked for again."""


class ProviderClients:
    """Creates on first use, shares afterwards, closes at the end."""

    def __init__(self, *, verify: ssl.SSLContext | None = None) -> None:
        self._verify = verify
        self._http: dict[str, httpx2.AsyncClient] = {}
        self._quirks: dict[str, ServerQuirks] = {}
        self._bedrock: dict[tuple[object, ...], Any] = {}
        self._lock = threading.Lock()

    def http(self, url: str) -> httpx2.AsyncClient:
        """The client for the host of this URL. Redirects are never followed: an answer that moves
        a request with a key to another host is not one we want."""
        parsed = httpx2.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigError(f"{url!r} is not the URL of a model server.")
        host = f"{parsed.scheme}://{parsed.netloc.decode()}"
        with self._lock:
            client = self._http.get(host)
            if client is None or client.is_closed:
                if self._verify is None:
                    # Reading the certificates takes 20 ms and more: once, not once per host.
                    self._verify = httpx2.create_ssl_context()
                client = self._http[host] = httpx2.AsyncClient(
                    verify=self._verify, limits=POOL, timeout=TIMEOUT, follow_redirects=False
                )
            return client

    def quirks(self, url: str) -> ServerQuirks:
        """What is known about the server at this base URL; the same object every time."""
        with self._lock:
            return self._quirks.setdefault(url.rstrip("/"), ServerQuirks())

    def bedrock(
        self,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        access_key_id: SecretStr | None = None,
        secret_access_key: SecretStr | None = None,
        session_token: SecretStr | None = None,
    ) -> Any:
        """The boto3 `bedrock-runtime` client; without keys, whatever AWS finds by itself.

        The first one takes 0.2 s of CPU and may read files and ask metadata services: call it off
        the loop.
        """
        from botocore.config import Config
        from langchain_aws.utils import create_aws_client

        secret = secret_access_key.get_secret_value() if secret_access_key else None
        key = (region, endpoint_url, access_key_id, secret, session_token)
        with self._lock:
            if key not in self._bedrock:
                self._bedrock[key] = create_aws_client(
                    "bedrock-runtime",
                    region_name=region,
                    endpoint_url=endpoint_url,
                    aws_access_key_id=access_key_id,
                    aws_secret_access_key=secret_access_key,
                    aws_session_token=session_token,
                    config=Config(
                        retries={"total_max_attempts": 1},
                        connect_timeout=CONNECT_S,
                        read_timeout=60,
                        max_pool_connections=50,
                    ),
                )
            return self._bedrock[key]

    async def aclose(self) -> None:
        """Closes every connection. On the loop they were used on. Idempotent."""
        http, self._http = list(self._http.values()), {}
        for client in http:
            await client.aclose()
        bedrock, self._bedrock = list(self._bedrock.values()), {}
        for client in bedrock:
            client.close()
