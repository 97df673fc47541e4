"""Create, read, update and delete items behind API Gateway.

``GET POST /items`` and ``GET PUT DELETE /items/{id}``, over the REST (payload format 1.0) and
HTTP (2.0) flavours. ``ALLOWED_ORIGIN`` in the environment restricts CORS to one origin.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway import ApiError, Request, parse_request, respond, respond_error
from items import parse_fields, parse_id, parse_selection, seed_store

Response = dict[str, object]

_STORE = seed_store()


def handler(event: object, context: object) -> Response:
    """Answer one request; a request that cannot be served gets a 4xx answer, not an error."""
    try:
        request = parse_request(event)
        routes, arguments = _resource(request)
        if request.method == "OPTIONS":
            return _preflight(routes)
        if request.method not in routes:
            raise ApiError(
                405,
                "method_not_allowed",
                f"{request.method} is not allowed on {request.path}",
                headers={"Allow": _methods(routes)},
            )
        return routes[request.method](request, *arguments)
    except ApiError as error:
        return respond_error(error)


def _resource(request: Request) -> tuple[dict[str, Callable[..., Response]], tuple[str, ...]]:
    match request.segments:
        case ("items",):
            return _COLLECTION, ()
        case ("items", part):
            # A `{proxy+}` or `$default` route has no parameter of that name.
            return _ITEM, (request.path_parameters.get("id", part),)
    raise ApiError(404, "not_found", f"no resource at {request.path}")


def _methods(routes: dict[str, Callable[..., Response]]) -> str:
    return ", ".join(sorted([*routes, "OPTIONS"]))


def _preflight(routes: dict[str, Callable[..., Response]]) -> Response:
    return respond(
        204,
        headers={
            "Access-Control-Allow-Methods": _methods(routes),
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": "600",
        },
    )


def _list(request: Request) -> Response:
    return respond(200, _STORE.select(parse_selection(request.query)))


def _create(request: Request) -> Response:
    item = _STORE.create(parse_fields(request.json_object()))
    return respond(201, item, {"Location": f"/items/{item['id']}"})


def _read(request: Request, item_id: str) -> Response:
    return respond(200, _STORE.read(parse_id(item_id)))


def _update(request: Request, item_id: str) -> Response:
    number = parse_id(item_id)
    # That the item exists is asked before what is wrong with the body.
    _STORE.read(number)
    return respond(200, _STORE.update(number, parse_fields(request.json_object())))


def _delete(request: Request, item_id: str) -> Response:
    _STORE.delete(parse_id(item_id))
    return respond(204)


_COLLECTION: dict[str, Callable[..., Response]] = {"GET": _list, "POST": _create}
_ITEM: dict[str, Callable[..., Response]] = {"GET": _read, "PUT": _update, "DELETE": _delete}
