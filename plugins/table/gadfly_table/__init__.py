"""Critics that ask a task's tables by SQL, and hold a draft to what the tables say.

table/queries   the draft's queries run, and give the answer that it states
table/answers   the stated answer is what the table gives for the task's question
table/claims    the table bears out what the draft says of it

    read_tables    the tables in a file: CSV, TSV, Markdown, JSON, Parquet, SQLite
    table_from     a table of plain data, with the type of each column inferred
    find_queries   the SQL in a draft
"""

from __future__ import annotations

from gadfly import Critic, Register, hookimpl
from gadfly_table._answering import AnswersCritic
from gadfly_table._claims import ClaimsCritic
from gadfly_table._queries import QueriesCritic, find_queries
from gadfly_table._sources import read_tables
from gadfly_table._tables import Column, Kind, Table, table_from

__all__ = [
    "AnswersCritic",
    "ClaimsCritic",
    "Column",
    "Kind",
    "QueriesCritic",
    "Table",
    "find_queries",
    "read_tables",
    "register_critics",
    "table_from",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the three critics."""
    register("queries", QueriesCritic)
    register("answers", AnswersCritic)
    register("claims", ClaimsCritic)
