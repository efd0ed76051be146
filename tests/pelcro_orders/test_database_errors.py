import psycopg
import pytest
from django.db import OperationalError
from psycopg import errors
from psycopg_pool import PoolTimeout

from pelcro_orders.database_errors import is_unavailable


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.OperationalError("connection failed: FATAL:  sorry, too many clients already"), True),
        (psycopg.OperationalError("connection failed: FATAL:  no more connections allowed (max_client_conn)"), True),
        (PoolTimeout("couldn't get a connection after 5.00 sec"), True),
        (errors.TooManyConnections("too many connections for role"), True),
        (errors.CannotConnectNow("the database system is starting up"), True),
        (errors.AdminShutdown("terminating connection due to administrator command"), True),
        (errors.ProtocolViolation("query_wait_timeout"), True),
        (psycopg.InterfaceError("connection already closed"), True),
        (errors.LockNotAvailable("canceling statement due to lock timeout"), False),
        (errors.QueryCanceled("canceling statement due to statement timeout"), False),
        (errors.IdleInTransactionSessionTimeout("terminating connection due to idle-in-transaction timeout"), False),
        (errors.DiskFull("could not extend file"), False),
        (errors.DeadlockDetected("deadlock detected"), False),
        (errors.UniqueViolation("duplicate key value"), False),
        (psycopg.InterfaceError("the cursor is closed"), False),
        (ConnectionError("of something else"), False),
    ],
)
def test_only_a_session_that_is_lost_is_unavailable(error: Exception, *, expected: bool) -> None:
    raised = OperationalError(str(error))
    raised.__cause__ = error
    assert (is_unavailable(error), is_unavailable(raised)) == (expected, expected)
