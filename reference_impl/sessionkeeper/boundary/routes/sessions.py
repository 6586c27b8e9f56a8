"""``POST /session_manager/sessions.start`` and ``.end`` (S2.C.22 to S2.C.25).

The paths carry the module's name in front (K2.28). What a request must look like is said by the schemas, what
may happen by the service; domain errors become answers in :mod:`sessionkeeper.boundary.app`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from sessionkeeper.boundary.schemas import (
    SessionManagerEndInput,
    SessionManagerEndOutput,
    SessionManagerStartInput,
    SessionManagerStartOutput,
    problems,
)


if TYPE_CHECKING:
    from sessionkeeper.boundary.service import SessionService


_WRONG = "The body is not what the schema asks for; nothing was looked up."
_DOWN = "The store or the log does not answer; nothing was changed. `Retry-After` says when to come back."


def build_router(service: SessionService) -> APIRouter:
    """The routes of a service."""
    router = APIRouter(prefix="/session_manager", tags=["sessions"])

    @router.post(
        "/sessions.start",
        status_code=201,
        responses=problems(s400=_WRONG, s409="The user has an active session.", s503=_DOWN),
    )
    def start(payload: SessionManagerStartInput) -> SessionManagerStartOutput:
        """Start a session; a user has one at a time, and none is closed to make room."""
        return service.start_session(payload)

    @router.post(
        "/sessions.end",
        responses=problems(
            s400=_WRONG,
            s403="The session belongs to another user.",
            s404="There is no such session.",
            s409="The session has ended already, or another request is just ending it.",
            s503=_DOWN,
        ),
    )
    def end(payload: SessionManagerEndInput) -> SessionManagerEndOutput:
        """End a session; a second end is refused."""
        return service.end_session(payload)

    return router
