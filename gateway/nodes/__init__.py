"""Several processes at one database: who lives, and who owns which bind, destination and duty."""
