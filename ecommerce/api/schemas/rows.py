"""What the schemas of responses share."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema


def string_enum(*choices: str) -> WithJsonSchema:
    """List a string's values in the documentation, without validating them on the way out."""
    return WithJsonSchema({"type": "string", "enum": list(choices)})


class FromRow(BaseModel):
    """Read from a row's own attributes.

    ninja's Schema reads them through a getter, and once more when the route returns: a page of 100 orders took half
    as long again.
    """

    model_config = ConfigDict(from_attributes=True)


Percent = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value.normalize():f}", return_type=str),
    WithJsonSchema({"type": "string"}),
]
