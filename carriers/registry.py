"""The kinds of connectors there are: what each is called, what it wants to know, and how it is made."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from carriers.errors import SettingsError
from carriers.smpp.connector import SmppConnector
from carriers.smpp.settings import SmppSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

    from carriers.connector import Connector, Sink
    from carriers.text import TextProfile


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of connector.

    Attributes:
        name: As configuration and database have it.
        title: For people.
        settings: What it wants to know; forms, checks and documentation come from this model.
        build: Makes one of its id, its settings and its sink. Raises SettingsError when they cannot work.
        profile: How a connector with these settings wants text.
    """

    name: str
    title: str
    settings: type[BaseModel]
    build: Callable[[str, BaseModel, Sink], Connector]
    profile: Callable[[BaseModel], TextProfile]


def kinds() -> Mapping[str, Kind]:
    """All kinds, by name."""
    return MappingProxyType({kind.name: kind for kind in (_SMPP,)})


def read_settings(name: str, values: Mapping[str, Any]) -> BaseModel:
    """Settings as the model of their kind reads them.

    Raises:
        KeyError: There is no such kind.
        ValidationError: A value does not fit.
    """
    return kinds()[name].settings.model_validate(values)


def _smpp_settings(settings: BaseModel) -> SmppSettings:
    if not isinstance(settings, SmppSettings):
        raise SettingsError("settings", f"{type(settings).__name__} is not what an smpp connector takes")
    return settings


def _build_smpp(connector_id: str, settings: BaseModel, sink: Sink) -> Connector:
    return SmppConnector(connector_id, _smpp_settings(settings), sink)


def _smpp_profile(settings: BaseModel) -> TextProfile:
    return _smpp_settings(settings).text_profile


_SMPP = Kind("smpp", "SMPP 3.4", SmppSettings, _build_smpp, _smpp_profile)
