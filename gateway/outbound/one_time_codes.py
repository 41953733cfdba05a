"""The text with a one-time code: the code is kept and its text accepted in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.model import MessageType
from gateway.resources import checks, one_time_codes
from gateway.resources.one_time_codes import Key, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.outbound.accept import Outbound
    from gateway.outbound.request import Accepted, SendRequest
    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

#: By the languages that AWS has (Pinpoint developer guide, send-validate-otp). The English one is the published text;
#: each is one part with the longest code and brand, in whatever script the brand is.
TEXTS: Mapping[str, str] = {
    "de-DE": "Ihr Einmalpasswort von {brand}: {code}",
    "en-GB": "This is your One Time Password: {code} from {brand}",
    "en-US": "This is your One Time Password: {code} from {brand}",
    "es-419": "Tu contraseña de un solo uso de {brand}: {code}",
    "es-ES": "Tu contraseña de un solo uso de {brand}: {code}",
    "fr-CA": "Votre mot de passe à usage unique de {brand} : {code}",
    "fr-FR": "Votre mot de passe à usage unique de {brand} : {code}",
    "it-IT": "La tua password monouso di {brand}: {code}",
    "ja-JP": "{brand}のワンタイムパスワード: {code}",
    "ko-KR": "{brand} 일회용 비밀번호: {code}",
    "pt-BR": "Sua senha de uso único de {brand}: {code}",
    "zh-CN": "{brand}一次性密码 {code}",
    "zh-TW": "{brand}一次性密碼 {code}",
}
LANGUAGE = "en-US"
_LONGEST_BRAND = 20


class Wanted(NamedTuple):
    """A code to be texted."""

    key: Key
    brand: str
    terms: Terms = Terms()
    language: str = LANGUAGE

    def text(self, code: str) -> str:
        """The text with this code. Raises Invalid for a bad brand or an unknown language."""
        brand = checks.line(self.brand, "brand_name", _LONGEST_BRAND)
        return TEXTS[checks.one_of(self.language, TEXTS, "language")].format(brand=brand, code=code)


async def send_code(desk: Desk, outbound: Outbound, wanted: Wanted, asked: SendRequest, now: int) -> Accepted:
    """Text a new code to a person. One whose text a rule refuses is not kept: the last one goes on to count.

    Args:
        desk: where codes are kept.
        outbound: accepts the text.
        wanted: the code, and whom it is for.
        asked: everything else of the text; its number, body, type and time to live are put in here.
        now: microseconds.

    Raises:
        Invalid: the terms, the brand or the language.
        NotFound: the account has nothing of that name to send from; Conflict, when it does not fit.
    """
    key, terms = wanted.key, wanted.terms
    terms.check()
    code = one_time_codes.new_code(terms.code_length)
    request = asked._replace(
        account_id=key.account_id, to=key.phone, body=wanted.text(code), ttl=terms.validity,
        message_type=MessageType.TRANSACTIONAL,
    )  # fmt: skip

    async def work(tx: Tx) -> Accepted:
        accepted = await outbound.accept_in(tx, request)
        if not accepted.refusal:
            await one_time_codes.keep(tx.conn, desk.vault, key, code, terms, now)
        return accepted

    return await desk.store.write(work)
