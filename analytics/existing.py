"""What most commands begin with: the store that is there, and the clock."""

from __future__ import annotations

from datetime import UTC, datetime

from analytics.catalogue import masked, store_exists
from analytics.errors import BadInput
from analytics.settings import read_settings
from analytics.store import Store, open_store


def existing_store() -> Store:
    """The store of the settings in force. Raises BadInput where there is none."""
    settings = read_settings()
    if not store_exists(settings):
        raise BadInput(
            "no_store", "There is no store at {store} yet; import an export first.", store=masked(settings.store)
        )
    return open_store(settings)


def utc_now() -> datetime:
    """Now, UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
