"""Verification jobs: a file of drafts in, one JSON line per draft out, whatever happens between.

    rows      JSON lines (or mappings) to tasks and drafts; nothing else of a row gets through
    _store    the ledger: what is to be checked and what came of it, in SQLite
    results   the values: what was established of one draft, and of all
    output    the results file: complete or not there
    plan      what to verify with, and what results therefore depend on
    session   one run: validate, check, write
    _signals  SIGTERM does what Ctrl-C does
    verify    the public functions

Everything between input and results is in the ledger, so memory does not grow with the number of
rows, `kill -9` loses what was in flight and no more, and the results are written in one pass, in
input order, each id once. The ledger keeps the identity of the run: results of other critics,
options, versions or drafts are never mixed with it.
"""
