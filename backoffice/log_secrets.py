"""What no line of a log may say, whichever field or traceback holds it: what lets whoever reads it act, and persons."""

import re

from backoffice.stripe_secrets import REMOVED, without_secrets

# Each behind a word without which it needs no look: most lines hold none of them, and cost next to nothing.
KINDS = (
    # The addresses of payment links, documents, invitations and new passwords let in whoever has them.
    ("/pay/", r"(/pay/)[\w.%-]+"),
    ("/documents/", r"(/documents/)[\w%-]+:[\w:%-]+"),
    ("/invitation/", r"(/invitation/)[\w%-]+"),
    ("/password/reset/", r"(/password/reset/)[\w%]+-[\w%:-]+"),
    ("/password/#", r"(/password/#)[^\s\"'\\]+"),
    ("/confirm/#", r"(/confirm/#)[^\s\"'\\]+"),
    ("po_", r"()\bpo_[0-9a-f]{8}_[\w-]+"),  # our API keys
    ("tok_", r"()\btok_\w+"),  # Stripe's card tokens
    ("eyj", r"()\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # signed tokens of sign-ins
    ("://", r"(://)[^\s/@\"'\\]+(?=@)"),  # user and password, or a provider's key, in the address of a server
    ("bearer ", r"(bearer )[\w.~+/=-]+"),
    ("basic ", r"(basic )[\w+/=-]{6,}"),
    ("=", r"([?&](?:code|state|key|signature)=)[^\s&\"'\\]+"),
    # What PostgreSQL repeats of a row that it refuses: e-mails, names.
    (")=(", r"(Key \(.*?\)=)\(.*?\)(?= (?:already|is|conflicts))"),
    ("failing row", r"(Failing row contains )\(.*?\)\.(?=\\n|\n|\"|$)"),
    # `password=…`, `"client_secret": "…"`, also with the quotes that JSON escapes.
    *(
        (word, rf"(\b\w*{word}\\?[\"']?\s?(?:=\s?|:\s|:(?=\\?[\"']))\\?[\"']?)[^\s\"'\\,;&{{}}\[\]()]+")
        for word in ("password", "passwd", "secret", "api_key", "token", "authorization", "cookie", "sessionid")
    ),
)
PATTERNS = [(word, re.compile(pattern, re.ASCII | re.IGNORECASE)) for word, pattern in KINDS]
OF_STRIPE = ("_secret_", "_live_", "_test_", "whsec_")


def without_log_secrets(line: str) -> str:
    """Return a finished line of a log without secrets."""
    lower = line.lower()
    if any(word in lower for word in OF_STRIPE):
        line = without_secrets(line)
    for word, pattern in PATTERNS:
        if word in lower:
            line = pattern.sub(rf"\1{REMOVED}", line)
    return line
