"""Form-encoded parameters: brackets into nested objects, and the parsers of their values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fake_stripe.errors import ApiError, JsonObject, invalid_parameter

Parser = Callable[[Any, str], Any]

METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
PAGE_SIZE = 100


def words(names: str) -> tuple[str, ...]:
    return tuple(names.split())


def parse(encoded: str) -> JsonObject:
    """`a[b]=1&c[]=2` is {"a": {"b": "1"}, "c": {"0": "2"}}: a list is an object until `array` parses it."""
    tree: JsonObject = {}
    for key, value in parse_qsl(encoded, keep_blank_values=True):
        _insert(tree, key, value)
    return tree


def _insert(tree: JsonObject, key: str, value: str) -> None:
    head, *rest = key.replace("]", "").split("[")
    path = [head, *rest]
    node = tree
    for position, part in enumerate(path):
        name = part or str(len(node))
        if position == len(path) - 1:
            node[name] = value
            return
        node = node.setdefault(name, {})
        if not isinstance(node, dict):
            raise invalid_parameter(f"Invalid hash: {key}", param=head)


def cannot_unset(param: str) -> ApiError:
    return invalid_parameter(
        f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{param}' cannot be unset. You should remove '{param}' from your request or supply a non-empty "
        "value.",
        param=param,
        code="parameter_invalid_empty",
    )


def text(limit: int = 5000, *, clearable: bool = False) -> Parser:
    def check(value: Any, param: str) -> str | None:
        if not isinstance(value, str):
            raise invalid_parameter(f"Invalid string: {_quoted(value)}", param=param, code="parameter_invalid_string")
        if not value.strip():
            _check_clearable(param, clearable=clearable)
            return None
        if len(value) > limit:
            raise invalid_parameter(
                f"Invalid string: {value[:6]}…{value[-4:]}; must be at most {limit} characters", param=param
            )
        return value

    return check


def _check_clearable(param: str, *, clearable: bool) -> None:
    if not clearable:
        raise cannot_unset(param)


def _quoted(value: Any) -> str:
    return str(value).replace("'", '"')


def integer(minimum: int | None = None, maximum: int | None = None) -> Parser:
    def check(value: Any, param: str) -> int:
        number = _number(value, param)
        if minimum is not None and number < minimum:
            raise _out_of_range(f"This value must be greater than or equal to {minimum}.", param)
        if maximum is not None and number > maximum:
            raise _out_of_range(f"This value must be less than or equal to {maximum}.", param)
        return number

    return check


def _out_of_range(message: str, param: str) -> ApiError:
    return invalid_parameter(message, param=param, code="parameter_invalid_integer")


def _number(value: Any, param: str) -> int:
    if value == "":
        raise cannot_unset(param)
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    if not (digits.isascii() and digits.isdigit()):
        raise invalid_parameter(f"Invalid integer: {_quoted(value)}", param=param, code="parameter_invalid_integer")
    return int(value)


def boolean(value: Any, param: str) -> bool:
    if value == "":
        raise cannot_unset(param)
    if value not in {"true", "false"}:
        raise invalid_parameter(f"Invalid boolean: {_quoted(value)}", param=param)
    return bool(value == "true")


def choice(*values: str, clearable: bool = False) -> Parser:
    def check(value: Any, param: str) -> str | None:
        if value == "":
            _check_clearable(param, clearable=clearable)
            return None
        if value not in values:
            listed = f"{', '.join(values[:-1])}, or {values[-1]}" if len(values) > 1 else values[0]
            raise invalid_parameter(f"Invalid {param}: must be one of {listed}", param=param)
        return str(value)

    return check


def either(first: Parser, second: Parser) -> Parser:
    def check(value: Any, param: str) -> Any:
        try:
            return first(value, param)
        except ApiError:
            return second(value, param)

    return check


def array(kind: Parser) -> Parser:
    def check(value: Any, param: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise invalid_parameter("Invalid array", param=param, code="parameter_invalid_array")
        return [kind(value[key], f"{param}[{key}]") for key in sorted(value, key=int)]

    return check


@dataclass(frozen=True)
class Schema:
    fields: Mapping[str, Parser]
    required: tuple[str, ...] = ()

    def __call__(self, value: Any, param: str) -> JsonObject:
        if not isinstance(value, dict):
            raise invalid_parameter("Invalid object", param=param, code="parameter_invalid_object")
        return self.check(value, prefix=param)

    def check(self, params: JsonObject, *, prefix: str = "") -> JsonObject:
        self._refuse_unknown(params, prefix)
        clean = {name: self.fields[name](value, _named(prefix, name)) for name, value in params.items()}
        for name in self.required:
            if name not in clean:
                param = _named(prefix, name)
                raise invalid_parameter(f"Missing required param: {param}.", param=param, code="parameter_missing")
        return clean

    def _refuse_unknown(self, params: JsonObject, prefix: str) -> None:
        unknown = [_named(prefix, name) for name in params if name not in self.fields]
        if unknown:
            plural = "s" if len(unknown) > 1 else ""
            raise invalid_parameter(
                f"Received unknown parameter{plural}: {', '.join(unknown)}", param=unknown[0], code="parameter_unknown"
            )


def _named(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def nested(fields: Mapping[str, Parser], *, required: tuple[str, ...] = (), clearable: bool = False) -> Parser:
    schema = Schema(fields, required)

    def check(value: Any, param: str) -> JsonObject | None:
        if value == "":
            _check_clearable(param, clearable=clearable)
            return None
        return schema(value, param)

    return check


def metadata(value: Any, param: str) -> JsonObject:
    if value == "":
        return {"": None}
    if not isinstance(value, dict):
        raise invalid_parameter("Invalid object", param=param, code="parameter_invalid_object")
    if len(value) > METADATA_KEYS:
        raise invalid_parameter(f"Metadata can have at most {METADATA_KEYS} keys.", param=param)
    return {key: _metadatum(key, item, param) for key, item in value.items()}


def _metadatum(key: str, value: Any, param: str) -> str | None:
    named = f"{param}[{key}]"
    if not isinstance(value, str):
        raise invalid_parameter("Metadata values must be strings", param=named)
    for what, item, limit in (("keys", key, METADATA_KEY_LENGTH), ("values", value, METADATA_VALUE_LENGTH)):
        if len(item) > limit:
            raise invalid_parameter(
                f"Metadata {what} can have up to {limit} characters, but you passed in a {what[:-1]} that is "
                f"{len(item)} characters. Invalid {what[:-1]}: {item}",
                param=named,
            )
    return value or None


def merge_metadata(old: Mapping[str, str], new: Mapping[str, str | None]) -> dict[str, str]:
    """An empty value removes a key, an empty key all old ones."""
    both = {**({} if "" in new else old), **new}
    return {key: value for key, value in both.items() if key and value is not None}


def _refuse(_value: Any, param: str) -> None:
    raise invalid_parameter(f"The fake Stripe does not simulate {param}.", param=param, code="parameter_not_simulated")


def not_simulated(names: str) -> dict[str, Parser]:
    """Parameters that Stripe knows and the fake Stripe refuses, rather than ignore them silently."""
    return dict.fromkeys(words(names), _refuse)


_bounds = {name: integer() for name in ("gt", "gte", "lt", "lte")}
EXPAND: dict[str, Parser] = {"expand": array(text())}
CURSOR: dict[str, Parser] = {
    **EXPAND,
    "limit": integer(1, PAGE_SIZE),
    "starting_after": text(),
    "ending_before": text(),
}
PAGE: dict[str, Parser] = {**CURSOR, "created": either(nested(_bounds), integer())}
ADDRESS: dict[str, Parser] = {
    name: text(clearable=True) for name in ("city", "country", "line1", "line2", "postal_code", "state")
}
