"""How long a session of PostgreSQL may wait for a lock, run a statement, and stand idle in a transaction.

They are options of each connection; behind a pooler, which takes none, settings of the role (docs/decisions/0026).
"""

from django.db import connection

LIMITS = {"lock_timeout": "10s", "statement_timeout": "60s", "idle_in_transaction_session_timeout": "60s"}
STARTUP_OPTIONS = " ".join(f"-c {name}={value}" for name, value in LIMITS.items())
OF_ROLE = """
SELECT split_part(setting, '=', 1) FROM pg_db_role_setting, unnest(setconfig) setting
WHERE setrole = (SELECT oid FROM pg_roles WHERE rolname = session_user) AND split_part(setting, '=', 2) !~ '^0'
AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
MISSING = "SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = '0' ORDER BY name"


def _set_for_role() -> list[str]:
    """Have each new session of this role in this database begin with the limits; return those that it had not."""
    with connection.cursor() as cursor:
        cursor.execute(OF_ROLE)
        known = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT current_database()")
        database = connection.ops.quote_name(cursor.fetchone()[0])
        missing = [name for name in LIMITS if name not in known]
        for name in missing:
            cursor.execute(f"ALTER ROLE SESSION_USER IN DATABASE {database} SET {name} = '{LIMITS[name]}'")
    return missing


def limit_role() -> str:
    """Limit the sessions of DATABASE_URL's role, and say what was done."""
    if not (added := _set_for_role()):
        return "Sessions: limited by the settings of the role."
    names = ", ".join(f"{name} {LIMITS[name]}" for name in added)
    return f"Sessions: from now on they begin with {names}. Have a pooler open its own anew: RECONNECT, at its console."
