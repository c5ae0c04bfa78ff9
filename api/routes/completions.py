"""OpenAI-compatible: the official client, LangChain, Open WebUI … talk to the agents as to a model."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.asking import wait_for_end
from api.completions import asking, targets
from api.completions.answers import ChunkSource, Named, NoAnswer, completion
from api.completions.errors import RESPONSES, OpenAIRoute
from api.completions.schemas import Completion, CompletionRequest, ModelList, ModelObject
from api.dependencies import Caller, Chatter, House
from api.streams import EventStream

router = APIRouter(
    prefix="/v1", tags=["OpenAI-compatible"], route_class=OpenAIRoute, responses=RESPONSES
)


class Chunks(EventStream):
    """OpenAI's client cannot read a `retry` field: it takes it for an event without data."""

    opening = b": switchboard\n\n"


@router.get("/models")
async def list_models(caller: Caller, house: House) -> ModelList:
    """What `model` can be: the supervisor, graphs, agents, and the models that are set up."""
    return ModelList(data=await run_in_threadpool(targets.listed, house))


@router.get("/models/{model:path}")
async def one_model(model: str, caller: Caller, house: House) -> ModelObject:
    """One of them."""
    return await run_in_threadpool(targets.one_of, house, model)


@router.post(
    "/chat/completions",
    response_model=Completion,
    responses={
        200: {
            "model": Completion,
            "description": "The answer; with `stream`, chunks and a last `[DONE]`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
)
async def chat_completions(
    asked: CompletionRequest, request: Request, caller: Chatter, house: House
) -> Response:
    """An answer in OpenAI's form. The client keeps the conversation; the run ends when it leaves.

    The conversation is not kept, unless `store` is true. What OpenAI has no field for (sources, cost,
    who answered) is in `switchboard`: of the answer, or of the last chunk with a choice.
    """
    run = await asking.start(house, caller, asked)
    named = Named(
        id=f"chatcmpl-{run.id}",
        created=run.started_at_us // 1_000_000,
        model=asked.model,
        thread_id=run.thread_id if asked.store else None,
    )
    leave = partial(asking.stop, house, run.id)
    if asked.stream:
        wanted = asked.stream_options is not None and asked.stream_options.include_usage
        return Chunks(
            ChunkSource(run, named, include_usage=wanted),
            check=partial(house.identity.check, caller),
            on_leave=leave,
            headers={"X-Run-Id": run.id},
        )
    await wait_for_end(run, request.receive, leave)
    try:
        answer = await run_in_threadpool(completion, run, named)
    except NoAnswer as exc:
        return JSONResponse({"error": exc.error}, exc.status)
    return JSONResponse(answer.model_dump(mode="json"), headers={"X-Run-Id": run.id})
