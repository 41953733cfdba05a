from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from carriers.errors import SettingsError
from carriers.registry import kinds, read_settings
from carriers.smpp.connector import SmppConnector
from carriers.text import TextProfile
from tests.support.scripted_smsc import RecordingSink, Watch

SMPP = {"host": "localhost", "system_id": "esme", "password": "secret", "long_mode": "sar", "max_parts": 4}


def test_every_kind_stands_under_its_own_name_and_describes_its_settings():
    assert set(kinds()) == {"smpp"}
    for name, kind in kinds().items():
        assert kind.name == name
        assert kind.title
        assert all(field.description for field in kind.settings.model_fields.values())


def test_the_kinds_cannot_be_changed():
    with pytest.raises(TypeError):
        kinds()["other"] = kinds()["smpp"]


async def test_a_connector_is_built_from_its_settings():
    connector = kinds()["smpp"].build("main", read_settings("smpp", SMPP), RecordingSink(Watch()))
    assert isinstance(connector, SmppConnector)
    assert connector.connector_id == "main"


def test_a_connector_tells_how_it_wants_text():
    assert kinds()["smpp"].profile(read_settings("smpp", SMPP)) == TextProfile("sar", "gsm7", 4)


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({**SMPP, "window": 0}, "window", "greater than or equal to 1"),
        ({**SMPP, "speed": 1}, "speed", "not permitted"),
        ({**SMPP, "short_code_rules": [{"pattern": "(", "ton_npi": [0, 1]}]}, "short_code_rules.0.pattern", "regular"),
        ({"system_id": "esme", "password": "secret"}, "", "host"),
    ],
)
def test_wrong_settings_name_the_field(values, field, sentence):
    with pytest.raises(ValidationError, match=sentence) as caught:
        read_settings("smpp", values)
    assert ".".join(map(str, caught.value.errors()[0]["loc"])) == field


def test_an_unknown_kind_is_refused():
    with pytest.raises(KeyError):
        read_settings("pigeon", SMPP)


def test_settings_of_another_kind_are_refused():
    class Other(BaseModel):
        pass

    with pytest.raises(SettingsError, match="Other is not what an smpp connector takes"):
        kinds()["smpp"].profile(Other())
