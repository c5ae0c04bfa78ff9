"""Names by which an answer may give away the model that wrote it: of makers, families and models.

What a maker is called is dated knowledge: add new families here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_VERSION = r"(?:[- ]?\d\w*(?:\.\d\w*)*)"


@dataclass(frozen=True, slots=True)
class Maker:
    """Regular expressions without groups."""

    ids: str
    """How lower-case ids of its models look."""
    plain: str
    """Names that are unmistakable anywhere, as they are written."""
    spoken: str = r"(?!)"
    """Names that are also something else (a star sign, an animal, a shop): they count only where a
    writer speaks of itself."""


MAKERS = (
    Maker(
        r"\bopenai\b|\bgpt|chatgpt|\bo[134](?:-|$)",
        rf"OpenAI|Open AI|Chat ?GPT{_VERSION}?|GPT{_VERSION}|GPT-oss",
        r"GPT|o[134](?:-mini|-pro)?|Copilot",
    ),
    Maker(
        r"anthropic|claude",
        rf"Anthropic|Claude{_VERSION}|Claude (?:Sonnet|Opus|Haiku|Instant|Fable)"
        r"|(?<!-)(?<!Jean )(?<!Saint )Claude(?! [A-Z])(?!-)",
        r"Claude|Sonnet|Opus|Haiku",
    ),
    Maker(
        r"google|gemini|gemma|vertex",
        rf"Google (?:AI|DeepMind|Gemini|Gemma)|DeepMind|Gemini{_VERSION}"
        rf"|Gemini (?:Pro|Flash|Ultra|Nano)|Gemma{_VERSION}",
        r"Google|Gemini|Gemma|Bard|PaLM",
    ),
    Maker(
        r"amazon\.|\bnova-|titan-",
        r"Amazon (?:Nova|Titan)|Nova (?:Micro|Lite|Pro|Premier|Sonic|2)|Titan Text",
        r"Amazon|Nova|Titan",
    ),
    Maker(
        r"mistral|mixtral|codestral|magistral",
        rf"Mistral AI|Mistral{_VERSION}|Mistral (?:Large|Medium|Small|Nemo)|M[ia]xtral|Codestral"
        r"|Magistral|Ministral",
        r"Mistral|Le Chat",
    ),
    Maker(
        r"\bmeta[.-]|llama",
        rf"Meta AI|Meta Llama|L[lL]a[mM][aA]{_VERSION}|LLaMA",
        r"Meta|Facebook|Llama",
    ),
    Maker(r"qwen|\bqwq|alibaba", rf"Qwen{_VERSION}?|QwQ|Tongyi", r"Alibaba"),
    Maker(r"deepseek", r"Deep ?Seek"),
    Maker(r"cohere|command-", r"Cohere|Command[- ](?:R\+?|A|Light)", r"Command"),
    Maker(r"\bxai\b|grok", rf"xAI|Grok{_VERSION}", r"Grok"),
    Maker(r"\bphi-?\d|microsoft", r"Phi-?\d\w*(?:\.\d\w*)?", r"Microsoft|Phi"),
    Maker(r"moonshot|kimi", r"Moonshot AI|Kimi[- ]K\d\w*", r"Kimi|Moonshot"),
    Maker(r"zhipu|\bglm|z-ai", rf"Zhipu|(?:Chat)?GLM{_VERSION}", r"GLM"),
    Maker(r"ai21|jamba", r"AI21|Jamba"),
    Maker(r"nvidia|nemotron", r"Nemotron", r"NVIDIA"),
    Maker(r"\bibm\b|granite", r"IBM Granite", r"IBM|Granite"),
    Maker(r"^bedrock", r"(?:Amazon|AWS) Bedrock", r"Bedrock"),
)

_SCHEME = re.compile(r"^[a-z_0-9-]+:(?=\D)")
_SELLER = re.compile(r"^(?:(?:us|eu|apac|global|us-gov)\.)?(?:[a-z0-9]+\.(?=[a-z]))?(?:.*/)?")
_SUFFIX = re.compile(r"(?:-20\d{6})?(?:-v\d+)?(?::[\w.]+)?$")
_TOKEN = re.compile(r"[a-z]+|\d+")
_BETWEEN = "[- _.:]?"
VARIANTS = (
    r"agent|answerer|assistant|base|beta|bot|chat|code|coder|distill|embed|experimental|fast|flash|"
    r"free|instruct|large|latest|lite|llm|local|max|medium|micro|mini|model|nano|next|online|plus|"
    r"premier|preview|pro|quantized|reasoning|search|small|support|test|text|thinking|tiny|turbo|"
    r"ultra|vision"
)
"""What says which one of a family a model is, or what it is for."""
_SHORTEST_ANYWHERE, _SHORTEST_FAMILY, _SHORTEST_PART = 4, 3, 4


def makers_of(ids_and_names: Iterable[str]) -> list[Maker]:
    """Who made the models of these ids and names, and who sells them."""
    given = [text.lower() for text in ids_and_names]
    return [maker for maker in MAKERS if any(re.search(maker.ids, text) for text in given)]


def own_patterns(ids_and_names: Iterable[str]) -> list[str]:
    """Regular expressions of the names of models, however they are spelled, longest first.

    A name of ordinary words, such as `support-assistant`, must be written as it was given; a single
    word and a very short name are no names here, see `own_words`.
    """
    return [pattern for name in _bare_names(ids_and_names) if (pattern := _spelled(name))]


def own_words(ids_and_names: Iterable[str]) -> list[str]:
    """Regular expressions of what else models may call themselves, longest first.

    Their names, however short or ordinary; their names without sizes and variants (`otter-7b` ->
    `otter`); each further part, written like a name (`friendly-otter` -> `Otter`). They are ordinary
    words too often to mean anything but where a writer gives its own name.
    """
    found: list[str] = []
    for name in _bare_names(ids_and_names):
        tokens = _TOKEN.findall(name.lower())
        family = _family(name.lower())
        if tokens:
            found.append(rf"(?i:{_BETWEEN.join(tokens)})")
        if len("".join(family)) >= _SHORTEST_FAMILY:
            found.append(rf"(?i:{_BETWEEN.join(family)})")
        found += [_capitalized(part) for part in tokens if _is_distinctive(part)]
    return list(dict.fromkeys(found))


def _is_distinctive(part: str) -> bool:
    long = part.isalpha() and len(part) >= _SHORTEST_PART
    return long and not re.fullmatch(VARIANTS, part)


def _capitalized(part: str) -> str:
    return f"(?-i:{part.capitalize()}|{part.upper()})"


def _bare_names(ids_and_names: Iterable[str]) -> list[str]:
    names = {bare for text in ids_and_names if (bare := _bare(text))}
    return sorted(names, key=lambda name: (-len(name), name))


def _family(name: str) -> list[str]:
    """`otter-7b-instruct` -> `["otter"]`: the words before the first version, size or variant."""
    family: list[str] = []
    for part in _TOKEN.findall(name):
        if part.isdigit() or re.fullmatch(VARIANTS, part):
            break
        family.append(part)
    return family


def _bare(model_id: str) -> str:
    """`bedrock_converse:us.anthropic.claude-sonnet-4-5-20250929-v1:0` -> `claude-sonnet-4-5`."""
    name = _SCHEME.sub("", model_id.strip())
    return _SUFFIX.sub("", _SELLER.sub("", name, count=1), count=1)


def _spelled(name: str) -> str:
    tokens = _TOKEN.findall(name.lower())
    if len(tokens) < 2 or len("".join(tokens)) < _SHORTEST_ANYWHERE:
        return ""
    if not any(token.isdigit() for token in tokens):
        return re.escape(name)
    return rf"(?i:{_BETWEEN.join(tokens)})(?![.-]?\d)"
