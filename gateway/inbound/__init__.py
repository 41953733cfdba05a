"""The way of a text in: assembled, read, acted on and answered, all in one transaction before it is acknowledged."""
