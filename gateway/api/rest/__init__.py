"""The native JSON API: one table of endpoints drives routing, validation, scopes and the OpenAPI document."""
