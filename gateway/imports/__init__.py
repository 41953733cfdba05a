"""Taking over what another service knows: read it, say what would be done here, do it."""
