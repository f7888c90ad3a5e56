"""Verification jobs: drafts in, one result per draft out, whatever happens between.

    rows       JSON lines, Parquet or mappings to tasks and drafts; nothing else gets through
    results    the values: what was established of one draft, and of all
    output     the results file: complete or not there
    plan       what to verify with, and what results therefore depend on
    _database  the tables, and all in which SQLite and PostgreSQL differ
    _store     the batches in a database: written down, listed, cancelled, retried
    _queue     one batch as one process works on it: claim, finish, give back
    _engines   what checks: this process, or
    _ray       the workers of a Ray cluster
    _pump      queue to engine and back, with few checks in memory
    _streams   results in input order, or as they come
    _begin     which batch a job works on
    session    one run: validate, check, write
    _parquet, _extras, _signals
    verify     the public functions

Everything between input and results is in the database, so memory does not grow with the number of
rows, `kill -9` loses what was in flight and no more, several processes can work on one batch, and
the results are written in one pass, in input order, each id once. A batch keeps the identity of its
job: results of other critics, options, versions or drafts are never mixed with it.
"""
