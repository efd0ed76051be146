"""Our signatures by others' eyes: the libraries of Standard Webhooks, and the samples of docs/webhooks.md."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from ecommerce.models.webhook import new_secret
from ecommerce.webhooks.events import EVENT_TYPES, TEST
from ecommerce.webhooks.signing import headers
from tests.support.source_tree import ROOT

PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
NPM_PACKAGE = "standardwebhooks@1.1.1"
BODY = '{"type":"order.created","id":"evt_1","data":{"object":{"name":"Žofie 张伟"}}}'.encode()


def signed(*secrets: str, at: float = 0) -> dict[str, str]:
    return headers("evt_1", BODY, secrets=secrets, at=int(time.time() - at))


def samples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_python_library_accepts_ours_and_nothing_else() -> None:
    secret, former = new_secret(), new_secret()
    for known in (secret, former):
        assert Webhook(known).verify(BODY, signed(secret, former)) == json.loads(BODY)
    for body, sent in ((BODY + b" ", signed(secret)), (BODY, signed(former)), (BODY, signed(secret, at=600))):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, sent)


def test_the_python_samples_of_the_docs_work() -> None:
    names: dict[str, Any] = {}
    for sample in samples("python"):
        exec(compile(sample, "docs/webhooks.md", "exec"), names)
    secret = new_secret()
    assert names["read_event"](BODY, signed(secret), secret) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        names["read_event"](BODY, signed(new_secret()), secret)
    assert names["is_genuine"](BODY, signed(secret), secret)
    assert not names["is_genuine"](BODY, signed(new_secret()), secret)


def test_the_docs_list_every_event() -> None:
    assert set(re.findall(r"^\| `([a-z_.]+)` \|", PAGE, re.MULTILINE)) == {*EVENT_TYPES, TEST}


CASES = """
const cases = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const said = cases.map(({ body, headers, secret }) => {
  let library = false;
  try { readEvent(body, headers, secret); library = true; } catch { /* refused */ }
  return [library, isGenuine(body, headers, secret)];
});
console.log(JSON.stringify(said));
"""


@pytest.mark.full
def test_the_npm_library_and_the_node_samples_of_the_docs_agree(tmp_path: Path) -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("NODE IS MISSING, so the npm library was not asked: on Debian, apt install nodejs npm.")
    install = ["npm", "install", "--no-audit", "--no-fund", "--silent", NPM_PACKAGE]
    subprocess.run(install, cwd=tmp_path, check=True, timeout=300)
    (tmp_path / "verify.js").write_text("\n".join([*samples("js"), CASES]), encoding="utf-8")
    secret, former = new_secret(), new_secret()
    cases = [
        (BODY, signed(secret), secret),
        (BODY, signed(secret, former), secret),
        (BODY, signed(secret, former), former),
        (BODY + b" ", signed(secret), secret),
        (BODY, signed(former), secret),
        (BODY, signed(secret, at=600), secret),
    ]
    told = json.dumps([{"body": body.decode(), "headers": sent, "secret": known} for body, sent, known in cases])
    done = subprocess.run(
        ["node", "verify.js"], cwd=tmp_path, input=told, capture_output=True, text=True, check=True, timeout=60
    )
    # Of two secrets only the present one signs for Pelcro; its signature does not cover the time.
    assert json.loads(done.stdout) == [
        [True, True],
        [True, True],
        [True, False],
        [False, False],
        [False, False],
        [False, True],
    ]
