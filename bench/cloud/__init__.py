"""Real Lambda: throw-away copies of functions, cold starts of them, and nothing left behind.

boto3 is imported here and nowhere else, and only when a client is made: it is in the extra
``aws``, and the process that measures locally never loads it.
"""
