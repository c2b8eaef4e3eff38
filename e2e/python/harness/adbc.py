"""Plain ADBC connections, with bounds on every call."""

from contextlib import contextmanager, suppress

from adbc_driver_flightsql import DatabaseOptions, dbapi

CALL_SECONDS = 30
_BOUNDS = (
    DatabaseOptions.TIMEOUT_FETCH,
    DatabaseOptions.TIMEOUT_QUERY,
    DatabaseOptions.TIMEOUT_UPDATE,
)


def connect(
    server_or_uri, user=None, password=None, *, autocommit=True, seconds=CALL_SECONDS, **options
):
    """A connection as an ordinary script makes one; close it (`with`)."""
    settings = {bound.value: str(float(seconds)) for bound in _BOUNDS}
    if user is not None:
        settings |= {"username": user, "password": password or ""}
    uri = server_or_uri if isinstance(server_or_uri, str) else server_or_uri.uri
    return dbapi.connect(uri, db_kwargs=settings | options, autocommit=autocommit)


def login(server, user):
    """A connection as one of the server's users."""
    return connect(server, user, server.users[user])


@contextmanager
def cursor(connection):
    """A cursor whose closing, which is a call too, does not hide the error that came first."""
    one = connection.cursor()
    try:
        yield one
    except BaseException:
        with suppress(connection.Error):
            _close(one)
        raise
    _close(one)


def _close(cursor):
    try:
        cursor.close()
    except cursor.connection.Error:
        cursor._closed = True  # else it tries again when it is collected, where nobody can catch it
        raise


def table(connection, sql, parameters=None):
    """All rows as an Arrow table."""
    with cursor(connection) as one:
        return one.execute(sql, parameters).fetch_arrow_table()


def rows(connection, sql, parameters=None):
    """All rows as tuples."""
    with cursor(connection) as one:
        return one.execute(sql, parameters).fetchall()


def value(connection, sql, parameters=None):
    """The one value of a one-row, one-column result."""
    ((only,),) = rows(connection, sql, parameters)
    return only


def run(connection, sql, parameters=None):
    """Runs a statement for its effect; returns the count of affected rows."""
    with cursor(connection) as one:
        return one.execute(sql, parameters).rowcount


def script(connection, sql):
    """Runs a statement by the update call, without preparing it first."""
    with cursor(connection) as one:
        one.executescript(sql)


def ingest(connection, name, data, mode="create", **target):
    """Bulk insert; returns the count of rows."""
    with cursor(connection) as one:
        return one.adbc_ingest(name, data, mode, **target)
