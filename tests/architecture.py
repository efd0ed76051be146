"""What the source says, read as a tree: who writes an order's status, and who speaks to Stripe."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Whose `status` is their own business; anything else might be an order.
OTHERS = ("Payment", "Refund", "Invoice", "BulkJob", "BulkJobItem", "BulkJobSlice", "WebhookEvent", "Coupon", "Sku")
STATUS_IN_SQL = re.compile(
    r"\b(update|insert\s+into|merge\s+into)\s+(only\s+)?\"?ecommerce_order\"?(?![\w])", re.IGNORECASE
)


def sources(*folders: str) -> Iterator[Path]:
    """Give the modules of these folders, migrations aside."""
    for folder in folders:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def status_writes(source: str) -> list[str]:
    """Give what writes the status of many orders round the transitions."""
    found = [ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _writes(node)]
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return found + [text for text in texts if isinstance(text, str) and STATUS_IN_SQL.search(text)]


def _writes(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or _root(call.func.value) in OTHERS:
        return False
    named = {keyword.arg for keyword in call.keywords}
    if call.func.attr in {"update", "aupdate"}:
        return "status" in named
    if call.func.attr in {"bulk_update", "abulk_update", "bulk_create", "abulk_create"}:
        return "status" in {node.value for node in ast.walk(call) if isinstance(node, ast.Constant)}
    return False


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def imports(source: str) -> set[str]:
    """Give the packages that a module imports, by their first name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").split(".")[0])
    return names
