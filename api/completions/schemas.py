"""OpenAI's request and answers, as far as Switchboard speaks them. Unknown fields are refused by name.

What would change an answer and is not done here is not in the request; what changes nothing that a
program could notice is accepted.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas import CitedSource, Exact, Out

MAX_MESSAGES = 2_001
TEXT = 1_000_000
FinishReason = Literal["stop", "length", "content_filter"]


def _no(value: bool) -> bool:
    if value:
        raise ValueError("it has to be false")
    return value


class TextPart(Exact):
    type: Literal["text"]
    text: str = Field(max_length=TEXT)


class ImageUrl(Exact):
    url: str = Field(description="A data URL: `data:image/png;base64,…`. Nothing is fetched.")
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(Exact):
    type: Literal["image_url"]
    image_url: ImageUrl


Text = Annotated[str, Field(max_length=TEXT)]
Name = Annotated[str | None, Field(max_length=200, description="Accepted; it changes nothing.")]


class Instructions(Exact):
    """What the answer should heed. All of them together: at most 4,000 characters."""

    role: Literal["system", "developer"]
    content: Text | list[TextPart]
    name: Name = None


class UserMessage(Exact):
    role: Literal["user"]
    content: (
        Text
        | Annotated[
            list[Annotated[TextPart | ImagePart, Field(discriminator="type")]], Field(min_length=1)
        ]
    )
    name: Name = None


Nothing = Annotated[list[Any], Field(max_length=0)]


class AssistantMessage(Exact):
    """An earlier answer, also just as it came: what is empty in it is accepted."""

    role: Literal["assistant"]
    content: Text | list[TextPart] | None = None
    name: Name = None
    refusal: str | None = None
    annotations: list[Any] | None = None
    tool_calls: Nothing | None = None
    function_call: None = None
    audio: None = None


AnyMessage = Annotated[Instructions | UserMessage | AssistantMessage, Field(discriminator="role")]


class StreamOptions(Exact):
    include_usage: bool = False
    include_obfuscation: bool = Field(default=False, description="Accepted; it changes nothing.")


class TextFormat(Exact):
    type: Literal["text"]


class CompletionRequest(Exact):
    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {
                    "model": "switchboard",
                    "messages": [{"role": "user", "content": "How do I set the port?"}],
                }
            ]
        },
    )

    model: str = Field(
        min_length=1,
        max_length=200,
        description="`switchboard`, a graph, an agent or a model id, as GET /v1/models lists them.",
    )
    messages: list[AnyMessage] = Field(min_length=1, max_length=MAX_MESSAGES)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=10_000_000)
    max_tokens: int | None = Field(
        default=None, ge=1, le=10_000_000, description="The old name of `max_completion_tokens`."
    )
    stop: (
        Annotated[str, Field(min_length=1, max_length=200)]
        | Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=4)]
        | None
    ) = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    store: bool | None = Field(
        default=None, description="true: the conversation is kept as a thread. Default: it is not."
    )
    metadata: (
        Annotated[
            dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
            Field(max_length=16),
        ]
        | None
    ) = Field(default=None, description="Kept with the run of a stored conversation.")
    n: int | None = Field(default=None, ge=1, le=1, description="1 only.")
    top_p: float | None = Field(default=None, ge=1, le=1, description="1 only.")
    presence_penalty: float | None = Field(default=None, ge=0, le=0, description="0 only.")
    frequency_penalty: float | None = Field(default=None, ge=0, le=0, description="0 only.")
    logprobs: Annotated[bool, AfterValidator(_no)] | None = Field(
        default=None, description="false only."
    )
    response_format: TextFormat | None = None
    modalities: Annotated[list[Literal["text"]], Field(min_length=1, max_length=1)] | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=0, description="0 only.")
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    tools: Nothing | None = None
    tool_choice: Literal["none", "auto"] | None = None
    parallel_tool_calls: bool | None = Field(
        default=None, description="Accepted; it changes nothing."
    )
    functions: Nothing | None = None
    function_call: Literal["none", "auto"] | None = None
    audio: None = None
    prediction: None = None
    web_search_options: None = None
    user: str | None = Field(
        default=None, max_length=512, description="Accepted; it changes nothing."
    )
    seed: int | None = Field(default=None, description="Accepted; it changes nothing.")
    safety_identifier: str | None = Field(default=None, max_length=512)
    prompt_cache_key: str | None = Field(default=None, max_length=512)
    service_tier: str | None = Field(default=None, max_length=64)
    reasoning_effort: str | None = Field(default=None, max_length=64)
    verbosity: str | None = Field(default=None, max_length=64)


class PromptDetails(Out):
    cached_tokens: int = 0


class CompletionDetails(Out):
    reasoning_tokens: int = 0


class Usage(Out):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails = PromptDetails()
    completion_tokens_details: CompletionDetails = CompletionDetails()


class Extension(Out):
    """What OpenAI has no field for. Unknown is null, never 0."""

    run_id: str
    thread_id: str | None = Field(description="Of a stored conversation.")
    agent: str | None
    model: str | None = Field(description="The model that wrote the answer.")
    duration_ms: float | None
    first_token_ms: float | None
    cost_usd: float | None
    cached: Literal["exact", "semantic"] | None = Field(
        description="An earlier answer was given again, and how the question was found."
    )
    notice: str | None
    sources: list[CitedSource]


class AnswerMessage(Out):
    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: None = None
    annotations: list[Any] = []


class Choice(Out):
    index: int = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: FinishReason


class Completion(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())

    id: str = Field(examples=["chatcmpl-019f2c1d8a7e5b3c4d2e1f0a9b8c7d6e"])
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(description="Seconds since 1970.")
    model: str
    choices: list[Choice]
    usage: Usage | None = Field(default=None, description="null: the provider did not report it.")
    system_fingerprint: str | None = None
    switchboard: Extension


class ModelObject(Out):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    name: str = Field(description="For people.")
    description: str = ""


class ModelList(Out):
    object: Literal["list"] = "list"
    data: list[ModelObject]


class OpenAIError(Out):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIErrorBody(Out):
    """Every error of /v1 has OpenAI's form."""

    error: OpenAIError
