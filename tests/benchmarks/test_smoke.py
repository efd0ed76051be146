"""The benchmarks run, at a size that tells nothing of speed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devserver import run_files
from pelcro_orders.config import BASE_DIR

NAMES = {
    *("list_first", "list_paid", "list_last", "search_number", "search_email", "search_name", "order_page"),
    *("bulk_fulfill", "export_csv", "export_memory", "bulk_cancel", "bulk_cancel_limit", "job_start"),
    *("order_overhead", "refund_lines", "bulk_fulfill_by_1", "bulk_fulfill_by_2", "bulk_fulfill_by_4"),
    *("order_under_job", "lane_refunds", "lane_payments", "bulk_click", "bulk_confirm", "bulk_confirm_all"),
    *("tracking_preview", "tracking_apply", "webhook_first_byte", "invoice_pdf", "invoice_pdf_checked"),
    *("mixed_list", "mixed_search", "mixed_order_page", "mixed_orders", "mixed_job", "mixed_memory"),
}


@pytest.mark.full
def test_every_figure_is_measured_beside_its_floor_and_stock(tmp_path: Path) -> None:
    output = tmp_path / "latest.json"
    arguments = ["--size", "200", "--quick", "--output", str(output)]
    ran = subprocess.run(
        [sys.executable, "-m", "devserver.run_isolated", "-m", "benchmarks", *arguments],
        check=False,
        cwd=BASE_DIR,
        env=run_files.without_project_variables(os.environ) | {"VAR_DIR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    figures = json.loads(output.read_text())
    assert {each["name"] for each in figures} == NAMES
    assert len(figures) == len(NAMES)
    assert all(set(each) == {"name", "size", "value", "unit", "floor", "stock"} for each in figures)
    assert all(each["value"] > 0 for each in figures if not each["name"].endswith("_memory"))
    assert all(
        each["floor"] and each["stock"]
        for each in figures
        if each["unit"] == "ms" and not each["name"].startswith(("order_", "bulk_", "refund_", "webhook_"))
    )
