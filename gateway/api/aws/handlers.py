"""Handlers: one module a resource, one function an operation, found by its name. ``CreatePool`` is ``create_pool``."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore import xform_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from gateway.api.aws.call import Call

Handler: TypeAlias = "Callable[[Call], Awaitable[Mapping[str, Any]]]"


def handlers_in(package: str, path: Iterable[str], operations: Iterable[str]) -> Mapping[str, Handler]:
    """The handlers of these operations in the package's modules, by the operation's name; not all need have one."""
    modules = [importlib.import_module(f"{package}.{found.name}") for found in pkgutil.iter_modules(path)]
    wanted = {xform_name(name): name for name in operations}
    return {
        wanted[name]: function
        for module in modules
        for name, function in vars(module).items()
        if name in wanted and function.__module__ == module.__name__
    }
