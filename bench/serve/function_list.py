"""ListFunctions in pages, which moto has not."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from bench.serve.control_plane import ServedLambda
from bench.serve.requirements import invalid, unfit

#: Lambda's pages are never larger, whatever ``MaxItems`` is.
_PAGE = 50
_MAX_ITEMS = 10_000


def function_list(plane: ServedLambda, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The page that a query asks for, by the order of ARNs, and where the next one begins.

    Raises:
        ServiceError: 400, ``MaxItems`` or ``Marker`` is none.
    """
    after = _after(query.get("Marker", [""])[0])
    size = _size(query.get("MaxItems", [str(_PAGE)])[0])
    functions = plane.list_functions(query.get("FunctionVersion", [None])[0])
    found = {str(f.function_arn): f for f in functions}
    arns = sorted(arn for arn in found if arn > after)
    page = {"Functions": [found[arn].get_configuration() for arn in arns[:size]]}
    if len(arns) <= size:
        return page
    return {**page, "NextMarker": base64.urlsafe_b64encode(arns[size - 1].encode()).decode()}


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MAX_ITEMS):
        raise unfit(f"Value '{text}' at 'maxItems' is not in [1, {_MAX_ITEMS}]")
    return min(int(text), _PAGE)


def _after(marker: str) -> str:
    """The ARN after which a page begins."""
    try:
        return base64.urlsafe_b64decode(marker).decode()
    except ValueError:
        raise invalid(f"The pagination token `{marker}` is none of this endpoint's") from None
