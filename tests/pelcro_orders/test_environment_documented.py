import ast
import re
from collections.abc import Callable

import pytest

from tests.support.source_tree import ROOT

SETTINGS = ROOT / "pelcro_orders" / "settings.py"


def variables_read() -> set[str]:
    """List the first argument of each `config.…("NAME", …)`, and VAR_DIR of `config.var_dir()`."""
    calls = [node for node in ast.walk(ast.parse(SETTINGS.read_text())) if isinstance(node, ast.Call)]
    readers = [call for call in calls if ast.unparse(call.func).startswith("config.")]
    assert all(call.args or ast.unparse(call) == "config.var_dir()" for call in readers)
    return {ast.literal_eval(call.args[0]) if call.args else "VAR_DIR" for call in readers}


def variables_in_readme() -> list[str]:
    configuration = (ROOT / "README.md").read_text().partition("## Configuration")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", configuration, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)]


def variables_in_example() -> list[str]:
    return re.findall(r"^#? ?([A-Z][A-Z_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE)


@pytest.mark.parametrize("documented", [variables_in_readme, variables_in_example])
def test_every_variable_read_is_documented_once_and_nothing_else_is(documented: Callable[[], list[str]]) -> None:
    assert sorted(documented()) == sorted(variables_read())
