"""EventBridge whose rules reach functions; moto's reach queues, log groups and buses only."""

from __future__ import annotations

import copy
import json
import time
from typing import Any, cast

from moto.awslambda.utils import get_backend
from moto.events import urls
from moto.events.models import EventPattern, EventsBackend, Rule
from moto.events.utils import EventTemplateParser


class ServedRule(Rule):
    """A rule that also has functions as targets."""

    def send_to_targets(self, original_event: Any, transform_input: bool = True) -> None:
        """Invoke the functions asynchronously, and leave the other targets to moto."""
        pattern: EventPattern = self.event_pattern
        if self.state == "DISABLED" or not pattern.matches_event(original_event):
            return
        functions = [t for t in self.targets if ":lambda:" in t["Arn"]]
        for target in functions:
            region, account = target["Arn"].split(":")[3:5]
            body = json.dumps(_input(target, _dated(original_event)))
            get_backend(account, region).invoke(target["Arn"], None, body, {}, {})
        others = copy.copy(self)
        others.targets = [t for t in self.targets if t not in functions]
        Rule.send_to_targets(others, original_event, transform_input)


class ServedEvents(EventsBackend):
    """moto's EventBridge with our rules."""

    @property
    def _url_module(self) -> Any:
        """Moto derives it from the name of the module that a backend is defined in."""
        return urls

    def put_rule(self, *args: Any, **members: Any) -> Rule:
        """Create or replace a rule."""
        made = super().put_rule(*args, **members)
        served = cast(Rule, ServedRule.__new__(ServedRule))
        served.__dict__ = made.__dict__
        self.event_buses[made.event_bus_name].rules[made.name] = served
        return served


def _dated(event: Any) -> dict[str, Any]:
    """The event with its time as EventBridge writes it; moto has seconds since 1970."""
    seconds = event.get("time")
    if not isinstance(seconds, int | float):
        return dict(event)
    return {**event, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))}


def _input(target: dict[str, Any], event: dict[str, Any]) -> Any:
    """What a target gets of an event: all of it, a constant, a part, or a template filled in."""
    if target.get("Input"):
        return json.loads(target["Input"])
    if target.get("InputPath"):
        found: Any = event
        for name in target["InputPath"].removeprefix("$").strip(".").split("."):
            found = found[name] if name else found
        return found
    transformer = target.get("InputTransformer")
    if not transformer:
        return event
    return EventTemplateParser.parse(
        input_template=transformer["InputTemplate"],
        input_paths_map=transformer.get("InputPathsMap", {}),
        event=cast(Any, event),
    )
