"""What an operator sets for one SMPP connector. The console's form and the documentation are made from this model."""

from __future__ import annotations

import re
import warnings
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from carriers.smpp.config import SessionConfig
from carriers.smpp.status import StatusClass  # noqa: TC001 -- pydantic reads the annotation at run time
from carriers.text import TextProfile

SPEC_PASSWORD_LIMIT = 8  # SMPP 3.4 section 5.2.2
PASSWORD_FIELD = 64  # what our PDUs hold


def _is_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression ({error}); write one such as ^55") from None
    return value


Seconds = Annotated[float, Field(gt=0, le=3600)]
Octet = Annotated[int, Field(ge=0, le=255)]
TonNpi = tuple[Octet, Octet]
BindMode = Literal["trx", "tx+rx", "tx", "rx"]
BindKind = Literal["trx", "tx", "rx"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Host(_Frozen):
    """One address of the carrier's SMSC."""

    host: str = Field(min_length=1, description="Host name or IP address; every A and AAAA record of a name is tried.")
    port: int = Field(default=2775, ge=1, le=65535, description="TCP port; 2775 is registered for SMPP.")
    priority: int = Field(default=0, ge=0, description="Lower is tried first; equal ones share the load by weight.")
    weight: int = Field(default=1, ge=1, description="Share among hosts of equal priority.")


class ShortCodeRule(_Frozen):
    """How the carrier wants certain short codes addressed."""

    pattern: Annotated[str, AfterValidator(_is_pattern)] = Field(
        description="Regular expression that the digits begin with."
    )
    ton_npi: TonNpi = Field(description="Type of number and numbering plan for those short codes.")


class SmppSettings(_Frozen):
    """One SMPP account at a carrier."""

    # where
    host: str = Field(default="", description="The SMSC's host name or IP address. Leave empty when hosts is used.")
    port: int = Field(default=2775, ge=1, le=65535, description="The SMSC's TCP port.")
    hosts: tuple[Host, ...] = Field(default=(), description="Several addresses of the SMSC, instead of host and port.")
    connect_timeout: Seconds = Field(default=10.0, description="Seconds for TCP to connect, and again for TLS.")

    # TLS
    tls: bool = Field(default=False, description="Speak TLS 1.2 or later. Carriers use ports such as 3550 or 8887.")
    tls_ca_file: str = Field(default="", description="File of CA certificates in PEM; empty for the system's own.")
    tls_client_cert: str = Field(default="", description="File with our certificate and its chain in PEM, if demanded.")
    tls_client_key: str = Field(
        default="", description="File with the key of tls_client_cert; empty if it is in there."
    )
    tls_verify: bool = Field(default=True, description="Check the certificate. Turn off only together with tls_pin.")
    tls_check_host_name: bool = Field(default=True, description="Check that the certificate names the host.")
    tls_server_name: str = Field(default="", description="Name to ask for (SNI) and to check; empty for the host.")
    tls_pin: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9+/]{43}=)?$",
        description="Base64 of SHA-256 over the SMSC's public key (SPKI); another key is refused.",
    )

    # who
    system_id: str = Field(min_length=1, max_length=15, description="The account's name at the carrier.")
    password: SecretStr = Field(default=SecretStr(""), description="The account's password.")
    password_limit: int = Field(
        default=SPEC_PASSWORD_LIMIT,
        ge=0,
        le=PASSWORD_FIELD,
        description="Longest password the carrier takes; a longer one is sent whole, with a warning. SMPP says 8.",
    )
    system_type: str = Field(default="", max_length=12, description="As the carrier prescribes; mostly empty.")
    interface_version: Literal[0x33, 0x34, 0x50] = Field(
        default=0x34, description="SMPP version to bind with, as 52 (3.4)."
    )
    address_range: str = Field(default="", max_length=40, description="Only when the carrier prescribes one.")
    address_ton_npi: TonNpi = Field(default=(0, 0), description="Type of number and plan of address_range.")

    # links
    bind: BindMode = Field(default="trx", description="trx, or tx+rx where the carrier wants a pair; tx or rx alone.")
    binds: int = Field(default=1, ge=1, le=64, description="Number of binds, or of pairs. Carriers allow few: ask.")
    bind_interval: float = Field(default=2.0, ge=0, le=60, description="Least seconds between two bind attempts.")
    backoff_cap: Seconds = Field(default=60.0, description="Most seconds between attempts to reconnect.")

    # flow
    window: int = Field(
        default=10, ge=1, le=1000, description="Unanswered submits per bind: window = rate x round trip."
    )
    inbound_window: int = Field(default=100, ge=1, le=10_000, description="Unacknowledged receipts and texts per bind.")
    rate: float | None = Field(default=None, gt=0, description="Segments a second the carrier allows for the account.")
    throttle_pause: float = Field(default=1.0, ge=0.01, le=60, description="Seconds of silence after RTHROTTLED.")

    # timers
    bind_timeout: Seconds = Field(default=10.0, description="Seconds to wait for the answer to a bind.")
    enquire_link_interval: Seconds = Field(
        default=20.0, description="Seconds of silence in either direction before enquire_link; carriers cut at 30."
    )
    enquire_link_timeout: Seconds = Field(default=10.0, description="Seconds from enquire_link to a sign of life.")
    response_timeout: Seconds = Field(default=30.0, description="Seconds until a submit without answer is UNKNOWN.")
    late_grace: float = Field(default=120.0, ge=0, le=3600, description="Seconds after that in which an answer counts.")
    unbind_timeout: Seconds = Field(default=5.0, description="Seconds to wait for the answer to unbind.")
    deliver_timeout: Seconds = Field(
        default=25.0, description="Seconds to store a receipt or text before asking for it again."
    )

    # messages
    long_mode: Literal["udh8", "udh16", "sar", "payload"] = Field(
        default="udh8", description="How long texts are split."
    )
    default_alphabet: Literal["gsm7", "latin1", "ascii"] = Field(
        default="gsm7", description="What data_coding 0 means."
    )
    max_parts: int = Field(default=10, ge=1, le=255, description="Most parts of one text.")
    short_code_ton_npi: TonNpi = Field(default=(3, 0), description="Type of number and plan of short codes.")
    short_code_rules: tuple[ShortCodeRule, ...] = Field(default=(), description="Exceptions to short_code_ton_npi.")
    service_type: str = Field(default="", max_length=5, description="As the carrier prescribes; mostly empty.")
    registered_delivery: Octet = Field(
        default=1, description="1 asks for final receipts, 17 for intermediate ones too."
    )
    esm_mode: Literal[0, 1, 2, 3] = Field(default=0, description="Messaging mode: 0 is the SMSC's own default.")
    protocol_id: Octet = Field(default=0, description="As the carrier prescribes.")
    priority_flag: Octet = Field(default=0, description="0 to 3, as the carrier prescribes.")
    country_tlvs: dict[str, int] = Field(
        default_factory=dict,
        description="TLVs that carry what a country asks of a message, tags by the name that apps give it: India's "
        "DLT has IN_ENTITY_ID and IN_TEMPLATE_ID, mostly in 5120 and 5121 (0x1400, 0x1401). Left out, they stay here.",
    )
    send_tlvs: bool = Field(default=True, description="Off for an SMSC of version 3.3, which knows no TLVs.")

    # answers and receipts
    status_classes: dict[int, StatusClass] = Field(
        default_factory=dict, description="What single command_status numbers mean at this carrier, where it differs."
    )
    opted_out_errors: frozenset[str] = Field(
        default=frozenset(),
        description="Errors in receipts (err:, as written) that say that the person has opted out at this carrier.",
    )
    receipt_text_with_esm_0: bool = Field(default=True, description="Take a text for a receipt when it reads like one.")
    id_base: Literal["auto", "same", "hex_to_dec", "dec_to_hex"] = Field(
        default="auto", description="How ids in receipts differ from those in answers; auto learns it."
    )
    inbound_id_tag: int = Field(default=0x001E, ge=0, le=0xFFFF, description="TLV with the carrier's id of a text.")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if bool(self.host) == bool(self.hosts):
            raise ValueError("host: give either host or hosts, and not both")
        if not self.send_tlvs and self.long_mode in {"sar", "payload"}:
            raise ValueError(f"long_mode: {self.long_mode} needs TLVs; choose udh8 or udh16, or turn send_tlvs on")
        if not self.tls_verify and self.tls and not self.tls_pin:
            raise ValueError("tls_verify: may be off only with tls_pin, else anyone could answer")
        self._check_password()
        return self

    def _check_password(self) -> None:
        octets = len(self.password.get_secret_value().encode())
        if octets > PASSWORD_FIELD:
            raise ValueError(f"password: at most {PASSWORD_FIELD} octets can be sent")
        if octets > self.password_limit:
            warnings.warn(
                f"password: longer than the {self.password_limit} octets of password_limit; it is sent whole",
                stacklevel=2,
            )

    @property
    def text_profile(self) -> TextProfile:
        """How this carrier wants texts split."""
        return TextProfile(self.long_mode, self.default_alphabet, self.max_parts)

    @property
    def addresses(self) -> tuple[Host, ...]:
        return self.hosts or (Host(host=self.host, port=self.port),)

    @property
    def kinds(self) -> tuple[BindKind, ...]:
        """The kind of each link, in order."""
        pair: tuple[BindKind, ...] = ("tx", "rx") if self.bind == "tx+rx" else (self.bind,)
        return pair * self.binds

    def session_config(self, kind: BindKind) -> SessionConfig:
        """What a session of one link is told."""
        ton, npi = self.address_ton_npi
        return SessionConfig(
            bind=kind,
            system_id=self.system_id,
            password=self.password.get_secret_value(),
            system_type=self.system_type,
            interface_version=self.interface_version,
            address_range=self.address_range,
            address_ton=ton,
            address_npi=npi,
            window=self.window,
            inbound_window=self.inbound_window,
            bind_timeout=self.bind_timeout,
            enquire_link_interval=self.enquire_link_interval,
            enquire_link_timeout=self.enquire_link_timeout,
            response_timeout=self.response_timeout,
            late_grace=self.late_grace,
            unbind_timeout=self.unbind_timeout,
        )
