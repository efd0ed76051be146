import ast
import re
from collections.abc import Callable

import pytest

from tests.support.source_tree import ROOT, sources


def variables_read() -> set[str]:
    """List the first argument of each `config.…("NAME", …)`, and VAR_DIR, which has a reader of its own."""
    nodes = [node for path in sources("pelcro_orders") for node in ast.walk(ast.parse(path.read_text()))]
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("config.")]
    return {
        "VAR_DIR",
        *(ast.literal_eval(call.args[0]) for call in calls if call.args and isinstance(call.args[0], ast.Constant)),
    }


def variables_in_readme() -> list[str]:
    configuration = (ROOT / "README.md").read_text().partition("## Configuration")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", configuration, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)]


def variables_in_example() -> list[str]:
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE)


@pytest.mark.parametrize("documented", [variables_in_readme, variables_in_example])
def test_every_variable_read_is_documented_once_and_nothing_else_is(documented: Callable[[], list[str]]) -> None:
    assert sorted(documented()) == sorted(variables_read())


def test_shells_systemd_docker_and_kubernetes_read_the_example_alike() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    others = [line for line in lines if line and not line.startswith("# ")]
    assert [line for line in others if not re.fullmatch(r"""[A-Z0-9_]+=([^\s"'#$\\]*|"[^"$\\]*")""", line)] == []
