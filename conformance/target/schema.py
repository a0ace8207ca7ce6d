"""The JSON Schema of ``conformance.toml``, for editors: generated from the models, shipped beside them.

python -m conformance.target.schema        writes the shipped file anew
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from conformance.contract.catalogue import catalogue
from conformance.target.description import ConfigurationFile

SHIPPED = Path(__file__).with_name("conformance.schema.json")


class _Generator(GenerateJsonSchema):
    """Knows that the one class which is no model, ``Secret``, is written as a string."""

    def is_instance_schema(self, schema: Any) -> JsonSchemaValue:
        """The schema of a secret; its pattern comes from the description."""
        return {"type": "string"}


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12), with the contract's features as choices."""
    made = ConfigurationFile.model_json_schema(schema_generator=_Generator)
    made["$defs"]["Target"]["properties"]["features"]["items"] = {
        "oneOf": [{"const": name, "description": meaning} for name, meaning in sorted(catalogue().features.items())]
    }
    return {"$schema": _Generator.schema_dialect, **made, "title": "conformance.toml"}


def text() -> str:
    """The schema as the shipped file has it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SHIPPED.write_text(text(), encoding="utf-8")
