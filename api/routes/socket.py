"""The socket: questions, answers, stops and decisions on one connection."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from api.dependencies import Chatter, House
from api.sockets import ChatSocket

router = APIRouter()


@router.websocket("/ws/chat")
async def chat(websocket: WebSocket, caller: Chatter, house: House) -> None:
    """Without a credential that may chat the handshake is refused (401, 403)."""
    await websocket.accept()
    await ChatSocket(websocket, house, caller).serve()
