"""What happened, in order: the event record, the append-only log and the destinations it is given to."""
