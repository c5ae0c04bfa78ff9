"""Bearer tokens of others: what must be in one, and by whom it must be signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from agents.identity.jwt_tokens import verifier_of
from core.errors import ConfigError, NotLoggedIn, redact
from core.identity import Principal
from core.settings import Settings
from tests.agents.identity.house import House
from tests.agents.identity.key_server import KeyServer, public

ISSUER, AUDIENCE = "https://idp.example", "switchboard"
SECRET = "0123456789abcdef0123456789abcdef"
BY_SECRET: dict[str, Any] = {
    "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE,
    "jwt_secret": SecretStr(SECRET), "jwt_algorithms": ("HS256",),
}  # fmt: skip
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
CURVE = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def secret_house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path, BY_SECRET)
    yield house
    house.database.close()


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    with KeyServer(
        [public(RSA, "one"), public(SMALL_RSA, "small"), public(CURVE, "curve")]
    ) as server:
        yield server


@pytest.fixture
def key_house(tmp_path: Path, keys: KeyServer) -> Iterator[House]:
    options = {
        "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwt_jwks_url": keys.url,
        "jwt_algorithms": ("RS256", "ES256"),
    }  # fmt: skip
    house = House(tmp_path, options)
    yield house
    house.database.close()


def claims(house: House, **changed: Any) -> dict[str, Any]:
    now = house.clock.now // 1_000_000
    made = {"iss": ISSUER, "aud": AUDIENCE, "sub": "bob", "iat": now, "exp": now + 600, **changed}
    return {name: value for name, value in made.items() if value is not ...}


def hs256(payload: dict[str, Any], key: str = SECRET, **headers: Any) -> str:
    return jwt.encode(payload, key, "HS256", headers=headers)


def ask(house: House, token: str) -> Principal:
    return house.identity.from_bearer(f"Bearer {token}")


def refused(house: House, token: str) -> None:
    with pytest.raises(NotLoggedIn) as caught:
        ask(house, token)
    assert str(caught.value) == "This needs a login or a key that holds."


def part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_good_token_is_somebody_of_its_issuer(secret_house: House) -> None:
    found = ask(secret_house, hs256(claims(secret_house, name="Bob B.", role="analyst", jti="t-1")))
    assert (found.name, found.role, found.via, found.credential_id) == (
        "Bob B.", "analyst", "jwt", "t-1",
    )  # fmt: skip
    assert found.owner.startswith("ext:")
    assert found.owner.endswith(":bob")
    assert secret_house.identity.check(found) == found


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"}, {"iss": ...}, {"iss": [ISSUER]}, {"iss": None},
        {"aud": "other"}, {"aud": ...}, {"aud": []}, {"aud": {"switchboard": 1}}, {"aud": ""},
        {"sub": ...}, {"sub": ""}, {"sub": 7}, {"sub": None}, {"sub": "x" * 256}, {"sub": "a\0b"},
        {"exp": ...}, {"exp": "9999999999"}, {"exp": True}, {"exp": 1}, {"exp": -1}, {"exp": 1e300},
        {"exp": 10**14}, {"exp": [1]}, {"exp": None},
        {"iat": ...}, {"iat": "now"}, {"iat": 10**12}, {"iat": False}, {"iat": None},
        {"nbf": 10**10}, {"nbf": "soon"}, {"nbf": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_with_a_wrong_claim_is_refused(
    secret_house: House, changed: dict[str, Any]
) -> None:
    payload = claims(secret_house, **changed)
    signed = jwt.PyJWS().encode(json.dumps(payload).encode(), SECRET, "HS256")
    refused(secret_house, signed)
    assert secret_house.identity.accounts.all() == []


@pytest.mark.parametrize(
    ("life_s", "good"), [(86_400, True), (86_401, False), (100 * 365 * 86_400, False)]
)
def test_a_token_lives_no_longer_than_allowed(secret_house: House, life_s: int, good: bool) -> None:
    now = secret_house.clock.now // 1_000_000
    token = hs256(claims(secret_house, iat=now, exp=now + life_s))
    if good:
        assert ask(secret_house, token)
    else:
        refused(secret_house, token)


def test_an_old_issue_date_does_not_lengthen_a_life(secret_house: House) -> None:
    now = secret_house.clock.now // 1_000_000
    refused(secret_house, hs256(claims(secret_house, iat=now - 86_400, exp=now + 600)))


def test_clocks_may_be_half_a_minute_apart(secret_house: House) -> None:
    now = secret_house.clock.now // 1_000_000
    assert ask(secret_house, hs256(claims(secret_house, iat=now + 29)))
    assert ask(secret_house, hs256(claims(secret_house, nbf=now + 29)))
    assert ask(secret_house, hs256(claims(secret_house, iat=now - 600, exp=now - 28)))
    refused(secret_house, hs256(claims(secret_house, iat=now + 40)))
    refused(secret_house, hs256(claims(secret_house, nbf=now + 40)))
    refused(secret_house, hs256(claims(secret_house, iat=now - 600, exp=now - 31)))


def test_a_token_that_runs_out_ends_what_it_began(secret_house: House) -> None:
    found = ask(secret_house, hs256(claims(secret_house)))
    secret_house.identity.check(found)
    secret_house.clock.forward(631_000_000)
    with pytest.raises(NotLoggedIn):
        secret_house.identity.check(found)


def test_a_token_for_several_audiences_is_for_us_too(secret_house: House) -> None:
    assert ask(secret_house, hs256(claims(secret_house, aud=["other", AUDIENCE])))


# -- signatures


def test_an_unsigned_or_altered_token_is_refused(secret_house: House) -> None:
    payload = claims(secret_house)
    good = hs256(payload)
    head, body, signature = good.split(".")
    assert ask(secret_house, good)
    forged = part({**payload, "sub": "admin", "role": "admin"})
    for token in (
        jwt.encode(payload, None, "none"),
        f"{part({'alg': 'none'})}.{body}.",
        f"{part({'alg': 'NONE'})}.{body}.{signature}",
        f"{part({'alg': 'nOnE', 'typ': 'JWT'})}.{body}.",
        f"{part({'typ': 'JWT'})}.{body}.{signature}",
        f"{part({'alg': ['HS256']})}.{body}.{signature}",
        f"{head}.{forged}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{part(b'x' * 32)}",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.x",
        "..",
        hs256(payload, "another secret of thirty-two byte"),
        jwt.encode(payload, SECRET * 2, "HS512"),
    ):
        refused(secret_house, token)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_cannot_bring_or_name_its_own_key(secret_house: House, keys: KeyServer) -> None:
    """SAFETY 11: embedded jwk, jku, x5u; kid as a path or as SQL."""
    payload = claims(secret_house)
    mine = public(OTHER_RSA, "mine")
    own = [
        jwt.encode(payload, OTHER_RSA, "RS256", headers=headers)
        for headers in (
            {"jwk": mine}, {"jku": keys.url}, {"x5u": keys.url}, {"x5c": ["MIIB"]}, {"kid": "mine"},
        )
    ]  # fmt: skip
    for token in own:
        refused(secret_house, token)
    assert keys.asked == []
    for kid in ("../../dev/null", "/dev/null", "x' UNION SELECT 'key' --", "a\0", "", "x" * 9000):
        refused(secret_house, hs256(payload, "\0", kid=kid))
    refused(secret_house, hs256(payload, crit=["exp"], exp=1))
    signed = f"{part({'alg': 'HS256', 'crit': ['b64'], 'b64': True})}.{part(payload)}"
    signature = hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256)
    refused(secret_house, f"{signed}.{part(signature)}")


def test_a_public_key_is_no_secret_to_sign_with(key_house: House) -> None:
    """The confusion of HS256 and RS256: the public key as the shared secret."""
    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    payload = claims(key_house)
    head, body = part({"alg": "HS256", "kid": "one"}), part(payload)
    for key in (pem, pem.strip(), json.dumps(public(RSA, "one")).encode(), b""):
        signature = hmac.digest(key, f"{head}.{body}".encode(), hashlib.sha256)
        refused(key_house, f"{head}.{body}.{part(signature)}")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_tokens_of_published_keys_hold_and_no_others(key_house: House, keys: KeyServer) -> None:
    payload = claims(key_house)
    assert ask(key_house, jwt.encode(payload, RSA, "RS256", headers={"kid": "one"}))
    assert ask(key_house, jwt.encode(payload, CURVE, "ES256", headers={"kid": "curve"}))
    for token in (
        jwt.encode(payload, OTHER_RSA, "RS256", headers={"kid": "one"}),
        jwt.encode(payload, CURVE, "ES256", headers={"kid": "one"}),
        jwt.encode(payload, RSA, "RS512", headers={"kid": "one"}),
        jwt.encode(payload, RSA, "PS256", headers={"kid": "one"}),
        jwt.encode(payload, RSA, "RS256"),
        jwt.encode(payload, SMALL_RSA, "RS256", headers={"kid": "small"}),
        jwt.encode(
            payload, OTHER_RSA, "RS256", headers={"kid": "one", "jwk": public(OTHER_RSA, "one")}
        ),
    ):
        refused(key_house, token)
    assert len(keys.asked) == 1


@given(
    text=st.one_of(
        st.text(alphabet="abcABC012-_.", max_size=200),
        st.builds(
            lambda a, b, c: f"{part(a)}.{part(b)}.{part(c)}",
            st.one_of(
                st.binary(), st.dictionaries(st.text(), st.integers()), st.just({"alg": "HS256"})
            ),
            st.one_of(st.binary(), st.dictionaries(st.text(), st.text())),
            st.binary(),
        ),
        st.integers(1, 11_000).map(lambda n: f"{part(b'[' * n)}.{part(b'[' * n)}.x"),
    )
)
def test_no_other_text_is_a_token(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    if not _SHARED:
        _SHARED.append(House(tmp_path_factory.mktemp("jwt"), BY_SECRET))
    refused(_SHARED[0], text)


_SHARED: list[House] = []


def test_a_payload_nested_beyond_reason_is_refused(secret_house: House) -> None:
    body = b"[" * 8_000
    refused(secret_house, jwt.PyJWS().encode(body, SECRET, "HS256"))


# -- people


def test_a_token_never_speaks_for_an_account_of_this_house(secret_house: House) -> None:
    owner = secret_house.add("bob", "admin")
    for subject in ("bob", "local", owner, "ext:0123456789abcdef:bob"):
        found = ask(secret_house, hs256(claims(secret_house, sub=subject)))
        assert found.owner not in ("bob", "local")
        assert found.role == "user"


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (..., "user"), ("admin", "admin"), ("analyst", "analyst"), ("root", "user"), ("Admin", "user"),
        (["user", "analyst"], "analyst"), (["other"], "user"), ({"admin": True}, "user"), (7, "user"),
        ([["admin"]], "user"), ("", "user"), ([], "user"),
    ],
)  # fmt: skip
def test_a_role_nobody_knows_is_a_user(secret_house: House, role: object, expected: str) -> None:
    assert ask(secret_house, hs256(claims(secret_house, role=role))).role == expected


def test_a_role_may_be_inside_a_claim(secret_house: House) -> None:
    secret_house.again(**BY_SECRET, jwt_role_claim="realm_access.roles")
    nested = {"realm_access": {"roles": ["offline", "admin"]}}
    assert ask(secret_house, hs256(claims(secret_house, **nested))).role == "admin"
    assert ask(secret_house, hs256(claims(secret_house, realm_access="admin"))).role == "user"
    flat = {"realm_access.roles": "analyst"}
    assert ask(secret_house, hs256(claims(secret_house, **flat))).role == "analyst"


def test_without_a_claim_the_role_given_here_counts(secret_house: House) -> None:
    token = hs256(claims(secret_house, role=...))
    found = ask(secret_house, token)
    secret_house.identity.accounts.set_role(found.owner, "analyst")
    assert ask(secret_house, token).role == "analyst"


def test_somebody_disabled_here_is_refused_although_the_token_is_good(secret_house: House) -> None:
    token = hs256(claims(secret_house))
    found = secret_house.identity.check(ask(secret_house, token))
    secret_house.identity.accounts.disable(found.owner)
    refused(secret_house, token)
    with pytest.raises(NotLoggedIn):
        secret_house.identity.check(found)


def test_a_token_does_not_make_a_removed_account_again(secret_house: House) -> None:
    token = hs256(claims(secret_house))
    secret_house.identity.erase(ask(secret_house, token).owner, account=True)
    with pytest.raises(NotLoggedIn):
        ask(secret_house, token)
    assert secret_house.identity.accounts.all() == []


def test_a_token_from_before_an_end_is_refused_and_a_later_one_is_not(secret_house: House) -> None:
    token = hs256(claims(secret_house))
    owner = ask(secret_house, token).owner
    secret_house.clock.forward(5_000_000)
    secret_house.identity.sessions.end_all(owner)
    refused(secret_house, token)
    secret_house.clock.forward(2_000_000)
    assert ask(secret_house, hs256(claims(secret_house))).owner == owner


def test_one_person_is_one_account_however_often_they_come(secret_house: House) -> None:
    for _ in range(3):
        ask(secret_house, hs256(claims(secret_house)))
    assert len(secret_house.identity.accounts.all()) == 1


def test_without_an_issuer_in_the_settings_no_token_is_accepted(house: House) -> None:
    refused(house, hs256(claims(house)))


def test_a_token_in_a_message_is_hidden(secret_house: House) -> None:
    token = hs256(claims(secret_house))
    shown = redact(f"could not read {token}: bad")
    assert shown == "could not read eyJ…: bad"


# -- settings that would accept too much


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"jwt_issuer": None}, "SWITCHBOARD_JWT_ISSUER"),
        ({"jwt_audience": None}, "SWITCHBOARD_JWT_AUDIENCE"),
        ({"jwt_secret": None}, "SWITCHBOARD_JWT_JWKS_URL"),
        ({"jwt_jwks_url": "https://idp.example/keys"}, "SWITCHBOARD_JWT_JWKS_URL"),
        ({"jwt_secret": SecretStr("x" * 31)}, "SWITCHBOARD_JWT_SECRET"),
        ({"jwt_algorithms": ("HS512",)}, "SWITCHBOARD_JWT_SECRET"),
        ({"jwt_algorithms": ("none",)}, "SWITCHBOARD_JWT_ALGORITHMS"),
        ({"jwt_algorithms": ("HS256", "none")}, "SWITCHBOARD_JWT_ALGORITHMS"),
        ({"jwt_algorithms": ("HS256", "RS256")}, "SWITCHBOARD_JWT_ALGORITHMS"),
        ({"jwt_algorithms": ()}, "SWITCHBOARD_JWT_ALGORITHMS"),
        ({"auth": ""}, "SWITCHBOARD_AUTH"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_settings_that_accept_too_much_are_refused_at_the_start(
    changed: dict[str, Any], named: str
) -> None:
    settings = Settings(**({"auth": "accounts"} | BY_SECRET | changed))
    with pytest.raises(ConfigError, match=named) as caught:
        verifier_of(settings, lambda: 0)
    assert "x" * 31 not in f"{caught.value}{caught.value.what_to_do}"


@pytest.mark.parametrize(
    "algorithms", [("HS256",), ("RS256", "HS256"), ("none",), ("RS256", "None"), ("ES256K",)]
)
def test_published_keys_and_secrets_are_not_mixed(algorithms: tuple[str, ...]) -> None:
    settings = Settings(
        auth="oidc", jwt_issuer=ISSUER, jwt_audience=AUDIENCE,
        jwt_jwks_url="https://idp.example/keys", jwt_algorithms=algorithms,
    )  # fmt: skip
    with pytest.raises(ConfigError, match="SWITCHBOARD_JWT_ALGORITHMS"):
        verifier_of(settings, lambda: 0)
