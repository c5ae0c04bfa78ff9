"""What the scripted provider answers: one `Reply` per request, with at most one `Fault`.

The same reply can be spoken in either protocol; names follow OpenAI where the two differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal

FaultKind = Literal[
    "close",
    "reset",
    "silence",
    "keepalive_only",
    "early_done",
    "clean_end",
    "error_event",
    "not_json",
    "bad_utf8",
    "bad_checksum",
    "html_200",
    "redirect",
    "slow_words",
    "huge_event",
    "endless",
]
Moment = Literal["before_first", "mid", "before_finish", "after_last"]
NO_FINISH: frozenset[FaultKind] = frozenset({"early_done", "clean_end"})


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and when.

    close: FIN in the middle of the body. reset: RST. silence: the connection stays open and says
    nothing. keepalive_only: SSE comments (Bedrock: frames of an unknown type) for ever.
    early_done: `[DONE]` without a finish reason. clean_end: a well-formed end without one (the same
    thing in Bedrock, which has no `[DONE]`). bad_checksum: a Bedrock frame with a wrong CRC (OpenAI:
    as not_json). slow_words: from here one token per `every_s`. endless: tokens for ever.
    """

    kind: FaultKind
    moment: Moment = "before_first"
    """mid = after half of the tokens. before_finish = after the last token. after_last = after the
    finish reason, before the usage; kinds that never send a finish reason skip it there too."""
    _: KW_ONLY
    before_headers: bool = False
    """With before_first: nothing at all was answered yet, not even the status line."""
    every_s: float = 3.0
    """Seconds between words of slow_words; keepalive_only sends sixty times as often."""
    size: int = 8 * 1024 * 1024 + 1
    """Bytes of a huge_event."""
    code: str | None = None
    """Of an error_event: OpenAI's error code or Bedrock's exception type."""
    message: str = "The server had an error while processing your request."
    location: str | None = None
    """Of a redirect; default: the same path on another host name."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Token counts, encoded as each protocol wants them. `input` includes what was cached."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def openai(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "prompt_tokens_details": {
                "cached_tokens": self.cache_read,
                "cache_write_tokens": self.cache_write,
            },
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }

    def bedrock(self) -> dict[str, Any]:
        return {
            "inputTokens": self.input - self.cache_read - self.cache_write,
            "outputTokens": self.output,
            "totalTokens": self.input + self.output,
            "cacheReadInputTokens": self.cache_read,
            "cacheWriteInputTokens": self.cache_write,
        }


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    name: str
    args: Mapping[str, Any] | str = field(default_factory=dict)
    """A string is sent as it is, valid JSON or not."""
    id: str = ""

    @property
    def json(self) -> str:
        return self.args if isinstance(self.args, str) else json.dumps(self.args)


@dataclass(frozen=True, kw_only=True)
class Reply:
    text: str = "Hello from the scripted provider."
    """Split into one token per word; `chunks` says exactly which pieces instead."""
    chunks: tuple[str, ...] | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    structured: Any = None
    """The JSON value for a request that wants one, by schema, JSON mode or forced tool."""
    reasoning: tuple[str, ...] = ()
    first_ms: float = 0
    """Wait between the headers and the first chunk."""
    per_token_ms: float = 0
    finish_reason: str | None = None
    """None = what fits: `stop` or `tool_calls`. Bedrock gets its own words for OpenAI's."""
    usage: Usage | Mapping[str, Any] | Literal["auto"] | None = "auto"
    """auto = counted from the request; a mapping is sent as it is; None = not reported."""
    usage_at: Literal["after_finish", "before_finish", "every_chunk"] = "after_finish"
    usage_with_choices: bool = False
    """The OpenAI usage chunk has one choice with an empty delta instead of none."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    error_body: Mapping[str, Any] | str | None = None
    """Body of a status that is not 200; None = the provider's usual one. A 401 repeats the key."""
    error_type: str | None = None
    """Bedrock's x-amzn-ErrorType, OpenAI's `code`; None = by status."""
    response_model: str | None = None
    """The model the answer says it is from; None = the one asked for."""
    fault: Fault | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        if self.chunks is not None:
            return self.chunks
        if self.tool_calls and self.text == Reply.text:
            return ()
        return tuple(re.findall(r"\s*\S+\s*$|\s*\S+", self.text))

    @property
    def finish(self) -> str:
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")

    def usage_for(self, prompt_chars: int) -> Usage | Mapping[str, Any] | None:
        if self.usage != "auto":
            return self.usage
        reasoning = len(self.reasoning)
        answer = len(self.tokens) + sum(len(call.json) // 4 + 1 for call in self.tool_calls)
        return Usage(
            input=max(1, prompt_chars // 4), output=reasoning + answer, reasoning=reasoning
        )
