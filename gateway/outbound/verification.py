"""The text with the code that verifies a number: the code is stored and its text accepted in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model import Purpose
from gateway.resources import verified_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.outbound.accept import Outbound
    from gateway.outbound.request import Accepted, SendRequest
    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

#: By the names that AWS gives the languages (pinpoint-sms-voice-v2 model: LanguageCode). One part each: the code stands
#: last where the language lets it, so that a lock screen shows it.
TEXTS: Mapping[str, str] = {
    "DE_DE": "Ihr Bestätigungscode lautet {code}.",
    "EN_GB": "Your verification code is {code}.",
    "EN_US": "Your verification code is {code}.",
    "ES_419": "Tu código de verificación es {code}.",
    "ES_ES": "Tu código de verificación es {code}.",
    "FR_CA": "Votre code de vérification est le {code}.",
    "FR_FR": "Votre code de vérification est le {code}.",
    "IT_IT": "Il tuo codice di verifica è {code}.",
    "JA_JP": "確認コードは {code} です。",
    "KO_KR": "인증 코드는 {code}입니다.",
    "PT_BR": "Seu código de verificação é {code}.",
    "ZH_CN": "您的验证码是 {code}。",
    "ZH_TW": "您的驗證碼是 {code}。",
}
LANGUAGE = "EN_US"


async def send_code(
    desk: Desk, outbound: Outbound, number_id: str, asked: SendRequest, now: int, language: str = LANGUAGE
) -> Accepted:
    """Text a new code to a number that is to be verified.

    Args:
        desk: where the number is kept.
        outbound: accepts the text.
        number_id: whom to text.
        asked: everything else of the text; its number, body and purpose are put in here.
        now: microseconds.
        language: one of ``TEXTS``.

    Raises:
        NotFound: there is no such number.
        Conflict: it is verified already, it has had its codes of the day, or there is nothing to send from.
    """

    async def work(tx: Tx) -> Accepted:
        row = await verified_numbers.require(tx.conn, asked.account_id, number_id)
        code = await verified_numbers.new_code(tx.conn, row, now)
        body = TEXTS[language].format(code=code)
        request = asked._replace(to=row.phone, body=body, purpose=Purpose.VERIFICATION_CODE)
        return await outbound.accept_in(tx, request)

    return await desk.store.write(work)
