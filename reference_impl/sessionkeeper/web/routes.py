"""The routes of `/session`: come in, go on, look, leave. Tokens travel in cookies and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Header
from pydantic import Field
from starlette.requests import Request  # noqa: TC002 -- the framework reads it at run time
from starlette.responses import Response  # noqa: TC002 -- likewise

from sessionkeeper.boundary.domain import instant, timestamp
from sessionkeeper.boundary.schemas import BaseSchema, problems
from sessionkeeper.cookies import REFRESH_PATH
from sessionkeeper.login import create_anonymous_session, verify_magic_link_token
from sessionkeeper.model import Session  # noqa: TC001 -- the framework reads it at run time
from sessionkeeper.tokens import session_id_of
from sessionkeeper.web.door import give_tokens, take_tokens_back


if TYPE_CHECKING:
    from sessionkeeper.keeper import Login
    from sessionkeeper.web.door import SessionDoor

RequestId = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^([!-~]{22,200})?$",
        description="Names this request, the same in every repetition. It must be drawn at random: for an"
        " anonymous session, whoever repeats it is its maker.",
    ),
]


class MagicLink(BaseSchema):
    """Body of ``/session/magic-link``."""

    token: str = Field(max_length=1000, description="What the link in the mail carried.")


class SessionView(BaseSchema):
    """A session as its user sees it: no token and no hash of one."""

    session_id: str = Field(description="Its public name; opens nothing.")
    user_id: str
    login: str = Field(description="The way in.")
    created_at: str
    last_used_at: str
    expires_at: str = Field(description="Its end if it is not used before.")
    ends_at: str = Field(description="Its end, whatever its use.")

    @classmethod
    def of(cls, session: Session) -> SessionView:
        """Show a session."""
        times = (session.created_at, session.last_used_at, session.expires_at, session.ends_at)
        created_at, last_used_at, expires_at, ends_at = (timestamp(instant(each)) for each in times)
        return cls(
            session_id=session.session_id,
            user_id=session.user_id,
            login=session.login.value,
            created_at=created_at,
            last_used_at=last_used_at,
            expires_at=expires_at,
            ends_at=ends_at,
        )


class LoginView(BaseSchema):
    """A session that was made or went on, and the user's own sessions that gave way to it."""

    session: SessionView
    ended: list[str] = Field(default_factory=list, description="Ids of the sessions that gave way.")

    @classmethod
    def of(cls, login: Login) -> LoginView:
        """Show a login; a session of somebody else that it replaced is not the user's to see."""
        ended = [each.session_id for each in login.ended if each.user_id == login.session.user_id]
        return cls(session=SessionView.of(login.session), ended=ended)


class EndedView(BaseSchema):
    """Which sessions have ended."""

    ended: list[str]


_SHAPE = "A part of the request has not the shape that is asked for; nothing was looked up."
_CLOSED = "The token is absent, unknown, expired, revoked or used before."
_GUESSED = "Too many unknown tokens from this address; `Retry-After` says when to come back."
_AGAIN = "The same request was answered before, and its session has ended or moved on."
_DOWN = "The store does not answer, or others keep changing the same sessions; repeat with the same key."


def build_router(door: SessionDoor) -> APIRouter:
    """The routes behind a door."""
    router = APIRouter(prefix="/session", tags=["session"])
    _ways_in(router, door)
    _going_on(router, door)
    _ways_out(router, door)
    return router


def _ways_in(router: APIRouter, door: SessionDoor) -> None:
    def came_in(response: Response, login: Login) -> LoginView:
        give_tokens(response, login)
        return LoginView.of(login)

    @router.post("/anonymous", status_code=201, responses=problems(s400=_SHAPE, s409=_AGAIN, s503=_DOWN))
    def anonymous(response: Response, request_id: RequestId = "") -> LoginView:
        """Make a session for somebody who has not said who they are."""
        return came_in(response, create_anonymous_session(door.keeper, request_id=request_id or None))

    @router.post(
        "/magic-link",
        status_code=201,
        responses=problems(s400=_SHAPE, s401=_CLOSED, s409=_AGAIN, s429=_GUESSED, s503=_DOWN),
    )
    def magic_link(
        request: Request, response: Response, link: MagicLink, request_id: RequestId = ""
    ) -> LoginView:
        """Make a session for the user whom a link names; the session of the cookie ends in the same step."""

        def follow(token: str) -> Login:
            current = door.token_if_any(request)
            return verify_magic_link_token(
                door.keeper, token, current_token=current, request_id=request_id or None
            )

        return came_in(response, door.watched(request, link.token, follow))


def _going_on(router: APIRouter, door: SessionDoor) -> None:
    opened: Session = Depends(door.session)

    @router.get("", responses=problems(s401=_CLOSED, s429=_GUESSED, s503=_DOWN))
    def present(session: Session = opened) -> SessionView:
        """Show the session of the cookie."""
        return SessionView.of(session)

    @router.get("/all", responses=problems(s401=_CLOSED, s429=_GUESSED, s503=_DOWN))
    def own(session: Session = opened) -> list[SessionView]:
        """Show all live sessions of its user, oldest first."""
        return [SessionView.of(each) for each in door.manager.list_sessions(session.user_id)]

    @router.post(
        REFRESH_PATH.removeprefix(router.prefix),
        responses=problems(s400=_SHAPE, s401=_CLOSED, s409=_AGAIN, s429=_GUESSED, s503=_DOWN),
    )
    def refresh(request: Request, response: Response) -> LoginView:
        """Exchange the refresh token of the cookie for the next pair; a replay ends the session."""
        login = door.refreshed(request)
        give_tokens(response, login)
        return LoginView.of(login)


def _ways_out(router: APIRouter, door: SessionDoor) -> None:
    opened: Session = Depends(door.session)

    @router.post("/end", responses=problems(s401=_CLOSED, s429=_GUESSED, s503=_DOWN))
    def end(request: Request, response: Response) -> EndedView:
        """End the session of the cookie, and take the cookies back."""
        token = door.token(request)
        door.watched(request, token, door.manager.logout)
        take_tokens_back(response)
        return EndedView(ended=[session_id_of(token)])

    @router.post("/end-others", responses=problems(s401=_CLOSED, s429=_GUESSED, s503=_DOWN))
    def end_others(request: Request) -> EndedView:
        """End all other sessions of its user, as after a change of credentials."""
        ended = door.watched(request, door.token(request), door.manager.revoke_others)
        return EndedView(ended=[each.session_id for each in ended])

    @router.delete(
        "/{session_id}",
        responses=problems(
            s400=_SHAPE,
            s401=_CLOSED,
            s403="The session belongs to another user.",
            s404="There is no such live session.",
            s429=_GUESSED,
            s503=_DOWN,
        ),
    )
    def end_one(session_id: str, session: Session = opened) -> EndedView:
        """End one of its user's sessions."""
        door.manager.revoke(session.user_id, session_id)
        return EndedView(ended=[session_id])
