"""The socket of an open picture: gestures come in, frames and events go out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from phosphene.sessions.session import Session
from phosphene.studio import guard, shapes
from phosphene.studio.answers import Refusal, refusal
from phosphene.studio.desk import Desk
from phosphene.studio.outbox import Outbox

_POLICY, _TOO_LARGE, _FAULT = 1008, 1009, 1011  # close codes of RFC 6455
_MOST_MISTAKES = 100  # in a row; then it is no page of ours


async def live(desk: Desk, socket: WebSocket) -> None:
    """Answers a socket: refuses it in words, or serves it to its end."""
    try:
        with desk.sockets.place():
            session = await desk.session(socket)
            await socket.accept()
            await _Conversation(desk, socket, session).run()
    except WebSocketDisconnect:
        pass
    except Exception as error:
        await _refuse(socket, refusal(error))


async def nowhere(socket: WebSocket) -> None:
    """Answers a socket at any other address."""
    await _refuse(socket, Refusal(404, "There is no socket at this address.", "It is /api/pictures/ID/live."))


async def _refuse(socket: WebSocket, no: Refusal) -> None:
    """In words, as long as it is not open; later it can only be closed."""
    if socket.application_state is WebSocketState.CONNECTING:
        await guard.deny(no.response(), socket.scope, socket.receive, socket.send)
    elif socket.application_state is WebSocketState.CONNECTED:
        await socket.close(_FAULT, no.error)


class _Conversation:
    """One page that has a picture open."""

    def __init__(self, desk: Desk, socket: WebSocket, session: Session) -> None:
        self.desk, self.socket, self.session = desk, socket, session
        self.outbox = Outbox(desk.limits.queue_messages, desk.limits.queue_bytes)
        self.painting = False
        self.farewell: tuple[int, str] | None = None

    async def run(self) -> None:
        """Until either side ends it. A brush that is still down then is lifted."""
        stop = await self.desk.live(self.session.listen, self.outbox.put)
        try:
            async with anyio.create_task_group() as both:
                for way in (self._speak, self._hear):
                    both.start_soon(_until_it_ends, way, both.cancel_scope.cancel)
        finally:
            with anyio.CancelScope(shield=True):
                await self.desk.live(stop)
                if self.painting:
                    await self._act(self.session.end)
        if self.farewell is not None:
            await self.socket.close(*self.farewell)

    async def _speak(self) -> None:
        """Sends what waits; a page that takes nothing for long is given up."""
        self.outbox.put({"event": "state", "state": await self.desk.live(self.session.state)})
        while True:
            message = await self.outbox.get()
            with anyio.fail_after(self.desk.limits.send_seconds):
                if isinstance(message, bytes):
                    await self.socket.send_bytes(message)
                else:
                    await self.socket.send_json(message)

    async def _hear(self) -> None:
        mistakes = 0
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if len(text or message.get("bytes") or "") > self.desk.limits.message_bytes:
                self.farewell = (_TOO_LARGE, "A message is too large.")
                return
            mistakes = 0 if await self._act(partial(self._obey, text)) else mistakes + 1
            if mistakes == _MOST_MISTAKES:
                self.farewell = (_POLICY, "Too many messages were wrong.")
                return

    async def _act(self, work: Callable[[], object]) -> bool:
        """Does something in a thread; what goes wrong is told to the page."""
        try:
            await self.desk.live(work)
        except Exception as error:
            self.outbox.put({"event": "error", **refusal(error).to_dict()})
            return False
        return True

    def _obey(self, text: str | None) -> None:
        if text is None:
            raise Refusal(400, "The socket takes text.", "Send JSON: GET /api/openapi.json shows its shape, Message.")
        match shapes.read(text, "Message"):
            case shapes.Begin() as wish:
                self.session.begin(wish.brush, wish.points)
                self.painting = True
            case wish if not self.painting:
                raise Refusal(400, f"{wish.do!r} came, but no stroke was begun.", 'Begin one: {"do": "begin", …}')
            case shapes.Points() as wish:
                self.session.more(wish.points)
            case wish:
                self.painting = False
                self.session.end() if wish.do == "end" else self.session.cancel()


async def _until_it_ends(way: Callable[[], Any], end: Callable[[], None]) -> None:
    """One direction; whichever ends first ends both."""
    try:
        await way()
    except (WebSocketDisconnect, TimeoutError):
        pass
    except Exception as error:
        refusal(error)  # which logs it
    finally:
        end()
