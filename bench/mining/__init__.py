"""Cold starts in production logs: what Lambda has already measured, read and summed up."""
