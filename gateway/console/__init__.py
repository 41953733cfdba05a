"""What staff see: pages rendered here, forms that work without script, one stylesheet."""

from __future__ import annotations

from gateway.console.routes import add_console

__all__ = ["add_console"]
