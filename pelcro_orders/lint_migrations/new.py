"""The migrations since the last release, each with what is wrong with it."""

from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from pelcro_orders.config import BASE_DIR
from pelcro_orders.lint_migrations import released
from pelcro_orders.lint_migrations.rules import Finding, findings
from pelcro_orders.lint_migrations.sql import statements_of

HOW_TO_IGNORE = (
    'Where one is right all the same, its class says why: lint_ignore = {"rule": "reason"}. '
    "CONTRIBUTING.md says how a change is spread over releases.\n"
)


def since_release(loader: MigrationLoader) -> Iterator[tuple[str, str]]:
    """Give the migrations of our apps that the last release does not have, in their order."""
    had = {key for leaf in released.MIGRATIONS.items() for key in loader.graph.forwards_plan(leaf)}
    plan = (key for leaf in loader.graph.leaf_nodes() for key in loader.graph.forwards_plan(leaf))
    yield from dict.fromkeys(key for key in plan if key not in had and is_ours(key[0]))


def is_ours(label: str) -> bool:
    return Path(apps.get_app_config(label).path).parent == BASE_DIR


def lint(loader: MigrationLoader, key: tuple[str, str]) -> list[Finding]:
    """Say what is wrong with one migration."""
    migration: Migration = loader.get_migration(*key)
    before = loader.project_state(key, at_end=False)
    return list(findings(migration, before, statements_of(migration, before)))


def report() -> str:
    """Say all that is wrong, or nothing."""
    loader = MigrationLoader(None)
    found = [(key, finding) for key in since_release(loader) for finding in lint(loader, key)]
    lines = [f"{app}.{name}: {each.where}\n    {each.why} ({each.rule})\n" for (app, name), each in found]
    return "".join([*lines, HOW_TO_IGNORE] if lines else [])
