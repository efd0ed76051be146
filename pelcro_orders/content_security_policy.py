"""Where scripts, frames and the rest may come from, on every page; some pages add to it."""

NONE, SELF = ["'none'"], ["'self'"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": SELF,
        "script-src": SELF,
        "style-src": SELF,
        "connect-src": SELF,
        "img-src": [*SELF, "https:", "data:"],
        "object-src": NONE,
        "base-uri": NONE,
        "form-action": SELF,
        "frame-ancestors": NONE,
    }
}
