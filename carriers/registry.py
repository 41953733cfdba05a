"""The kinds of connectors there are: what each is called, what it wants to know, and how it is made."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

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


def kind_of(name: str) -> Kind:
    """The kind of this name.

    Raises:
        SettingsError: There is none.
    """
    found = kinds().get(name)
    if found is None:
        raise SettingsError("kind", f"there is no {name!r}; choose one of {', '.join(sorted(kinds()))}")
    return found


def read_settings(name: str, values: Mapping[str, Any]) -> BaseModel:
    """The settings of a connector of this kind.

    Raises:
        SettingsError: There is no such kind, or a value does not fit; names the first field that does not.
    """
    model = kind_of(name).settings
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # A rule over several fields says itself which one it means; no value is repeated, for it may be a password.
        first = error.errors(include_input=False, include_url=False)[0]
        raise SettingsError(".".join(map(str, first["loc"])) or "settings", first["msg"]) from None


def text_profile(name: str, settings: BaseModel) -> TextProfile:
    """How a connector of this kind, with these settings, wants text.

    Raises:
        SettingsError: There is no such kind, or the settings are another kind's.
    """
    return kind_of(name).profile(settings)


def _smpp_settings(settings: BaseModel) -> SmppSettings:
    if not isinstance(settings, SmppSettings):
        raise SettingsError("settings", f"{type(settings).__name__} is not what an smpp connector takes")
    return settings


def _build_smpp(connector_id: str, settings: BaseModel, sink: Sink) -> Connector:
    return SmppConnector(connector_id, _smpp_settings(settings), sink)


def _smpp_profile(settings: BaseModel) -> TextProfile:
    return _smpp_settings(settings).text_profile


_SMPP = Kind("smpp", "SMPP 3.4", SmppSettings, _build_smpp, _smpp_profile)
