from __future__ import annotations

import pytest
from pydantic import BaseModel

from carriers.errors import SettingsError
from carriers.registry import kind_of, kinds, read_settings, text_profile
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
        kinds()["other"] = kind_of("smpp")


async def test_a_connector_is_built_from_its_settings():
    connector = kind_of("smpp").build("main", read_settings("smpp", SMPP), RecordingSink(Watch()))
    assert isinstance(connector, SmppConnector)
    assert connector.connector_id == "main"


def test_a_connector_tells_how_it_wants_text():
    assert text_profile("smpp", read_settings("smpp", SMPP)) == TextProfile("sar", "gsm7", 4)


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({**SMPP, "window": 0}, "window", "greater than or equal to 1"),
        ({**SMPP, "speed": 1}, "speed", "not permitted"),
        ({**SMPP, "short_code_rules": [{"pattern": "(", "ton_npi": [0, 1]}]}, "short_code_rules.0.pattern", "regular"),
        ({"system_id": "esme", "password": "secret"}, "settings", "host"),
    ],
)
def test_wrong_settings_name_the_field_and_no_secret(values, field, sentence):
    with pytest.raises(SettingsError, match=sentence) as caught:
        read_settings("smpp", values)
    assert caught.value.field == field
    assert "secret" not in str(caught.value)


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="choose one of smpp") as caught:
        kind_of("pigeon")
    assert caught.value.field == "kind"


def test_settings_of_another_kind_are_refused():
    class Other(BaseModel):
        pass

    with pytest.raises(SettingsError, match="Other is not what an smpp connector takes"):
        text_profile("smpp", Other())
