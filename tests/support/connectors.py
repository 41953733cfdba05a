"""A made-up kind of connector, for tests of what is kept of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

if TYPE_CHECKING:
    from collections.abc import Mapping


class Bind(BaseModel):
    system_id: str
    password: SecretStr | None = None


class FakeSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = Field(default=2775, ge=1, le=65535)
    password: SecretStr | None = None
    binds: list[Bind] = []
    statuses: dict[int, str] = {}


def read(kind: str, settings: Mapping[str, Any]) -> BaseModel:
    return {"smpp": FakeSettings}[kind].model_validate(settings)
