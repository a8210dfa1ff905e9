"""The socket of an open picture: gestures come in, frames and events go out."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from phosphene.painting.closeup import Part
from phosphene.sessions.session import Session
from phosphene.studio import guard, shapes
from phosphene.studio.answers import Refusal, refused
from phosphene.studio.requests import RequestContext

# What waits to be sent to one page: never more than a page can catch up with


Message = bytes | dict[str, Any]

REFRESH: dict[str, object] = {"event": "refresh"}


@dataclass(frozen=True)
class _Waiting:
    """A message, how much room it takes, and what it says; a later one that says the same takes its place."""

    message: Message
    size: int
    of: str


class SendQueue:
    """A bounded queue: filled by threads, emptied by the event loop."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._queue: deque[_Waiting] = deque()
        self._lock = threading.Lock()
        self._loop, self._filled = asyncio.get_running_loop(), asyncio.Event()
        self.size = 0

    def put(self, message: Message) -> None:
        """Takes a message in, from any thread; never waits."""
        waiting = _described(message)
        with self._lock:
            self._queue = deque(each for each in self._queue if not _replaces(waiting, each))
            self._queue.append(waiting)
            self._make_room()
            self.size = sum(each.size for each in self._queue)
        with suppress(RuntimeError):  # the loop is closed: nobody will read it
            self._loop.call_soon_threadsafe(self._filled.set)

    async def get(self) -> Message:
        """The oldest message, when there is one."""
        while True:
            with self._lock:
                if self._queue:
                    first = self._queue.popleft()
                    self.size -= first.size
                    return first.message
                self._filled.clear()
            await self._filled.wait()

    def _make_room(self) -> None:
        while self._overflows() and self._drop_a_frame():
            pass
        if self._overflows():
            kept = [each for each in self._queue if not isinstance(each.message, bytes) and each.message != REFRESH]
            self._queue = deque(kept[-self._most + 1 :])
            self._queue.append(_described(REFRESH))

    def _overflows(self) -> bool:
        return len(self._queue) > self._most or sum(each.size for each in self._queue) > self._most_bytes

    def _drop_a_frame(self) -> bool:
        """Leaves out a frame that only shows a part sharper, or the oldest of a ground, unless it is the newest."""
        closeups = [each for each in self._queue if each.of == "closeup"]
        grounds = [each for each in self._queue if each.of == "ground"][:-1]
        for each in (closeups + grounds)[:1]:
            self._queue.remove(each)
        return bool(closeups or grounds)


def _described(message: Message) -> _Waiting:
    if isinstance(message, bytes):
        return _Waiting(message, len(message), _of_frame(message))
    what = message.get("job", {}).get("id", "") or message.get("key", "")
    return _Waiting(message, len(json.dumps(message)), f"event {message.get('event')} {what}")


def _of_frame(frame: bytes) -> str:
    """What a frame's header says it shows."""
    end = 4 + int.from_bytes(frame[:4], "little")
    with suppress(ValueError, AttributeError):
        return str(json.loads(frame[4:end]).get("of", ""))
    return ""


def _replaces(new: _Waiting, old: _Waiting) -> bool:
    """Whether a message makes an older one that still waits superfluous: errors and frames are each their own."""
    return not isinstance(new.message, bytes) and new.of == old.of and not new.of.startswith("event error")


_POLICY, _TOO_LARGE, _FAULT = 1008, 1009, 1011  # close codes of RFC 6455
_MOST_MISTAKES = 100  # in a row; then it is no page of ours


async def live(context: RequestContext, socket: WebSocket) -> None:
    """Answers a socket: refuses it in words, or serves it to its end."""

    async def serve() -> None:
        with context.sockets.place():
            session = await context.session(socket)
            await socket.accept()
            await _Conversation(context, socket, session).run()

    with suppress(WebSocketDisconnect):
        if no := await refused(serve):
            await _refuse(socket, no)


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

    def __init__(self, context: RequestContext, socket: WebSocket, session: Session) -> None:
        self.context, self.socket, self.session = context, socket, session
        self.send_queue = SendQueue(context.limits.queue_messages, context.limits.queue_bytes)
        self.painting = self.refused = False  # whether a stroke is being painted, or was refused and still comes in
        self.close_reason: tuple[int, str] | None = None

    async def run(self) -> None:
        """Until either side ends it. A brush that is still down then is lifted."""
        stop = await self.context.live(self.session.listen, self.send_queue.put)
        try:
            async with anyio.create_task_group() as both:
                for way in (self._speak, self._hear):
                    both.start_soon(_until_it_ends, way, both.cancel_scope.cancel)
        finally:
            with anyio.CancelScope(shield=True):
                await self.context.live(stop)
                if self.painting:
                    await self._act(self.session.end)
        if self.close_reason is not None:
            await self.socket.close(*self.close_reason)

    async def _speak(self) -> None:
        """Sends what waits; a page that takes nothing for long is given up."""
        self.send_queue.put({"event": "state", "state": await self.context.live(self.session.state)})
        while True:
            message = await self.send_queue.get()
            with anyio.fail_after(self.context.limits.send_seconds):
                await self._send(message)

    async def _send(self, message: Message) -> None:
        """Sends a message. Raises `WebSocketDisconnect`: the page has gone."""
        try:
            if isinstance(message, bytes):
                await self.socket.send_bytes(message)
            else:
                await self.socket.send_json(message)
        except RuntimeError as error:  # of uvicorn, where it closed the socket itself, as for a message too large
            raise WebSocketDisconnect from error

    async def _hear(self) -> None:
        mistakes = 0
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if len(text or message.get("bytes") or "") > self.context.limits.message_bytes:
                self.close_reason = (_TOO_LARGE, "A message is too large.")
                return
            mistakes = 0 if await self._act(partial(self._obey, text)) else mistakes + 1
            if mistakes == _MOST_MISTAKES:
                self.close_reason = (_POLICY, "Too many messages were wrong.")
                return

    async def _act(self, work: Callable[[], object]) -> bool:
        """Does something in a thread; what goes wrong is told to the page."""
        no = await refused(partial(self.context.live, work))
        if no is not None:
            self.send_queue.put({"event": "error", **no.to_dict()})
        return no is None

    def _obey(self, text: str | None) -> None:
        if text is None:
            raise Refusal(400, "The socket takes text.", "Send JSON: GET /api/openapi.json shows its shape, Message.")
        match shapes.read(text, "Message"):
            case shapes.Begin() as wish:
                self.refused = True
                self.session.begin(wish.brush, wish.points, mirrored=wish.mirrored)
                self.painting, self.refused = True, False
            case shapes.Take() as wish:
                self.session.take_up(wish.look)
            case shapes.LookClosely() as wish:
                part = None if wish.part is None else Part(**wish.part.model_dump())
                self.session.background.closeup(part, wish.long_side)
            case wish if self.refused:  # sent before the page heard of it
                self.refused = wish.do == "points"
            case wish if not self.painting:
                raise Refusal(400, f"{wish.do!r} came, but no stroke was begun.", 'Begin one: {"do": "begin", …}')
            case shapes.Points() as wish:
                self.session.more(wish.points)
            case wish:
                self.painting = False
                self.session.end() if wish.do == "end" else self.session.cancel()


async def _until_it_ends(way: Callable[[], Any], end: Callable[[], None]) -> None:
    """One direction; whichever ends first ends both."""

    async def patiently() -> None:
        with suppress(TimeoutError):
            await way()

    try:
        with suppress(WebSocketDisconnect):
            await refused(patiently)
    finally:
        end()
