"""Bearer tokens (JWT) of one issuer: what must be in one, and by which key it must be signed.

A token says which key and algorithm it was signed with; it never decides which are accepted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.identity.credentials import digest
from agents.identity.external import LEEWAY_S, SECOND_US, refused, seconds
from agents.identity.jwks import Jwks, Key
from agents.identity.values import Clock
from core.errors import ConfigError, redact
from core.settings import Settings

log = logging.getLogger(__name__)

LARGEST_TOKEN = 16_384
ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
"""The least a secret may have: as much as the hash it is used with."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What a good token says."""

    issuer: str
    claims: Mapping[str, object]
    issued_at_us: int
    expires_at_us: int
    """With the leeway for clocks."""
    id: str
    """Its `jti`, or the start of its hash; never the token."""


class JwtVerifier:
    """Safe from any thread. Make it with `verifier_of`."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        algorithms: tuple[str, ...],
        max_hours: float,
        clock: Clock,
        secret: str | None = None,
        jwks: Jwks | None = None,
    ) -> None:
        self._issuer, self._audience, self._algorithms = issuer, audience, algorithms
        self._max_s = max_hours * 3600
        self._clock, self._secret, self._jwks = clock, secret, jwks

    def verify(self, token: str) -> Verified:
        """Raises NotLoggedIn, in the same words whatever is wrong. May block for the issuer's keys."""
        try:
            claims = self._decode(token)
        except _Refused as exc:
            raise refused(f"JWT: {exc}") from exc
        except Exception as exc:  # whatever a hostile token makes a parser raise
            raise refused(f"JWT: {type(exc).__name__} {redact(str(exc), 200)}") from exc
        issued, expires = self._times(claims)
        name = claims.get("jti")
        plain = isinstance(name, str) and _PLAIN_ID.fullmatch(name)
        return Verified(
            issuer=self._issuer,
            claims=claims,
            issued_at_us=int(issued * SECOND_US),
            expires_at_us=int((expires + LEEWAY_S) * SECOND_US),
            id=str(name) if plain else digest(token)[:16],
        )

    def _decode(self, token: str) -> Mapping[str, object]:
        import jwt

        if len(token) > LARGEST_TOKEN:
            raise _Refused("too long")
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in self._algorithms:
            raise _Refused("an algorithm that is not accepted")
        if "crit" in header:
            raise _Refused("an extension that nobody here knows")
        for key in self._keys(header.get("kid"), str(algorithm)):
            try:
                return self._claims(token, key, str(algorithm))
            except (jwt.InvalidSignatureError, jwt.InvalidKeyError, jwt.PyJWKError) as exc:
                log.info("JWT: a key does not fit: %s", redact(str(exc), 200))
        raise _Refused("signed by nobody who is known")

    def _keys(self, kid: object, algorithm: str) -> list[Any]:
        if self._jwks is None:
            return [self._secret]
        if kid is not None and not isinstance(kid, str):
            raise _Refused("a key id that is no text")
        found = self._jwks.candidates(kid)
        return [key for key in found if key.get("alg", algorithm) == algorithm]

    def _claims(self, token: str, key: Key | str, algorithm: str) -> Mapping[str, object]:
        import jwt

        # The key is bound to the algorithm before the token is looked at with it.
        usable = key if isinstance(key, str) else jwt.PyJWK(dict(key), algorithm)
        claims: dict[str, object] = jwt.decode(
            token,
            usable,
            algorithms=[algorithm],
            audience=self._audience,
            issuer=self._issuer,
            options={
                "require": ["iss", "aud", "sub", "exp", "iat"],
                "enforce_minimum_key_length": True,
                # Times are checked below: the library takes texts for numbers and asks its own clock.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        return claims

    def _times(self, claims: Mapping[str, object]) -> tuple[float, float]:
        now = self._clock() / SECOND_US
        issued, expires = seconds(claims.get("iat")), seconds(claims.get("exp"))
        starts = seconds(claims["nbf"]) if "nbf" in claims else 0.0
        if issued is None or expires is None or starts is None:
            raise refused("JWT: a time that is none")
        if expires + LEEWAY_S <= now:
            raise refused("JWT: expired")
        if max(issued, starts) > now + LEEWAY_S:
            raise refused("JWT: not valid yet")
        if expires - issued > self._max_s:
            raise refused("JWT: a longer life than SWITCHBOARD_JWT_MAX_HOURS")
        return issued, expires


class _Refused(Exception):
    """For the log only."""


def verifier_of(settings: Settings, clock: Clock) -> JwtVerifier | None:
    """None where no issuer is named. Raises ConfigError for settings that would accept too much."""
    secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else None
    if not settings.jwt_issuer:
        if settings.jwt_audience or settings.jwt_jwks_url or secret:
            raise ConfigError(
                "SWITCHBOARD_JWT_ISSUER is missing: bearer tokens need an issuer, an audience and "
                "either the address of the issuer's keys or a secret."
            )
        return None
    if not settings.auth:
        raise ConfigError(
            "SWITCHBOARD_JWT_ISSUER says whose tokens are accepted, but as SWITCHBOARD_AUTH is empty "
            "nobody needs one. Set SWITCHBOARD_AUTH to accounts or oidc, or remove the issuer."
        )
    if not settings.jwt_audience:
        raise ConfigError(
            "SWITCHBOARD_JWT_AUDIENCE is missing: without it a token for any other service would do."
        )
    if bool(secret) == bool(settings.jwt_jwks_url):
        raise ConfigError(
            "Bearer tokens need either SWITCHBOARD_JWT_JWKS_URL or SWITCHBOARD_JWT_SECRET, one of them."
        )
    _check_algorithms(settings.jwt_algorithms, secret)
    return JwtVerifier(
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        algorithms=settings.jwt_algorithms,
        max_hours=settings.jwt_max_hours,
        clock=clock,
        secret=secret,
        jwks=Jwks(settings.jwt_jwks_url) if settings.jwt_jwks_url else None,
    )


def _check_algorithms(algorithms: tuple[str, ...], secret: str | None) -> None:
    allowed = frozenset(SECRET_BYTES) if secret else ASYMMETRIC
    wrong = [one for one in algorithms if one not in allowed]
    if wrong or not algorithms:
        found = f"'{wrong[0][:20]}'" if wrong else "nothing"
        signed = "SWITCHBOARD_JWT_SECRET" if secret else "the keys of SWITCHBOARD_JWT_JWKS_URL"
        raise ConfigError(
            f"SWITCHBOARD_JWT_ALGORITHMS has {found}, which is not to be used with {signed}; use "
            f"{', '.join(sorted(allowed))}."
        )
    if secret:
        least = max(SECRET_BYTES[one] for one in algorithms)
        if len(secret.encode()) < least:
            raise ConfigError(
                f"SWITCHBOARD_JWT_SECRET is shorter than {least} bytes: it could be guessed.",
                what_to_do="Make one with: python -c 'import secrets; print(secrets.token_hex(32))'",
            )
