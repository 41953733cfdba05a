"""Takes what is queued to the carriers, and notices what time does: schedules, retries, expiry."""
