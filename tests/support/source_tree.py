"""The source read as a syntax tree: which calls write an order's status without its transitions."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Whose `status` is their own business; anything else might be an order.
OTHERS = {"Payment", "Refund", "Invoice", "TaxTransaction", "BulkJob", "BulkJobItem", "WebhookEvent", "FileImport",
          "TrackingFile", "TrackingFileRow", "Return", "WebhookDelivery", "Document", "Mail"}  # fmt: skip
STATUS_IN_SQL = re.compile(
    r"\b(update|insert\s+into|merge\s+into)\s+(only\s+)?\"?ecommerce_order\"?(?![\w])", re.IGNORECASE
)


def sources(*folders: str) -> Iterator[Path]:
    """Give the modules of these folders, migrations aside."""
    for folder in folders:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def status_writes(source: str) -> list[str]:
    """Give what writes the status of many orders round the transitions."""
    module = ast.parse(source)
    nodes = list(ast.walk(module))
    known = Names(nodes)
    found = [
        ast.unparse(node)
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _names_status(node)
        if not known.is_of_others(node.func.value)
    ]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return found + [text for text in texts if STATUS_IN_SQL.search(text)]


def _names_status(call: ast.Call) -> bool:
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if method in {"update", "aupdate"}:
        return "status" in {keyword.arg for keyword in call.keywords}
    if method in {"bulk_update", "abulk_update", "bulk_create", "abulk_create"}:
        return "status" in {node.value for node in ast.walk(call) if isinstance(node, ast.Constant)}
    return False


class Names:
    """What a module's variables were given, and what its functions say they return."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.values = {
            target.id: node.value
            for node in nodes
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.returned = {
            node.name: ast.unparse(node.returns) for node in nodes if isinstance(node, ast.FunctionDef) and node.returns
        }

    def is_of_others(self, node: ast.expr, depth: int = 5) -> bool:
        """Say whether an expression starts at the rows of a model whose status is its own business."""
        while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
            said = self.returned.get(node.attr, "") if isinstance(node, ast.Attribute) else ""
            if set(re.findall(r"\w+", said)) & OTHERS:
                return True
            node = node.func if isinstance(node, ast.Call) else node.value
        if not isinstance(node, ast.Name):
            return False
        given = self.values.get(node.id)
        return node.id in OTHERS or bool(depth and given and self.is_of_others(given, depth - 1))


def imports(source: str) -> set[str]:
    """Give the packages that a module imports, by their first name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").split(".")[0])
    return names
