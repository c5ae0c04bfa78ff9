"""One socket: several runs at a time, each with its own place in its own log.

What is sent comes straight from the logs of the runs, so a client that reads slowly holds up nobody
and needs no queue; one that reads nothing for a minute is dropped, and its runs go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from agents.loop_signal import LoopSignal
from agents.run_reader import RunLog
from api.asking import go_on, start, stop
from api.connection import cut_off
from api.dependencies import count_request
from api.drain import drain_of
from api.guards.json_text import read_json
from api.recheck import Recheck
from api.socket_messages import (
    Answer,
    Followed,
    Resume,
    Send,
    Stop,
    about_of,
    problem,
    read_message,
)
from api.streams import place_in
from api.wire import event_json, to_json
from core.errors import InvalidInput, SwitchboardError
from core.events_codec import TERMINAL_TYPES
from core.identity import Principal

if TYPE_CHECKING:
    from agents.runtime import Runtime

log = logging.getLogger(__name__)
SEND_S = 60.0
MAX_FOLLOWED = 100
"""Runs that one socket follows at a time."""
MAX_WAITING = 50
"""Answers to messages that were not taken yet; then no further message is read."""
LOGGED_OUT, RESTARTING = 4401, 1012


class ChatSocket:
    """Made for an accepted socket; `serve` returns when it is closed."""

    def __init__(self, websocket: WebSocket, house: Runtime, caller: Principal) -> None:
        self._websocket, self._house, self._caller = websocket, house, caller
        self._signal = LoopSignal()
        self._followed: dict[str, Followed] = {}
        self._said: deque[str] = deque()
        self._room = asyncio.Event()
        self._stop_with_me: set[str] = set()
        self._draining = self._left = False

    async def serve(self) -> None:
        recheck = Recheck(partial(self._house.identity.check, self._caller), self._signal.set)
        reading = asyncio.create_task(self._read())
        try:
            with drain_of(self._websocket.scope).reading(self):
                await self._write(recheck)
        finally:
            recheck.close()
            reading.cancel()
            for one in self._followed.values():
                one.run.detach(self._signal.set)
            for run_id in self._stop_with_me & self._followed.keys():
                stop(self._house, run_id)  # does not block; a cancelled task could not wait for it

    def on_drain(self) -> None:
        self._draining = True
        self._signal.set()

    def on_deadline(self) -> None:
        cut_off(self._websocket.scope)

    # -- what comes

    async def _read(self) -> None:
        try:
            while True:
                text = await self._websocket.receive_text()
                await self._answer(text)
                while len(self._said) >= MAX_WAITING:
                    self._room.clear()
                    await self._room.wait()
        except WebSocketDisconnect:
            pass
        finally:
            self._left = True
            self._signal.set()

    async def _answer(self, text: str) -> None:
        """Does what one message asks for; what is wrong with it is said, and the socket stays."""
        about: dict[str, Any] = {}
        try:
            value = read_json(text)
            about = about_of(value)
            await self._do(read_message(value), about)
        except SwitchboardError as error:
            self._say(problem(error, about))
        except Exception:
            log.exception("a message on a socket failed")
            self._say(problem(SwitchboardError("Switchboard made a mistake."), about))

    async def _do(self, message: Send | Stop | Resume | Answer, about: dict[str, Any]) -> None:
        house, caller = self._house, self._caller
        await run_in_threadpool(house.identity.check, caller)
        if message.type != "stop":  # whoever asked too often must still be able to stop
            await run_in_threadpool(count_request, house, caller)
        match message.type:
            case "send":
                self._check_room()
                run = await start(house, caller, message, stream=True)
                self._follow(run, -1, about)
                if message.stop_on_disconnect:
                    self._stop_with_me.add(run.id)
            case "resume":
                self._check_room(message.run_id)
                run = await run_in_threadpool(house.run_reader.log, message.run_id, caller.owner)
                self._follow(run, message.after, about)
            case "answer":
                self._check_room()
                state = await run_in_threadpool(
                    go_on, house, caller, message.run_id, message.decisions
                )
                run = await run_in_threadpool(house.run_reader.log, state.id, caller.owner)
                self._follow(run, -1, about)
            case "stop":
                await run_in_threadpool(house.run_reader.state, message.run_id, caller.owner)
                await run_in_threadpool(stop, house, message.run_id)

    def _check_room(self, run_id: str = "") -> None:
        if run_id not in self._followed and len(self._followed) >= MAX_FOLLOWED:
            raise InvalidInput(
                f"This socket follows {MAX_FOLLOWED} runs already.",
                what_to_do="Wait until some have ended, or open another socket.",
            )

    def _follow(self, run: RunLog, after: int, about: dict[str, Any]) -> None:
        if "ref" in about:
            accepted = {"type": "accepted", "run_id": run.id, "thread_id": run.thread_id}
            self._say(accepted | {"ref": about["ref"]})
        self._followed[run.id] = Followed(run, after)
        run.attach(self._signal.set)
        self._signal.set()

    def _say(self, message: dict[str, Any]) -> None:
        self._said.append(to_json(message))
        self._signal.set()

    # -- what goes

    async def _write(self, recheck: Recheck) -> None:
        while not self._left:
            self._signal.clear()
            if recheck.failed is not None:
                await self._send(to_json(problem(recheck.failed, {})))
                await self._close(LOGGED_OUT, "log in again")
                return
            sent = await self._send_said()
            for one in list(self._followed.values()):
                sent = await self._send_events(one) or sent
            if self._draining and not self._followed and not sent:
                await self._close(RESTARTING, "Switchboard is shutting down")
                return
            if not sent and not self._left:
                await self._signal.wait()

    async def _send_said(self) -> bool:
        sent = bool(self._said)
        while self._said:
            await self._send(self._said.popleft())
        self._room.set()
        return sent

    async def _send_events(self, one: Followed) -> bool:
        """What a run has that the client has not; a part of it, so that other runs have their turn."""
        events = one.run.part(place_in(one.run, one.after), MAX_WAITING)
        for event in events:
            ends = event.type in TERMINAL_TYPES
            whole = one.run.read() if ends else ()
            await self._send(event_json(event, one.run.thread_id, whole))
            one.after = event.seq
            if ends and self._followed.get(one.run.id) is one:
                one.run.detach(self._signal.set)
                del self._followed[one.run.id]
        return bool(events)

    async def _send(self, text: str) -> None:
        if self._left:
            return
        try:
            async with asyncio.timeout(SEND_S):
                # As text that UTF-8 can hold: half a surrogate pair would end the socket.
                await self._websocket.send_text(text.encode("utf-8", "replace").decode())
        except TimeoutError:
            log.info("a socket that read nothing for %.0f s was dropped", SEND_S)
            self._left = True
            cut_off(self._websocket.scope)
        except (WebSocketDisconnect, RuntimeError, OSError):
            self._left = True

    async def _close(self, code: int, reason: str) -> None:
        if not self._left:
            try:
                async with asyncio.timeout(1):
                    await self._websocket.close(code, reason)
            except (TimeoutError, RuntimeError, OSError):
                cut_off(self._websocket.scope)
