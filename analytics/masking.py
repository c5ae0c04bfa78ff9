"""Replaces what can identify a person or open a door by a word for its kind: `[email]`, `[card]`.

Works by form, so it has limits. Not recognised: names, postal addresses, dates of birth, phone
numbers without a prefix or grouping and under 9 digits, e-mail addresses written in words, passwords
outside of `password=…`, and anything that is split over two messages. Recognised although harmless:
version numbers of four parts (as an IP address), grouped numbers that begin with 0 (as a phone
number), numbers of 9 digits and more.

Every pattern takes time proportional to the text, whatever it holds: quantifiers are possessive or
bounded, and two matches never begin inside the same run of characters. A test says so.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

Judge = Callable[[re.Match[str]], tuple[int, str] | None]
"""Where the thing ends and what stands for it; None when it only looks like one."""

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*+(?:-(?!----)[^-]*+)*+"
    r"(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_URL_PASSWORD = re.compile(r"(?<!\w)(\w++://[^\s:/@]*+:)[^\s@/]++@")
_ASSIGNED = re.compile(
    r"(?i)(api[_-]?key|access[_-]?key|secret|token|password|passwd|pwd)"
    r"([\"']?\s{0,8}+[=:]\s{0,8}+[\"']?)([^\s\"',;&]{4,}+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s{1,8}+)[A-Za-z0-9._~+/=\-]{6,}+")
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|sb|pk|rk|xai|gsk|glpat|hf|whsec|npm)[-_][A-Za-z0-9_\-*]{8,}+"
    r"|gh[oprsu]_[A-Za-z0-9]{16,}+|github_pat_[A-Za-z0-9_]{16,}+"
    r"|xox[abeprs]-[A-Za-z0-9\-]{8,}+|ya29\.[A-Za-z0-9_\-]{8,}+|AIza[A-Za-z0-9_\-]{20,}+"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}+"
    r"|eyJ[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]{8,}+(?:\.[A-Za-z0-9_\-]*+)?"
    r")"
)
_LONG_WORD = re.compile(r"(?<![A-Za-z0-9_+/=\-])[A-Za-z0-9_+/=\-]{32,}+")
_EMAIL = re.compile(r"(?<![\w.+\-'])[\w.+\-']++(?:@|%40)[\w\-]++(?:\.[\w\-]++)++")
_IBAN = re.compile(r"(?i)(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ \-]?[A-Z0-9]){11,30}+")
_SPACE = "[ .\\-\u00a0\u202f]"
_CARD = re.compile(rf"(?<!\d)[2-6](?:\d{{12,18}}(?!\d)|\d{{3}}(?:{_SPACE}\d{{3,6}}(?!\d)){{2,4}}+)")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![\w:])")  # fmt: skip
_GAP = "[ ().\\-/\u00a0\u202f]{0,3}"
_PHONE = re.compile(
    rf"(?<![\w+])(?:\+|00(?=[1-9]))\d(?:{_GAP}\d){{6,14}}+(?!\d)"
    rf"|(?<![\w.,+])\(?0\d{{1,5}}\)?[ .\-/\u00a0](?:{_GAP}\d){{5,12}}+(?!\d)"
    r"|(?<![\w.,])\(?\d{3}\)?[ .\-]\d{3}[ .\-]\d{4}(?!\d)"
)
_DATE = re.compile(r"\d{1,2}([./\-])\d{1,2}\1\d{2,4}")
_NUMBER = re.compile(
    rf"(?<!\d)(?<!\d[.,])(?:\d{{9,}}+|\d{{3}}-\d{{2}}-\d{{4}}(?!\d)|\d{{4}}(?:{_SPACE}\d{{4}}(?!\d)){{3,}}+)"
)
_CARD_DIGITS = range(13, 20)
_IBAN_LENGTH = {
    name: int(length)
    for length, names in {
        "15": "NO", "16": "BE", "18": "DK FI FO GL NL SD", "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK", "21": "CH HR LI LV", "22": "BG BH CR DE GB GE IE ME RS",
        "23": "AE GI IL IQ OM SO TL", "24": "AD CZ ES MD PK RO SA SE SK TN VA",
        "25": "LY PT ST", "26": "IS TR", "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV", "29": "BR EG PS QA UA", "30": "JO KW MU YE",
        "31": "MT SC", "32": "LC", "33": "RU",
    }.items()
    for name in names.split()
}  # fmt: skip


def mask(text: str) -> str:
    """The text without what the patterns recognise."""
    text = _PRIVATE_KEY.sub("[key]", text)
    text = _URL_PASSWORD.sub(r"\1[secret]@", text)
    text = _KEY.sub("[key]", text)
    text = _BEARER.sub(r"\1\2[key]", text)
    text = _ASSIGNED.sub(_assigned, text)
    text = _EMAIL.sub("[email]", text)
    text = _LONG_WORD.sub(_long_word, text)
    text = _replaced(text, _IBAN, _iban)
    text = _replaced(text, _CARD, _card)
    text = _replaced(text, _IPV6, _ip)
    text = _replaced(text, _IPV4, _ip)
    text = _replaced(text, _PHONE, _phone)
    return _NUMBER.sub("[number]", text)


def _replaced(text: str, pattern: re.Pattern[str], judge: Judge) -> str:
    """Like `sub`, but a match that is none does not hide another that begins inside it."""
    pieces: list[str] = []
    kept = at = 0
    while (match := pattern.search(text, at)) is not None:
        found = judge(match)
        if found is None:
            at = match.start() + 1
        else:
            at, word = found
            pieces += (text[kept : match.start()], word)
            kept = at
    return "".join([*pieces, text[kept:]]) if pieces else text


def _assigned(match: re.Match[str]) -> str:
    name, sign, value = match.groups()
    return match[0] if value.startswith("[key]") else f"{name}{sign}[secret]"


def _long_word(match: re.Match[str]) -> str:
    """Random letters and digits are a key; a long word, a path or a name made of words is not."""
    word = match[0]
    digits = any(c.isdigit() for c in word)
    mixed = digits and any(c.isupper() for c in word) and any(c.islower() for c in word)
    hexadecimal = digits and all(c in "0123456789abcdefABCDEF" for c in word)
    return "[key]" if mixed or (hexadecimal and not word.isdigit()) else word


def _iban(match: re.Match[str]) -> tuple[int, str] | None:
    length = _IBAN_LENGTH.get(match[0][:2].upper())
    if length is None:
        return None
    end = _end_of(match, length, str.isalnum)
    if end is None:
        return None
    text = re.sub(r"[ \-]", "", match.string[match.start() : end]).upper()
    value = int("".join(str(int(c, 36)) for c in text[4:] + text[:4]))
    return (end, "[iban]") if value % 97 == 1 else None


def _card(match: re.Match[str]) -> tuple[int, str] | None:
    """The longest beginning that is a card number: a security code or a date may stand behind."""
    text, start = match.string, match.start()
    ends = [at + 1 for at in range(start, match.end()) if text[at].isdigit()]
    digits = [int(text[end - 1]) for end in ends]
    for length in reversed(_CARD_DIGITS):
        if len(digits) < length or text[ends[length - 1] : ends[length - 1] + 1].isdigit():
            continue
        if _luhn(digits[:length]):
            return ends[length - 1], "[card]"
    return None


def _ip(match: re.Match[str]) -> tuple[int, str] | None:
    try:
        ipaddress.ip_address(match[0])
    except ValueError:
        return None
    # `a::b` is C++ far more often than an address.
    return (match.end(), "[ip]") if any(c.isdigit() for c in match[0]) else None


def _phone(match: re.Match[str]) -> tuple[int, str] | None:
    return None if _DATE.fullmatch(match[0]) else (match.end(), "[phone]")


def _end_of(match: re.Match[str], count: int, is_part: Callable[[str], bool]) -> int | None:
    """The position after the `count`-th letter or digit of a match; None when it has fewer."""
    for at in range(match.start(), match.end()):
        count -= is_part(match.string[at])
        if count == 0:
            return at + 1
    return None


def _luhn(digits: list[int]) -> bool:
    doubled = sum(digits[-2::-2])
    carried = sum(d > 4 for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + 2 * doubled - 9 * carried) % 10 == 0
