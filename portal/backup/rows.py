"""Rows as lines of JSON, the same on every database, and lines as rows again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias
from uuid import UUID

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection
from django.db.models import BinaryField, DurationField, Field, ForeignKey, Model, QuerySet

from cases.models import IncomingUpload
from portal.accounts.models import Session

# What ends with a restore: who is signed in there is not signed in here; pieces of uploads are in no backup.
LEFT_OUT = frozenset({Session._meta.db_table, IncomingUpload._meta.db_table})
# What `migrate` has written into an empty database, and gives way to the backup's.
MADE_BY_MIGRATE = ("auth_permission", "django_content_type")
_AT_ONCE = 1000

Table: TypeAlias = type[Model]


def tables() -> list[Table]:
    """Return the models of all tables that a backup holds, by the tables' names."""
    models = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.db_table not in LEFT_OUT
    ]
    return sorted(models, key=lambda model: model._meta.db_table)


def columns(table: Table) -> list[str]:
    """Return the columns of a table, in the order in which a line gives them."""
    return [str(field.column) for field in _fields(table)]


def lines_of(table: Table) -> Iterator[bytes]:
    """Yield one line a row, by the primary key; the same rows give the same lines on every database."""
    names = [field.attname for field in _fields(table)]
    rows: QuerySet[Any, Any] = QuerySet(table).order_by("pk").values_list(*names)
    for row in rows.iterator(chunk_size=_AT_ONCE):
        said = json.dumps([_plain(value) for value in row], sort_keys=True, separators=(",", ":"))
        yield said.encode() + b"\n"


def put_back(table: Table, lines: Iterable[bytes]) -> int:
    """Insert the rows of these lines as they are, keys and times included, and return how many."""
    fields = _fields(table)
    limit = connection.features.max_query_params
    step = min(_AT_ONCE, limit // len(fields)) if limit else _AT_ONCE
    return sum(_insert(table, fields, found) for found in _batches(lines, step))


def move_sequences_on() -> None:
    """Let what is added next get keys that no row has yet."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables()):
            cursor.execute(statement)


def _batches(lines: Iterable[bytes], step: int) -> Iterator[list[bytes]]:
    left = iter(lines)
    while found := list(islice(left, step)):
        yield found


def _insert(table: Table, fields: Sequence[Field[Any, Any]], lines: Sequence[bytes]) -> int:
    quote = connection.ops.quote_name
    named = ", ".join(quote(str(field.column)) for field in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    values = [
        field.get_db_prep_save(_python(field, value), connection)
        for line in lines
        for field, value in zip(fields, json.loads(line), strict=True)
    ]
    with connection.cursor() as cursor:
        # Names are our own models'; the values are parameters.
        cursor.execute(
            f"INSERT INTO {quote(table._meta.db_table)} ({named}) VALUES {', '.join([row] * len(lines))}",  # noqa: S608
            values,
        )
    return len(lines)


def _fields(table: Table) -> list[Field[Any, Any]]:
    return [field for field in table._meta.local_concrete_fields if not getattr(field, "generated", False)]


def _plain(value: Any) -> Any:
    """What JSON has no word for, as a text that `_python` reads."""
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return [value.days, value.seconds, value.microseconds]
        case Decimal() | UUID():
            return str(value)
        case bytes() | memoryview():
            return base64.b64encode(value).decode()
    return value


def _python(field: Field[Any, Any], value: Any) -> Any:
    if value is None:
        return None
    target = field.target_field if isinstance(field, ForeignKey) else field
    if isinstance(target, BinaryField):
        return base64.b64decode(value)
    if isinstance(target, DurationField):
        days, seconds, microseconds = value
        return timedelta(days, seconds, microseconds)
    return target.to_python(value)
