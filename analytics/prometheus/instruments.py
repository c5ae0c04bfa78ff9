"""The counters and histograms, each with its buckets. OpenTelemetry's boundaries, as recommended.

Names: semantic-conventions-genai. `gen_ai.server.*` belongs to whoever runs the model, which here is
the embedded answerer only. Both generations of token metrics are there: the histogram
`gen_ai.client.token.usage` is being replaced by the counters `gen_ai.client.inference.usage.*`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

OPERATION_S = tuple(0.01 * 2**k for k in range(14))
FIRST_TOKEN_S = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
PER_TOKEN_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
TOKENS = tuple(float(4**k) for k in range(14))
WORK_S = tuple(0.1 * 2**k for k in range(13))
STOP_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_CALL = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
_MODEL = _CALL[1:]


class Instruments:
    """One set per registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(
            name: str, text: str, labels: Sequence[str], buckets: Sequence[float]
        ) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self.operation = histogram(
            "gen_ai_client_operation_duration_seconds",
            "Duration of one attempt at a model.",
            (*_CALL, "error_type"),
            OPERATION_S,
        )
        self.first_chunk = histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "From sending an attempt to its first chunk.",
            _CALL,
            OPERATION_S,
        )
        self.server_first_token = histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "The embedded answerer: from the request to the first token.",
            _CALL,
            FIRST_TOKEN_S,
        )
        self.server_per_token = histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "The embedded answerer: time per token after the first.",
            _CALL,
            PER_TOKEN_S,
        )
        self.server_request = histogram(
            "gen_ai_server_request_duration_seconds",
            "The embedded answerer: duration of one request.",
            _CALL,
            OPERATION_S,
        )
        self.per_token = histogram(
            "switchboard_time_per_output_token_seconds",
            "(last token - first token) / (output tokens - 1) of an attempt, any model.",
            _MODEL,
            PER_TOKEN_S,
        )
        self.token_usage = histogram(
            "gen_ai_client_token_usage",
            "Tokens of one attempt, as reported.",
            (*_CALL, "gen_ai_token_type"),
            TOKENS,
        )
        self.tokens = {
            kind: counter(
                f"gen_ai_client_inference_usage_{kind}", f"Sum of {words}, failed calls too.", _CALL
            )
            for kind, words in (
                ("input_tokens", "input tokens, cached ones included"),
                ("output_tokens", "output tokens, reasoning included"),
                ("cache_read_input_tokens", "input tokens read from a cache"),
                ("cache_write_input_tokens", "input tokens written to a cache"),
                ("reasoning_output_tokens", "output tokens spent on reasoning"),
            )
        }
        self.workflow = histogram(
            "gen_ai_workflow_duration_seconds",
            "From submitting a question to the end of its run.",
            ("gen_ai_workflow_name", "error_type"),
            WORK_S,
        )
        self.agent = histogram(
            "gen_ai_invoke_agent_duration_seconds",
            "Duration of one agent's part of a run.",
            ("gen_ai_agent_name", "error_type"),
            WORK_S,
        )
        self.tool = histogram(
            "gen_ai_execute_tool_duration_seconds",
            "Duration of one tool call.",
            ("gen_ai_tool_name", "error_type"),
            WORK_S,
        )
        self.runs = counter(
            "switchboard_runs",
            "Ended runs.",
            ("status", "gen_ai_agent_name", "entry_point"),
        )
        self.first_token = histogram(
            "switchboard_first_token_seconds",
            "From submitting a question to the first token a person saw.",
            ("gen_ai_agent_name",),
            OPERATION_S,
        )
        self.queue = histogram(
            "switchboard_queue_duration_seconds",
            "How long a run waited for a free place.",
            (),
            OPERATION_S,
        )
        self.cost = counter("switchboard_cost_usd", "Known cost of calls in US dollars.", _MODEL)
        self.unpriced = counter(
            "switchboard_unpriced_calls", "Calls whose cost is not known.", _MODEL
        )
        self.fallbacks = counter(
            "switchboard_fallbacks", "Attempts after which another model was asked.", _MODEL
        )
        self.stop = histogram(
            "switchboard_stop_latency_seconds",
            "From asking a run to stop to the closed connection of its model.",
            (),
            STOP_S,
        )
