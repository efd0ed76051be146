"""Dockerfile, compose.yaml and deploy/ against the code that they run. `make check-deploy` checks their grammar."""

import re
import runpy
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from pelcro_orders import web_server
from tests.pelcro_orders.test_requirements import IN_PRODUCTION
from tests.support.source_tree import ROOT

UNITS, MANIFESTS = ROOT / "deploy" / "systemd", ROOT / "deploy" / "kubernetes"
NGINX = (ROOT / "deploy" / "nginx" / "pelcro-orders.conf").read_text()
OF_THE_PROJECT = ("setup", "web", "worker", "beat")


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def manifests() -> list[Any]:
    return [each for path in sorted(MANIFESTS.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())]


def container(name: str) -> dict[str, Any]:
    (found,) = [
        each
        for manifest in manifests()
        if manifest["kind"] in {"Deployment", "Job"}
        for each in manifest["spec"]["template"]["spec"]["containers"]
        if each["name"] == name
    ]
    return dict(found)


def test_the_image_holds_what_runs_in_production() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert let_in == {*IN_PRODUCTION, "LICENSE", "manage.py", "requirements-production.txt", "templates"}
    last_stage = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in last_stage
    assert "http://127.0.0.1:8000/livez" in last_stage


def test_compose_kubernetes_and_systemd_start_the_same() -> None:
    services = compose()["services"]
    for name in ("setup", "worker", "beat"):
        assert services[name]["command"] == container(name)["args"]
    for name in ("worker@", "beat"):
        unit = (UNITS / f"pelcro-orders-{name}.service").read_text()
        command = re.search(r"^ExecStart=\S+/celery (.*)$", unit, re.MULTILINE)
        assert command
        said = command[1].replace("--hostname %i@%%h ", "")
        assert said == " ".join(services[name.removesuffix("@")]["command"][1:])
    assert "command" not in services["web"]
    assert "args" not in container("web")  # the image's own


def test_a_python_that_the_user_of_the_services_may_not_run_is_named() -> None:
    run = runpy.run_path(str(UNITS / "pelcro-orders"))["run"]
    with pytest.raises(SystemExit, match=r"pelcro-orders may not run /proc/self/environ, which is /proc/"):
        run("/proc/self/environ", {})


def test_every_part_has_the_time_to_end_what_it_does() -> None:
    seconds = web_server.graceful_timeout
    services = compose()["services"]
    assert int(services["web"]["stop_grace_period"].removesuffix("s")) > seconds
    for manifest in manifests():
        if manifest["kind"] == "Deployment" and manifest["metadata"]["name"] == "web":
            spec = manifest["spec"]["template"]["spec"]
            wait = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
            assert spec["terminationGracePeriodSeconds"] > seconds + wait
    for unit in UNITS.glob("*.service"):
        text = unit.read_text()
        stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
        assert stop
        assert int(stop[1]) > seconds or "beat" in unit.name
        assert {"Restart=always", "StartLimitIntervalSec=0", "User=pelcro-orders"} <= set(text.splitlines())


def test_compose_isolates_its_services() -> None:
    loaded = compose()
    for name, service in loaded["services"].items():
        assert re.search(r":(\d|\$\{VERSION)", service["image"]), name
        assert service["restart"] == "always" or name == "setup"
        if name != "postgres":  # whose own start changes owners
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    (subnet,) = (each["subnet"] for each in loaded["networks"]["front"]["ipam"]["config"])
    web = loaded["services"]["web"]
    assert web["environment"]["FORWARDED_ALLOW_IPS"] == subnet
    assert [name for name, each in loaded["services"].items() if "front" in each["networks"]] == ["web", "nginx"]
    assert [name for name, each in loaded["services"].items() if "ports" in each] == ["nginx"]


def test_kubernetes_asks_whether_the_process_answers_and_nothing_more() -> None:
    web = container("web")
    probes = [web[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")]
    assert probes == ["/livez"] * 3
    for name in OF_THE_PROJECT:
        assert container(name)["securityContext"]["readOnlyRootFilesystem"] is True


def limit(directive: str) -> int:
    found = re.findall(rf"^    +{directive} (\d+)(s|m|k)?;", NGINX, re.MULTILINE)
    return max(int(number) * {"k": 1024, "m": 1024**2}.get(unit, 1) for number, unit in found)


def test_nginx_allows_no_less_than_web() -> None:
    assert limit("client_max_body_size") >= settings.UPLOAD_BYTES
    assert limit("client_body_timeout") >= settings.BODY_SECONDS
    assert limit("proxy_read_timeout") > web_server.timeout
    for header in ("X-Forwarded-For $proxy_add_x_forwarded_for", "X-Forwarded-Proto $scheme", "Host $host"):
        assert f"proxy_set_header {header};" in NGINX


def routes(resolver: Any, before: str = "/") -> list[str]:
    found: list[str] = []
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            found += routes(each, f"{before}{each.pattern}")
        elif isinstance(each, URLPattern):
            found.append(f"{before}{each.pattern}")
    return found


@pytest.mark.parametrize("mark", ["<str:token>", "(?P<key>"])
def test_nginx_logs_no_address_that_lets_somebody_in(mark: str) -> None:
    unlogged = re.search(r"^    ~(\^\S+) 0;$", NGINX, re.MULTILINE)
    assert unlogged
    secret = [route.replace("^", "") for route in routes(get_resolver()) if mark in route]
    assert secret
    assert [route for route in secret if not re.match(unlogged[1], route)] == []
    assert not re.match(unlogged[1], "/admin/ecommerce/order/")
