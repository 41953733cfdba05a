"""The database: the truth of the house."""
