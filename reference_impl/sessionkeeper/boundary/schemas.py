"""What goes in, what comes out and what is recorded; strict, and nothing unknown is let through (S2.B1.7).

A client that sends ``timestamp``, ``record_id`` or anything else that is the server's to say is refused
because the field is unknown (S2.B1.5, K2.05); ``source`` is known and has one possible value (S2.B1.4).
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from sessionkeeper.boundary.idgen import SESSION_ID_PATTERN


# No control characters, no blank at either end; otherwise any letters of any script.
_PLAIN = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_PLAIN)]
SessionId = Annotated[str, StringConstraints(pattern=SESSION_ID_PATTERN)]
Timestamp = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Notes = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Source = Literal["session_manager"]


class BaseSchema(BaseModel):
    """Base of all schemas: frozen, exact types, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SessionManagerStartInput(BaseSchema):
    """Body of ``sessions.start``."""

    user_id: Name = Field(description="Whose session it will be.")
    performer_id: Name = Field(description='Who asks for it; "system" where no human does.')
    source: Source = Field(default="session_manager", description="May be left out.")
    is_training_data: bool = Field(default=False, description="Whether it may train a model.")
    session_notes: Notes | None = Field(default=None, description="Anything worth noting.")
    training_intent_label: Name | None = Field(default=None, description="What is being trained.")


class SessionManagerEndInput(BaseSchema):
    """Body of ``sessions.end``."""

    user_id: Name = Field(description="Whose session it is.")
    session_id: SessionId = Field(description="The id that sessions.start gave.")
    performer_id: Name = Field(description='Who asks for it; "system" where no human does.')
    source: Source = Field(default="session_manager", description="May be left out.")


class BoundaryEvent(BaseSchema):
    """What every boundary event carries (S2.INV4, S2.B1.1)."""

    schema_version: Literal["1.0"] = "1.0"
    source: Source = "session_manager"
    record_id: str = Field(description="UUID of version 4, never used for another event.")
    user_id: Name
    session_id: SessionId
    timestamp: Timestamp = Field(description="The server's time, UTC.")
    performer_id: Name

    @field_validator("record_id")
    @classmethod
    def _is_uuid4(cls, value: str) -> str:
        try:
            parsed = uuid.UUID(value)
        except ValueError:
            parsed = None
        if parsed is None or parsed.version != 4 or str(parsed) != value:  # noqa: PLR2004 -- UUID version
            raise ValueError("must be a UUID of version 4")
        return value


class SessionManagerStartOutput(BoundaryEvent):
    """Answer of ``sessions.start``, and the event that is recorded."""

    event: Literal["session_started"] = "session_started"
    is_training_data: bool = False
    session_notes: Notes | None = None
    training_intent_label: Name | None = None


class SessionManagerEndOutput(BoundaryEvent):
    """Answer of ``sessions.end``, and the event that is recorded."""

    event: Literal["session_ended"] = "session_ended"
    start_time: Timestamp = Field(description="When the session began.")


class Problem(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="Stable name, for programs.")
    message: str = Field(description="One sentence, for people.")
    correlation_id: str = Field(description="Names the request in the service's log.")


class ProblemBody(BaseModel):
    """Body of every answer that is no success."""

    model_config = ConfigDict(extra="forbid")

    error: Problem


def problems(**meanings: str) -> dict[int | str, dict[str, Any]]:
    """Return what a route may answer besides success, e.g. ``s404="There is no such session."``."""
    return {
        int(status.removeprefix("s")): {"model": ProblemBody, "description": meaning}
        for status, meaning in meanings.items()
    }
