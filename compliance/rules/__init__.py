"""The rules, one a file: ``check(facts) -> Verdict``, pure. ``compliance.engine.RULES`` lists them in order.

A rule that allows answers with a constant, because nearly every message is allowed. Its docstring shows one message
that passes and one that does not, and names its source; ``tests/compliance/rules/<rule>.yaml`` is its table.
"""
