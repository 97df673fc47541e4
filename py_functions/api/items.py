"""Items of a shop: the rules of their fields, and the store that keeps them."""

from __future__ import annotations

import re
from typing import Any

from gateway import ApiError, ValidationError

NAME_MAX = 100
PRICE_MAX_CENTS = 100_000_000
TAGS_MAX = 10
LIMIT_MAX = 100
LIMIT_DEFAULT = 20

_TAG = re.compile(r"[a-z0-9-]{1,32}")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")

_NAME_RULE = f"name must be a string of 1 to {NAME_MAX} characters"
_PRICE_RULE = f"price_cents must be an integer from 0 to {PRICE_MAX_CENTS}"
_TAGS_RULE = (
    f"tags must be a list of at most {TAGS_MAX} different tags, each 1 to 32 of a-z, 0-9 and -"
)
_FIELDS = ("name", "price_cents", "tags")

Item = dict[str, Any]
Details = list[tuple[str, str]]


def parse_id(text: str) -> int:
    """Read an item's id from a path.

    Raises:
        ValidationError: not a whole number in range, or not in its canonical form.
    """
    if not _NUMBER.fullmatch(text):
        raise ValidationError([("id", "id must be a whole number from 1 to 999999999")])
    return int(text)


def parse_fields(body: dict[str, object]) -> Item:
    """Check the fields that a client may set; ``name`` loses surrounding white space.

    Raises:
        ValidationError: with every field that is wrong, missing or unknown.
    """
    details: Details = []
    name = body.get("name")
    name = name.strip() if isinstance(name, str) else ""
    if "name" not in body:
        details.append(("name", "name is required"))
    elif not 1 <= len(name) <= NAME_MAX:
        details.append(("name", _NAME_RULE))

    price = body.get("price_cents")
    if "price_cents" not in body:
        details.append(("price_cents", "price_cents is required"))
    # type() and not isinstance(): True is an int.
    elif type(price) is not int or not 0 <= price <= PRICE_MAX_CENTS:
        details.append(("price_cents", _PRICE_RULE))

    tags = body.get("tags", [])
    if not _are_tags(tags):
        details.append(("tags", _TAGS_RULE))

    details += [(key, "unknown field") for key in sorted(body.keys() - set(_FIELDS))]
    if details:
        raise ValidationError(details)
    return {"name": name, "price_cents": price, "tags": tags}


def _are_tags(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= TAGS_MAX
        and all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in value)
        and len(set(value)) == len(value)
    )


class Selection:
    """Which items a list request asks for: at most ``limit``, after an id, with all tags."""

    def __init__(self, limit: int, after: int, tags: list[str]) -> None:
        self.limit = limit
        self.after = after
        self.tags = tags


def parse_selection(query: dict[str, str]) -> Selection:
    """Read the query parameters of a list request; those with another name are ignored.

    Raises:
        ValidationError: with every parameter that is wrong.
    """
    details: Details = []
    limit = query.get("limit", str(LIMIT_DEFAULT))
    if not _NUMBER.fullmatch(limit) or int(limit) > LIMIT_MAX:
        details.append(("limit", f"limit must be a whole number from 1 to {LIMIT_MAX}"))
    after = query.get("after")
    if after is not None and not _NUMBER.fullmatch(after):
        details.append(("after", "after must be a whole number from 1 to 999999999"))
    tags = query["tag"].split(",") if "tag" in query else []
    if not all(_TAG.fullmatch(tag) for tag in tags):
        details.append(("tag", "tag must be 1 to 32 of a-z, 0-9 and -"))
    if details:
        raise ValidationError(details)
    return Selection(int(limit), int(after or 0), tags)


class Store:
    """Items in memory, in the order of their ids; they live as long as the environment."""

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}
        self._last_id = 0

    def create(self, fields: Item) -> Item:
        """Keep a new item under the next id, which is never used again."""
        self._last_id += 1
        item = {"id": str(self._last_id), **fields, "version": 1}
        self._items[self._last_id] = item
        return item

    def read(self, item_id: int) -> Item:
        """Find one item.

        Raises:
            ApiError: 404; there is none with this id.
        """
        try:
            return self._items[item_id]
        except KeyError:
            raise ApiError(404, "not_found", f"no item with id {item_id}") from None

    def update(self, item_id: int, fields: Item) -> Item:
        """Replace the fields of an item and count its version up.

        Raises:
            ApiError: 404; there is none with this id.
        """
        version = self.read(item_id)["version"] + 1
        self._items[item_id] = {"id": str(item_id), **fields, "version": version}
        return self._items[item_id]

    def delete(self, item_id: int) -> None:
        """Forget an item.

        Raises:
            ApiError: 404; there is none with this id.
        """
        self.read(item_id)
        del self._items[item_id]

    def select(self, selection: Selection) -> Item:
        """Find one page of items, and the id to continue after, or None on the last page."""
        found = [
            item
            for item_id, item in self._items.items()
            if item_id > selection.after and all(tag in item["tags"] for tag in selection.tags)
        ]
        page = found[: selection.limit]
        return {"items": page, "next_after": page[-1]["id"] if len(found) > len(page) else None}


def seed_store() -> Store:
    """Make a store with the items that a new environment begins with."""
    store = Store()
    store.create({"name": "Espresso cup", "price_cents": 1250, "tags": ["kitchen", "ceramic"]})
    store.create({"name": "Desk lamp", "price_cents": 4900, "tags": ["office", "lighting"]})
    store.create({"name": "Notebook, dotted", "price_cents": 890, "tags": ["office", "paper"]})
    return store
