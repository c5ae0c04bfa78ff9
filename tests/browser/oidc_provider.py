"""An OpenID provider on a loopback port: discovery, authorize with PKCE, token (RS256), keys, logout.

Whoever comes is logged in at once, as the person the test names.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "switchboard", "a-client-secret"


class OidcProvider:
    """`person`: claims of whoever comes next. `lives_s`: of the identity token."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {}
        self.lives_s = 600
        self.logouts = 0
        self._codes: dict[str, dict[str, str]] = {}
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                provider._token(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> OidcProvider:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def secrets(self, address: str) -> str:
        """What belongs into secrets.toml of a server at this address."""
        return (
            f'[auth]\nredirect_uri = "{address}/oauth2callback"\n'
            f'cookie_secret = "0123456789abcdef0123456789abcdef"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{self.issuer}/.well-known/openid-configuration"\n'
        )

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        url = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        match url.path:
            case "/.well-known/openid-configuration":
                _json(request, self._metadata())
            case "/jwks":
                public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
                _json(request, {"keys": [public | {"kid": "1", "use": "sig", "alg": "RS256"}]})
            case "/authorize":
                code = hashlib.sha256(query["state"].encode()).hexdigest()
                self._codes[code] = query
                back = urlencode({"code": code, "state": query["state"]})
                _redirect(request, f"{query['redirect_uri']}?{back}")
            case "/logout":
                self.logouts += 1
                _redirect(request, query["post_logout_redirect_uri"])
            case _:
                request.send_error(404)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _token(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"])).decode()
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self._codes.pop(sent.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or request.headers.get("authorization") != f"Basic {basic}":
            _json(request, {"error": "invalid_client"}, 401)
            return
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            _json(request, {"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + self.lives_s,
            "nonce": asked["nonce"], **self.person,
        }  # fmt: skip
        token = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "1"})
        _json(request, {"access_token": "opaque", "token_type": "Bearer", "id_token": token})


def _json(request: BaseHTTPRequestHandler, value: object, status: int = 200) -> None:
    body = json.dumps(value).encode()
    request.send_response(status)
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _redirect(request: BaseHTTPRequestHandler, to: str) -> None:
    request.send_response(302)
    request.send_header("location", to)
    request.send_header("content-length", "0")
    request.end_headers()
