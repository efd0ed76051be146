"""Stripe Tax's transactions (https://docs.stripe.com/api/tax/transactions): what was sold, and what was taken back.

They can't be listed, and none is ever changed: one that is reversed keeps its amounts.
"""

from fractions import Fraction

from fake_stripe.currencies import amount_step
from fake_stripe.endpoints import RequestContext, endpoint
from fake_stripe.errors import ApiError, JsonObject, invalid_parameter, invalid_request, missing_parameter
from fake_stripe.parameters import CURSOR, Parser, array, choice, integer, merge_metadata, metadata, nested, text
from fake_stripe.store import new_id
from fake_stripe.tax_calculations import find_calculation
from fake_stripe.tax_lines import line_page, shown

KIND = "tax.transaction"
MOST_PARTIAL = 30
COPIED = ("currency", "customer", "customer_details", "ship_from_details", "tax_date")
PARTS = ("flat_amount", "line_items", "shipping_cost")

_reversed_line = {
    "amount": integer(),
    "amount_tax": integer(),
    "metadata": metadata,
    "original_line_item": text(),
    "quantity": integer(0),
    "reference": text(500),
}
_amounts = {"amount": integer(), "amount_tax": integer()}
FROM_CALCULATION: dict[str, Parser] = {
    "calculation": text(),
    "metadata": metadata,
    "posted_at": integer(0),
    "reference": text(500),
}
REVERSAL: dict[str, Parser] = {
    "flat_amount": integer(maximum=-1),
    "line_items": array(nested(_reversed_line, required=("amount", "amount_tax", "original_line_item", "reference"))),
    "metadata": metadata,
    "mode": choice("full", "partial"),
    "original_transaction": text(),
    "reference": text(500),
    "shipping_cost": nested(_amounts, required=("amount", "amount_tax")),
}


@endpoint("POST", "tax/transactions/create_from_calculation", FROM_CALCULATION, required=("calculation", "reference"))
def create_from_calculation(context: RequestContext) -> JsonObject:
    calculation, now = find_calculation(context, "calculation"), context.store.now()
    posted_at = context.params.get("posted_at", now)
    if not calculation["tax_date"] <= posted_at <= max(now, calculation["tax_date"]):
        message = "The posted_at timestamp must fall within the tax_date and the current time."
        raise invalid_request(message, param="posted_at")
    lines = [_line(each, each["amount"], each["amount_tax"]) for each in calculation["_lines"]]
    return _create(context, calculation, lines, calculation["shipping_cost"], posted_at=posted_at)


@endpoint("POST", "tax/transactions/create_reversal", REVERSAL, required=("mode", "original_transaction", "reference"))
def create_reversal(context: RequestContext) -> JsonObject:
    original = context.get(KIND, "original_transaction")
    _check_parts(context.params)
    _check_reversible(context, original)
    if context.params["mode"] == "full":
        lines = [_line(each, -each["amount"], -each["amount_tax"], of=each["id"]) for each in original["_lines"]]
        cost = original["shipping_cost"]
        shipping = cost and _reversed_cost(cost, -cost["amount"], -cost["amount_tax"])
    elif "flat_amount" in context.params:
        lines, shipping = _spread(context, original)
    else:
        lines, shipping = _reversed_parts(context, original)
    return _create(context, original, lines, shipping, posted_at=context.store.now(), original=original["id"])


@endpoint("GET", "tax/transactions/{id}")
def retrieve(context: RequestContext) -> JsonObject:
    return shown(context, context.get(KIND))


@endpoint("GET", "tax/transactions/{id}/line_items", CURSOR)
def line_items(context: RequestContext) -> JsonObject:
    found = context.get(KIND)
    return line_page(context, found, url=f"/v1/tax/transactions/{found['id']}/line_items")


def _create(
    context: RequestContext,
    source: JsonObject,
    lines: list[JsonObject],
    shipping: JsonObject | None,
    *,
    posted_at: int,
    original: str | None = None,
) -> JsonObject:
    transaction = context.new_object(
        "tax",
        KIND,
        **{name: source[name] for name in COPIED},
        metadata=merge_metadata({}, context.params.get("metadata", {})),
        posted_at=posted_at,
        reference=context.params["reference"],
        reversal=original and {"original_transaction": original},
        shipping_cost=shipping,
        type="reversal" if original else "transaction",
        _lines=lines,
        _mode=context.params.get("mode"),
    )
    _register(context, transaction, calculation=None if original else source["id"], original=original)
    context.store.insert(transaction)
    return shown(context, transaction)


def _register(
    context: RequestContext, transaction: JsonObject, *, calculation: str | None, original: str | None
) -> None:
    # Stripe documents that both are refused, but not in which words.
    if _is_known(context, "reference", transaction["reference"]):
        message = f"A tax transaction with the reference '{transaction['reference']}' already exists."
        raise invalid_request(message, param="reference")
    if _is_known(context, "calculation", calculation):
        message = f"The tax calculation {calculation} has already been used to create a tax transaction."
        raise invalid_request(message, param="calculation")
    values = (transaction["id"], transaction["reference"], calculation, original)
    context.store.db.execute("INSERT INTO tax_transactions VALUES (?, ?, ?, ?)", values)


def _is_known(context: RequestContext, column: str, value: str | None) -> bool:
    query = f"SELECT 1 FROM tax_transactions WHERE {column} = ?"  # noqa: S608 - a column's name
    return context.store.db.execute(query, (value,)).fetchone() is not None


def _line(source: JsonObject, amount: int, tax: int, *, of: str | None = None, **changes: object) -> JsonObject:
    return {
        **source,
        "id": new_id("tax_li", 14),
        "object": "tax.transaction_line_item",
        "amount": amount,
        "amount_tax": tax,
        "reversal": of and {"original_line_item": of},
        "type": "reversal" if of else "transaction",
        **changes,
    }


def _reversed_cost(cost: JsonObject, amount: int, tax: int) -> JsonObject:
    # Its breakdown is of what was sold.
    return {**cost, "amount": amount, "amount_tax": tax, "_taxes": None}


# What may be reversed


def _check_parts(params: JsonObject) -> None:
    given = [name for name in PARTS if name in params]
    if params["mode"] == "full" and given:
        raise invalid_parameter(f"You may only specify {given[0]} if mode is partial.", param=given[0])
    if params["mode"] == "partial" and not given:
        raise missing_parameter("line_items")
    if "flat_amount" in given and len(given) > 1:
        raise invalid_parameter(f"You may only specify one of flat_amount and {given[1]}.", param="flat_amount")


def _reversals(context: RequestContext, original_id: str) -> list[JsonObject]:
    query = "SELECT id FROM tax_transactions WHERE original = ? ORDER BY rowid"
    rows = context.store.db.execute(query, (original_id,)).fetchall()
    return [context.store.get(KIND, row[0]) for row in rows]


def _check_reversible(context: RequestContext, original: JsonObject) -> None:
    reversals = _reversals(context, original["id"])
    if any(each["_mode"] == "full" for each in reversals):
        raise _refused(f"You can't reverse transaction '{original['id']}' because it has been fully reversed.")
    if original["type"] == "reversal" and (context.params["mode"] == "partial" or original["_mode"] == "full"):
        raise _refused(f"You can't reverse transaction '{original['id']}' because it is a reversal itself.")
    if context.params["mode"] == "partial" and len(reversals) >= MOST_PARTIAL:
        raise _refused(f"You can't create more than {MOST_PARTIAL} partial reversals of a transaction.")


def _refused(message: str, param: str = "original_transaction") -> ApiError:
    return invalid_request(message, param=param)


def _left(context: RequestContext, original: JsonObject) -> dict[str, list[int]]:
    """What partial reversals that still hold have left of each line, and of the shipping (""): amount and tax."""
    left = {each["id"]: [each["amount"], each["amount_tax"]] for each in original["_lines"]}
    if original["shipping_cost"]:
        left[""] = [original["shipping_cost"]["amount"], original["shipping_cost"]["amount_tax"]]
    for reversal in _reversals(context, original["id"]):
        if _reversals(context, reversal["id"]):
            continue  # taken back by a full reversal of its own
        taken = [(each["reversal"]["original_line_item"], each) for each in reversal["_lines"]]
        for key, each in [*taken, *([("", reversal["shipping_cost"])] if reversal["shipping_cost"] else [])]:
            left[key][0] += each["amount"]
            left[key][1] += each["amount_tax"]
    return left


def _reversed_parts(context: RequestContext, original: JsonObject) -> tuple[list[JsonObject], JsonObject | None]:
    left, by_id = _left(context, original), {each["id"]: each for each in original["_lines"]}
    lines = []
    for number, each in enumerate(context.params.get("line_items", [])):
        source = by_id.get(each["original_line_item"])
        if source is None:
            param = f"line_items[{number}][original_line_item]"
            raise _refused(f"No such line item: '{each['original_line_item']}'", param)
        _take(left, source["id"], each, f"line_items[{number}]")
        changes = {"reference": each["reference"], "quantity": each.get("quantity", source["quantity"])}
        changes["metadata"] = each.get("metadata")
        lines.append(_line(source, each["amount"], each["amount_tax"], of=source["id"], **changes))
    cost = context.params.get("shipping_cost")
    if cost is None:
        return lines, None
    if not original["shipping_cost"]:
        raise _refused("The original transaction has no shipping cost.", "shipping_cost")
    _take(left, "", cost, "shipping_cost")
    return lines, _reversed_cost(original["shipping_cost"], cost["amount"], cost["amount_tax"])


def _take(left: dict[str, list[int]], key: str, part: JsonObject, param: str) -> None:
    for place, name in enumerate(("amount", "amount_tax")):
        if part[name] > 0:
            raise _refused(f"The {name} to reverse must not be positive.", f"{param}[{name}]")
        left[key][place] += part[name]
        if left[key][place] < 0:
            raise _refused(f"The {name} to reverse is greater than what is left to reverse.", f"{param}[{name}]")


def _spread(context: RequestContext, original: JsonObject) -> tuple[list[JsonObject], JsonObject | None]:
    """Divide a flat amount in proportion to what is left of each part, its tax included."""
    left, step = _left(context, original), amount_step(original["currency"])
    inclusive = {each["id"]: each["tax_behavior"] == "inclusive" for each in original["_lines"]}
    inclusive[""] = bool(original["shipping_cost"]) and original["shipping_cost"]["tax_behavior"] == "inclusive"
    whole = {key: amount if inclusive[key] else amount + tax for key, (amount, tax) in left.items()}
    flat = -context.params["flat_amount"]
    if flat > sum(whole.values()):
        raise _refused("The flat_amount is greater than what is left to reverse.", "flat_amount")
    amounts, given, before = {}, 0, 0
    for key, each in whole.items():
        before += each
        share = round(Fraction(flat * before, sum(whole.values())) / step) * step - given
        given += share
        tax = round(Fraction(share * left[key][1], each or 1) / step) * step
        amounts[key] = (-(share if inclusive[key] else share - tax), -tax)
    lines = [_line(each, *amounts[each["id"]], of=each["id"]) for each in original["_lines"]]
    cost = original["shipping_cost"]
    return lines, cost and _reversed_cost(cost, *amounts[""])
