"""One module a resource, one function an operation, found by its name: ``CreatePool`` is ``create_pool``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore import xform_name

from gateway.api.aws.model import operations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.api.aws.call import Call

Handler: TypeAlias = "Callable[[Call], Awaitable[Mapping[str, Any]]]"


@cache
def handlers() -> Mapping[str, Handler]:
    """The handler of each operation that is offered, by the operation's name."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    wanted = {xform_name(name): name for name in operations()}
    return {
        wanted[name]: function
        for module in modules
        for name, function in vars(module).items()
        if name in wanted and function.__module__ == module.__name__
    }
