"""The smallest function: what the runtime alone costs."""

from __future__ import annotations

NAME_MAX = 100


class InvalidEventError(ValueError):
    """The event is not ``{"name": "…"}``; the message says what is wrong with it."""


def lambda_handler(event: object, context: object) -> dict[str, str]:
    """Greet the event's ``name``, or the world.

    Raises:
        InvalidEventError: the event is not an object, or the name is not 1 to 100 characters.
    """
    if not isinstance(event, dict):
        raise InvalidEventError("the event must be a JSON object")
    name = event.get("name", "world")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= NAME_MAX:
        raise InvalidEventError(f"name must be a string of 1 to {NAME_MAX} characters")
    return {"message": f"Hello, {name.strip()}!"}
