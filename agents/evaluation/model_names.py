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


def makers_of(ids_and_names: Iterable[str]) -> list[Maker]:
    """Who made the models of these ids and names, and who sells them."""
    given = [text.lower() for text in ids_and_names]
    return [maker for maker in MAKERS if any(re.search(maker.ids, text) for text in given)]


def own_patterns(ids_and_names: Iterable[str]) -> list[str]:
    """Regular expressions of the names of models, however they are spelled, longest first.

    A name of ordinary words, such as `support-assistant`, must be written as it was given; a single
    ordinary word is no name.
    """
    names = {bare for text in ids_and_names if len(bare := _bare(text)) > 2}
    return [
        pattern for name in sorted(names, key=lambda n: (-len(n), n)) if (pattern := _spelled(name))
    ]


def _bare(model_id: str) -> str:
    """`bedrock_converse:us.anthropic.claude-sonnet-4-5-20250929-v1:0` -> `claude-sonnet-4-5`."""
    name = _SCHEME.sub("", model_id.strip())
    return _SUFFIX.sub("", _SELLER.sub("", name, count=1), count=1)


def _spelled(name: str) -> str:
    tokens = _TOKEN.findall(name.lower())
    if len(tokens) < 2:
        return ""
    if not any(token.isdigit() for token in tokens):
        return re.escape(name)
    return rf"(?i:{'[- _.:]?'.join(tokens)})(?![.-]?\d)"
