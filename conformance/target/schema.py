"""The JSON Schema of ``conformance.toml``, for editors, generated from the models and shipped with the package.

``python -m conformance.target.schema`` rewrites the shipped file.
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
    """Describes ``Secret``, the only class that is no model, as a string."""

    def is_instance_schema(self, schema: Any) -> JsonSchemaValue:
        """Return the schema of a secret; its pattern comes from the description."""
        return {"type": "string"}


def schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12), with the contract's features as choices."""
    generated = ConfigurationFile.model_json_schema(schema_generator=_Generator)
    generated["$defs"]["Target"]["properties"]["features"]["items"] = {
        "oneOf": [{"const": name, "description": meaning} for name, meaning in sorted(catalogue().features.items())]
    }
    return {"$schema": _Generator.schema_dialect, **generated, "title": "conformance.toml"}


def text() -> str:
    """Return the schema as the shipped file contains it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SHIPPED.write_text(text(), encoding="utf-8")
