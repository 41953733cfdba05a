"""The way of a message out: ``accept`` decides and stores, ``claim`` checks again just before it leaves."""
