"""All settings, in one typed place. ``HELIOGRAPH_*`` variables win over the TOML file, which wins over the defaults."""

from __future__ import annotations

import base64
import math
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

CONFIG_FILE_VARIABLE = "HELIOGRAPH_CONFIG"
ROLES = frozenset({"api", "worker", "events", "scheduler"})
# gateway.outbound.request.MAX_TTL and gateway.model.CORRECTION_WINDOW, which stand on floors above this one.
_LONGEST_TTL_HOURS = 72
_CORRECTION_HOURS = 72


class AwsWebhook(BaseModel):
    """The webhook that stands for an ARN."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    form: Literal["sns", "firehose"] = "sns"
    secret: SecretStr
    access_key: SecretStr = SecretStr("")

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must start with https:// or http://")
        return value

    @field_validator("secret")
    @classmethod
    def _signing_secret(cls, value: SecretStr) -> SecretStr:
        try:
            base64.b64decode(value.get_secret_value().removeprefix("whsec_"), validate=True)
        except ValueError as error:
            raise ValueError("must be whsec_ and base64") from error
        return value


class Settings(BaseSettings):
    """How this process runs. What it serves (numbers, connectors, keys) is kept in the database instead."""

    model_config = SettingsConfigDict(env_prefix="HELIOGRAPH_", frozen=True, extra="forbid")

    data_dir: Path = Field(default=Path("var"), description="Folder for the embedded database and the instance's key.")
    database_url: str = Field(
        default="",
        description="Where everything is kept: sqlite+aiosqlite:///PATH or postgresql+asyncpg://USER:PASSWORD@HOST/DB. "
        "Empty: heliograph.db in data_dir.",
    )
    queue_url: str = Field(
        default="memory://",
        description="Where work is announced: memory:// or redis://HOST:PORT/N. Only a hint; nothing is lost with it.",
    )
    role: str = Field(
        default="all",
        description="What this process does: all, or some of api, worker, events and scheduler, separated by commas.",
    )
    host: str = Field(default="127.0.0.1", description="Address the HTTP server listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port the HTTP server listens on; 0 takes a free one.")
    metrics_port: int = Field(
        default=0, ge=0, le=65535,
        description="Another port, for /metrics, /healthz and /readyz only; 0 for none. With --processes, the first "
        "process has this one and each other the next.",
    )  # fmt: skip
    public_url: str = Field(
        default="", description="Address under which others reach this server, for links. Empty: from host and port."
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Key that secrets in the database are encrypted with: 32 octets, URL-safe base64. "
        "Empty: kept in the file instance.key in data_dir, made at the first start.",
    )
    simulator: bool = Field(
        default=True,
        description="Run the simulated carrier inside this process and connect to it, so that a fresh start can send. "
        "Only a process that has all roles does.",
    )
    simulator_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the simulated carrier; 0 takes a free one."
    )
    allow_private_webhooks: bool = Field(
        default=False,
        description="Let webhooks go to private, loopback and link-local addresses, and to plain http. For tests only.",
    )
    secure_cookies: bool = Field(
        default=False,
        description="Send the console's cookies over https only. Turn on wherever TLS stands in front.",
    )
    automatic_replies_per_hour: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="Most automatic replies to one person from one number an hour.",
    )
    opt_in_lock_days: int = Field(
        default=0,
        ge=0,
        le=365,
        description="Days before an app may opt the same person in again by Amazon's DeleteOptedOutNumber, which "
        "allows it once in 30; 0: at any time.",
    )
    receipt_wait_hours: int = Field(
        default=72, ge=1, le=720, description="After so long without a final receipt, a message's status is UNKNOWN."
    )
    retention_days: int = Field(
        default=90,
        ge=0,
        le=3660,
        description="Days that messages, their parts and events are kept; 0: for ever. A quarter is time for a "
        "complaint, and for a carrier's invoice and what is said against it. At least as long as a message may live: "
        "6 days and the wait for receipts.",
    )
    aws_endpoint_url: str = Field(
        default="",
        description="Where SNS, Firehose and CloudWatch Logs are called for event destinations. Empty: AWS itself, in "
        "the region of each ARN.",
    )
    aws_access_key_id: str = Field(
        default="",
        description="Access key to call them with. Empty: as AWS's own clients find one, in the environment, in "
        "~/.aws or by the role of the machine.",
    )
    aws_secret_access_key: SecretStr = Field(default=SecretStr(""), description="Its secret.")
    aws_session_token: SecretStr = Field(default=SecretStr(""), description="With a temporary access key, its token.")
    aws_webhooks: dict[str, AwsWebhook] = Field(
        default_factory=dict,
        description='Webhooks that stand for ARNs, so that AWS is not needed: {"ARN": {"url": "https://…", "form": '
        '"sns" or "firehose", "secret": "whsec_…", "access_key": "…"}}. sns posts each record as SNS does, firehose '
        "many at once as Firehose does, with the access key; both are signed with the secret (Standard Webhooks).",
    )
    warm_messages: int = Field(
        default=10_000,
        ge=100,
        le=1_000_000,
        description="Messages kept in memory, ready to leave; others wait on disk.",
    )
    connector_backlog: int = Field(
        default=2_000_000,
        ge=10,
        le=1_000_000_000,
        description="Messages that may wait for one connector, unless it has a backlog_limit of its own. One more is "
        "answered 429 connector_backlog_full; promotional ones at nine tenths of it.",
    )
    account_backlog: int = Field(
        default=5_000_000,
        ge=10,
        le=1_000_000_000,
        description="Messages of one account that may wait, over all connectors. One more is answered 429 "
        "account_backlog_full; promotional ones at nine tenths of it.",
    )
    aws_region: str = Field(
        default="",
        description="Region of the AWS wire: requests that are signed for another one are refused, and ARNs name it. "
        "Empty: any region is taken, and ARNs name the one that the request is signed for.",
    )
    quotas: Literal["generous", "aws"] = Field(
        default="generous",
        description="How many resources of a kind an account may have: 10,000, or as many as AWS gives a new account "
        "(25 numbers, 25 pools, 30 keywords each), for an app that is to meet the limits it will meet there.",
    )
    drain_seconds: float = Field(default=10.0, ge=0, le=300, description="Time to finish what is under way at a stop.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="What is logged.")
    log_format: Literal["console", "json"] = Field(default="console", description="Logs for people or for programs.")

    @field_validator("secret_key", mode="before")
    @classmethod
    def _unset_when_empty(cls, value: object) -> object:
        return value or None

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            raise ValueError("must start with sqlite+aiosqlite:/// or postgresql+asyncpg://")
        return value

    @field_validator("role")
    @classmethod
    def _known_roles(cls, value: str) -> str:
        if value != "all" and not set(value.split(",")) <= ROLES:
            raise ValueError(f"must be all, or some of {', '.join(sorted(ROLES))}, separated by commas")
        return value

    @field_validator("retention_days")
    @classmethod
    def _kept_while_alive(cls, value: int, info: ValidationInfo) -> int:
        wait = info.data.get("receipt_wait_hours", 0)  # not there when it is wrong itself
        least = math.ceil((_LONGEST_TTL_HOURS + wait + _CORRECTION_HOURS) / 24)
        if 0 < value < least:
            raise ValueError(f"must be 0, or {least} at least: so long may a message live")
        return value

    @field_validator("queue_url")
    @classmethod
    def _known_queue(cls, value: str) -> str:
        if not value.startswith(("memory://", "redis://", "rediss://", "unix://")):
            raise ValueError("must start with memory://, redis://, rediss:// or unix://")
        return value

    @property
    def roles(self) -> frozenset[str]:
        """What this process does."""
        return ROLES if self.role == "all" else frozenset(self.role.split(","))

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'heliograph.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- pydantic's signature; .env files are not read
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources = [init_settings, env_settings, file_secret_settings]
        if path := os.environ.get(CONFIG_FILE_VARIABLE):
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=Path(path)))
        return tuple(sources)
