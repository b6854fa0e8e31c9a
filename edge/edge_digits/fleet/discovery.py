"""What Home Assistant needs to know of a board, so that it appears there by itself.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

from __future__ import annotations

import json
from typing import Any

from edge_digits import __version__
from edge_digits.fleet.address import Topics

#: What Home Assistant listens to unless it was told otherwise.
PREFIX = "homeassistant"


def messages(topics: Topics, *, prefix: str, model: str, expire_after: int) -> dict[str, bytes]:
    """The retained messages of a board, by topic.

    Args:
        topics: of the board.
        prefix: what Home Assistant listens to.
        model: of the board: "Raspberry Pi 5".
        expire_after: seconds after which a value that is not repeated is no longer known.
    """
    node = f"edge-digits-{topics.board}".replace(".", "_")  # dots may not stand in these topics
    common: dict[str, Any] = {
        "availability_topic": topics.of("available"),
        "device": {
            "identifiers": [node],
            "name": topics.board,
            "manufacturer": "edge-digits",
            "model": model,
            "sw_version": __version__,
        },
        "origin": {"name": "edge-digits", "sw_version": __version__},
    }
    health = {"state_topic": topics.of("health"), "entity_category": "diagnostic", "expire_after": expire_after}
    value = {
        "name": "Reading",
        "state_topic": topics.of("value"),
        "json_attributes_topic": topics.of("result"),
        "expire_after": expire_after,
        "icon": "mdi:counter",
    }
    temperature = {
        **health,
        "name": "Temperature",
        "value_template": "{{ value_json.temperature_c }}",
        "device_class": "temperature",
        "unit_of_measurement": "°C",
    }
    camera = {
        **health,
        "name": "Camera",
        "value_template": "{{ 'ON' if value_json.camera_lost else 'OFF' }}",
        "device_class": "problem",
    }
    throttled = {
        **health,
        "name": "Throttled",
        "value_template": "{{ 'ON' if (value_json.throttled or 0) % 16 else 'OFF' }}",
        "device_class": "problem",
    }
    entities = [
        ("sensor", "value", value),
        ("sensor", "temperature", temperature),
        ("binary_sensor", "camera", camera),
        ("binary_sensor", "throttled", throttled),
    ]
    return {
        f"{prefix}/{kind}/{node}/{name}/config": json.dumps(
            {**common, **entity, "unique_id": f"{node}-{name}"}, ensure_ascii=False
        ).encode()
        for kind, name, entity in entities
    }
