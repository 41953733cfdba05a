"""The command line: one module a group of commands. ``gateway.cli.root`` puts them together."""
