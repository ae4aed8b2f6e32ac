"""How a store does: its last import, its last full day, the age of its forecasts, its size."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analytics.attention import forecast_age

if TYPE_CHECKING:
    from analytics.store import Store


def health(store: Store, as_of: date) -> dict[str, Any]:
    """imported_at (UTC, None: never), imports (in force), size (bytes), and what `attention.forecast_age` says.

    The size is that of the files in use and of a catalogue in a folder; a database's catalogue is not counted.
    """
    found = store.query(
        """
        select max(finished_at) filter (undone_at is null) as imported_at,
          count(*) filter (undone_at is null)::int as imports,
          (select coalesce(sum(file_size_bytes + delete_file_size_bytes), 0)::bigint
           from ducklake_table_info('lake')) as size
        from imports
        """
    ).iloc[0]
    size = int(found["size"])
    if not store.settings.remote:
        size += sum(file.stat().st_size for file in Path(store.settings.store).glob("catalogue.sqlite*"))
    imported = found["imported_at"]
    return {
        "imported_at": imported if pd.notna(imported) else None,
        "imports": int(found["imports"]),
        "size": size,
        **forecast_age(store, as_of),
    }
