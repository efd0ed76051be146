"""Form-encoded parameters: brackets into trees, and what each one may hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fake_stripe.errors import ApiError, Object, malformed

Kind = Callable[[Any, str], Any]

METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
PAGE_SIZE = 100


def words(text_of_words: str) -> tuple[str, ...]:
    """Give the words of a text: long lists of names read better so."""
    return tuple(text_of_words.split())


def parse(encoded: str) -> Object:
    """Turn `a[b]=1&c[]=2` into {"a": {"b": "1"}, "c": {"0": "2"}}: lists stay hashes until a kind asks for one."""
    tree: Object = {}
    for key, value in parse_qsl(encoded, keep_blank_values=True):
        _plant(tree, key, value)
    return tree


def _plant(tree: Object, key: str, value: str) -> None:
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
            raise malformed(f"Invalid hash: {key}", param=head)


def unset(param: str) -> ApiError:
    """Say that a parameter can't be emptied, as Stripe does."""
    return malformed(
        f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{param}' cannot be unset. You should remove '{param}' from your request or supply a non-empty "
        "value.",
        param=param,
        code="parameter_invalid_empty",
    )


def text(limit: int = 5000, *, clearable: bool = False) -> Kind:
    """Take a string of at most `limit` characters; an empty one unsets where that is allowed."""

    def check(value: Any, param: str) -> str | None:
        if not isinstance(value, str):
            raise malformed(f"Invalid string: {_shown(value)}", param=param, code="parameter_invalid_string")
        if not value.strip():
            _may_clear(param, clearable=clearable)
            return None
        if len(value) > limit:
            raise malformed(
                f"Invalid string: {value[:6]}…{value[-4:]}; must be at most {limit} characters", param=param
            )
        return value

    return check


def _may_clear(param: str, *, clearable: bool) -> None:
    if not clearable:
        raise unset(param)


def _shown(value: Any) -> str:
    return str(value).replace("'", '"')


def integer(minimum: int | None = None, maximum: int | None = None) -> Kind:
    """Take a whole number within bounds."""

    def check(value: Any, param: str) -> int:
        number = _number(value, param)
        if minimum is not None and number < minimum:
            raise _out_of_range(f"This value must be greater than or equal to {minimum}.", param)
        if maximum is not None and number > maximum:
            raise _out_of_range(f"This value must be less than or equal to {maximum}.", param)
        return number

    return check


def _out_of_range(message: str, param: str) -> ApiError:
    return malformed(message, param=param, code="parameter_invalid_integer")


def _number(value: Any, param: str) -> int:
    if value == "":
        raise unset(param)
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    if not (digits.isascii() and digits.isdigit()):
        raise malformed(f"Invalid integer: {_shown(value)}", param=param, code="parameter_invalid_integer")
    return int(value)


def boolean(value: Any, param: str) -> bool:
    """Take `true` or `false`."""
    if value == "":
        raise unset(param)
    if value not in {"true", "false"}:
        raise malformed(f"Invalid boolean: {_shown(value)}", param=param)
    return bool(value == "true")


def choice(*values: str, clearable: bool = False) -> Kind:
    """Take one of the words."""

    def check(value: Any, param: str) -> str | None:
        if value == "":
            _may_clear(param, clearable=clearable)
            return None
        if value not in values:
            listed = f"{', '.join(values[:-1])}, or {values[-1]}" if len(values) > 1 else values[0]
            raise malformed(f"Invalid {param}: must be one of {listed}", param=param)
        return str(value)

    return check


def either(first: Kind, second: Kind) -> Kind:
    """Take what one of two kinds takes."""

    def check(value: Any, param: str) -> Any:
        try:
            return first(value, param)
        except ApiError:
            return second(value, param)

    return check


def array(kind: Kind) -> Kind:
    """Take a list: `x[0]=a`, `x[]=a`."""

    def check(value: Any, param: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise malformed("Invalid array", param=param, code="parameter_invalid_array")
        return [kind(value[key], f"{param}[{key}]") for key in sorted(value, key=int)]

    return check


@dataclass(frozen=True)
class Schema:
    """The parameters of one endpoint, or of one hash."""

    fields: Mapping[str, Kind]
    required: tuple[str, ...] = ()

    def __call__(self, value: Any, param: str) -> Object:
        """Check a hash: a schema is a kind too."""
        if not isinstance(value, dict):
            raise malformed("Invalid object", param=param, code="parameter_invalid_object")
        return self.check(value, prefix=param)

    def check(self, given: Object, *, prefix: str = "") -> Object:
        """Give the parameters as typed values, or refuse the first that is wrong."""
        self._refuse_unknown(given, prefix)
        clean = {name: self.fields[name](value, _named(prefix, name)) for name, value in given.items()}
        for name in self.required:
            if name not in clean:
                param = _named(prefix, name)
                raise malformed(f"Missing required param: {param}.", param=param, code="parameter_missing")
        return clean

    def _refuse_unknown(self, given: Object, prefix: str) -> None:
        unknown = [_named(prefix, name) for name in given if name not in self.fields]
        if unknown:
            plural = "s" if len(unknown) > 1 else ""
            raise malformed(
                f"Received unknown parameter{plural}: {', '.join(unknown)}", param=unknown[0], code="parameter_unknown"
            )


def _named(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def hash_of(fields: Mapping[str, Kind], *, required: tuple[str, ...] = (), clearable: bool = False) -> Kind:
    """Take a hash of known keys."""
    schema = Schema(fields, required)

    def check(value: Any, param: str) -> Object | None:
        if value == "":
            _may_clear(param, clearable=clearable)
            return None
        return schema(value, param)

    return check


def metadata(value: Any, param: str) -> Object:
    """Take key-value pairs; "" for all of them, or for one, unsets."""
    if value == "":
        return {"": None}
    if not isinstance(value, dict):
        raise malformed("Invalid object", param=param, code="parameter_invalid_object")
    if len(value) > METADATA_KEYS:
        raise malformed(f"Metadata can have at most {METADATA_KEYS} keys.", param=param)
    return {key: _metadatum(key, item, param) for key, item in value.items()}


def _metadatum(key: str, value: Any, param: str) -> str | None:
    named = f"{param}[{key}]"
    if not isinstance(value, str):
        raise malformed("Metadata values must be strings", param=named)
    for what, item, limit in (("keys", key, METADATA_KEY_LENGTH), ("values", value, METADATA_VALUE_LENGTH)):
        if len(item) > limit:
            raise malformed(
                f"Metadata {what} can have up to {limit} characters, but you passed in a {what[:-1]} that is "
                f"{len(item)} characters. Invalid {what[:-1]}: {item}",
                param=named,
            )
    return value or None


def merged(old: Mapping[str, str], new: Mapping[str, str | None]) -> dict[str, str]:
    """Give an object's metadata after an update."""
    both = {**({} if "" in new else old), **new}
    return {key: value for key, value in both.items() if key and value is not None}


def unsimulated(_value: Any, param: str) -> None:
    """Refuse what Stripe knows and the sandbox does not act out, rather than ignore it in silence."""
    raise malformed(f"The sandbox does not simulate {param}.", param=param, code="parameter_not_simulated")


def known(names: str, kind: Kind = unsimulated) -> dict[str, Kind]:
    """Give the same kind to several names."""
    return dict.fromkeys(words(names), kind)


_bounds = {name: integer() for name in ("gt", "gte", "lt", "lte")}
EXPAND: dict[str, Kind] = {"expand": array(text())}
CURSOR: dict[str, Kind] = {
    **EXPAND,
    "limit": integer(1, PAGE_SIZE),
    "starting_after": text(),
    "ending_before": text(),
}
PAGE: dict[str, Kind] = {**CURSOR, "created": either(hash_of(_bounds), integer())}
ADDRESS: dict[str, Kind] = {
    name: text(clearable=True) for name in ("city", "country", "line1", "line2", "postal_code", "state")
}
