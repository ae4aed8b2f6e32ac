"""Which state of the data something was made from: a number that each import, undo and renaming raises.

Times cannot tell: what was imported while a forecast was made may bear a time before it. Read on the snapshot that the
data are read from, the number names them exactly, and it is kept by a backup, as snapshots are not.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pandas as pd

STATE = """
select (select count(*) + count(undone_at) from imports)
  + coalesce((select max(value::bigint) from settings where setting = 'renamings'), 0) as state
"""
RUNS = "select count(*) || '/' || coalesce(max(run_id), 0) as runs from forecast_runs"


def data_state(query: Callable[..., pd.DataFrame]) -> int:
    """The number of the state that `query` sees; it grows with each import, undo and renaming, with nothing else."""
    return int(query(STATE)["state"].iloc[0])


def issue_state(query: Callable[..., pd.DataFrame]) -> str:
    """The state of the data and of what was issued from them: another after each import, undo, renaming and issue."""
    return f"{data_state(query)} {query(RUNS)['runs'].iloc[0]}"


def note_renaming(cursor: duckdb.DuckDBPyConnection) -> None:
    """Within a transaction: names of what is stored change, so what was made before is of other names."""
    cursor.execute(
        """
        create or replace temp table noted as
        select coalesce(max(value::bigint), 0) + 1 as renamings from settings where setting = 'renamings'
        """
    )
    cursor.execute("delete from settings where setting = 'renamings'")
    cursor.execute("insert into settings select 'renamings', renamings::varchar from noted")
