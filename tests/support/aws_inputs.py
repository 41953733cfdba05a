"""Inputs made up from AWS's model: every shape has its own values, at random, within what the model allows.

``Inputs`` remembers what the server has answered: where a member is asked for that an answer had, such as PoolId, it
mostly gives what is there, so that operations meet resources in all their states.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from botocore.model import Shape

_PARSER = re._parser  # type: ignore[attr-defined]
_CLASSES = {
    "CATEGORY_DIGIT": string.digits, "CATEGORY_SPACE": " ", "CATEGORY_WORD": string.ascii_letters + string.digits + "_",
    "CATEGORY_NOT_SPACE": string.ascii_letters + string.digits + "-é→",
}  # fmt: skip
_MOST = 3  # entries of a list, repetitions without end

# What random characters would never hit: numbers that exist, countries that have numbers, and the like.
LIKELY = {
    "PhoneNumber": ["+12065550142", "+12065550143", "+447400123456", "12065550144"],
    "CarrierLookupInputPhoneNumberType": ["+12065550142", "+44 (7400) 123456", "+33612345678"],
    "IsoCountryCode": ["US", "GB", "CA"],
    "OriginationIdentity": ["+12065550100", "ACME"],
    "OptOutListName": ["Default"],
    "MessageBody": ["Your code is 123456."],
    "Keyword": ["JOIN", "STOP", "HELP"],
    "TopicArn": ["arn:aws:sns:us-east-1:123456789012:events"],
    "LogGroupArn": ["arn:aws:logs:us-east-1:123456789012:log-group:events"],
    "DeliveryStreamArn": ["arn:aws:firehose:us-east-1:123456789012:deliverystream/events"],
    "IamRoleArn": ["arn:aws:iam::123456789012:role/events"],
    "TwoWayChannelArn": ["arn:aws:sns:us-east-1:123456789012:replies"],
    "RegistrationType": ["US_TOLL_FREE_REGISTRATION", "US_TEN_DLC_BRAND_REGISTRATION"],
    "AttachmentUrl": ["s3://bucket/file.pdf"],
}


class Inputs:
    """Makes inputs, and remembers answers."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.seen: dict[str, list[Any]] = {}

    def of(self, shape: Shape, share: float) -> dict[str, Any]:
        """An input for an operation: what it must have, and ``share`` of what it may."""
        return self._structure(shape, share, 0)

    def remember(self, answer: Any) -> None:
        if isinstance(answer, dict):
            for name, value in answer.items():
                if isinstance(value, str) and name not in {"NextToken", "Status"}:
                    self.seen.setdefault(name, []).append(value)
                self.remember(value)
        elif isinstance(answer, list):
            for one in answer:
                self.remember(one)

    def _structure(self, shape: Any, share: float, depth: int) -> dict[str, Any]:
        chosen = [
            name
            for name in shape.members
            if name in shape.required_members or (depth < 3 and self.rng.random() < share)
        ]
        return {name: self._member(name, shape.members[name], share, depth) for name in chosen if name != "NextToken"}

    def _member(self, name: str, shape: Any, share: float, depth: int) -> Any:
        known = [*self.seen.get(name, ())[-8:], *LIKELY.get(name, LIKELY.get(shape.name, ()))]
        if shape.type_name == "string" and not shape.enum and known and self.rng.random() < 0.85:
            return self.rng.choice(known)
        if shape.type_name == "list" and (one := name.removesuffix("s")) in self.seen and self.rng.random() < 0.7:
            return [self.rng.choice(self.seen[one][-8:])]
        return self._value(shape, share, depth + 1)

    def _value(self, shape: Any, share: float, depth: int) -> Any:
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
        made: dict[str, Callable[[], Any]] = {
            "structure": lambda: self._structure(shape, share, depth),
            "list": lambda: [self._value(shape.member, share, depth) for _ in range(self._size(max(1, least), most))],
            "map": lambda: {
                self._value(shape.key, share, depth): self._value(shape.value, share, depth)
                for _ in range(self._size(least, most))
            },
            "boolean": lambda: self.rng.random() < 0.5,
            "integer": lambda: self.rng.randint(least, most if most is not None else 100),
            "long": lambda: self.rng.randint(least, most if most is not None else 100),
            "double": lambda: self.rng.uniform(max(least, 0), most if most is not None else 100),
            "timestamp": lambda: 1_900_000_000 + self.rng.randrange(1000),
            "blob": lambda: b"%PDF-1.7 " + self.rng.randbytes(20),
            "string": lambda: self._text(shape, least, most),
        }
        return made[shape.type_name]()

    def _size(self, least: int, most: int | None) -> int:
        return self.rng.randint(least, max(least, min(_MOST, most if most is not None else _MOST)))

    def _text(self, shape: Any, least: int, most: int | None) -> str:
        if shape.enum:
            return self.rng.choice(shape.enum)
        pattern = shape.metadata.get("pattern", "[a-zA-Z0-9 ]+")
        for _ in range(500):
            found = "".join(self._matching(_PARSER.parse(pattern)))
            found += found * (-(-least // max(1, len(found))) - 1) if len(found) < least else ""
            found = found[:most] if most else found
            if len(found) >= least and re.fullmatch(pattern, found):
                return found
        raise AssertionError(f"nothing found for {shape.name}: {pattern}")

    def _matching(self, tree: Any) -> list[str]:
        return [self._node(str(op), argument) for op, argument in tree]

    def _node(self, op: str, argument: Any) -> str:
        made: dict[str, Callable[[], str]] = {
            "LITERAL": lambda: chr(argument),
            "ANY": lambda: self.rng.choice(string.ascii_letters),
            "IN": lambda: self._one_of(argument),
            "BRANCH": lambda: "".join(self._matching(self.rng.choice(argument[1]))),
            "SUBPATTERN": lambda: "".join(self._matching(argument[-1])),
            "MAX_REPEAT": lambda: self._repeated(*argument),
        }
        return made[op]() if op in made else ""  # whether an anchor or look-ahead holds is seen at the end

    def _repeated(self, least: int, most: Any, tree: Any) -> str:
        times = self.rng.randint(least, min(int(most), least + 12))
        return "".join("".join(self._matching(tree)) for _ in range(times))

    def _one_of(self, members: Any) -> str:
        found: list[str] = []
        for op, argument in members:
            if str(op) == "LITERAL":
                found.append(chr(argument))
            elif str(op) == "RANGE":
                found.append(chr(self.rng.randint(*argument)))
            elif str(op) == "CATEGORY":
                found.append(self.rng.choice(_CLASSES[str(argument)]))
        return self.rng.choice(found)
