"""What most commands begin with: the store that is there, names that it knows, and the clock."""

from __future__ import annotations

from datetime import UTC, datetime

from analytics.catalogue import masked, store_exists
from analytics.errors import BadInput
from analytics.filters import COUNTED, Filters
from analytics.queries import choices
from analytics.settings import read_settings
from analytics.store import Store, open_store

EXAMPLES = 5
NAMED = {
    "region": "regions",
    "municipality": "municipalities",
    "topic_group": "topic_groups",
    "topic": "topics",
    "channel": "channels",
    "kind": "kinds",
}


def existing_store() -> Store:
    """The store of the settings in force. Raises BadInput where there is none."""
    settings = read_settings()
    if not store_exists(settings):
        raise BadInput(
            "no_store", "There is no store at {store} yet; import an export first.", store=masked(settings.store)
        )
    return open_store(settings)


def check_days(filters: Filters) -> None:
    """Raise BadInput where the last day is before the first."""
    if filters.first_day and filters.last_day and filters.last_day < filters.first_day:
        raise BadInput(
            "last_before_first",
            "The last day, {last}, is before the first, {first}.",
            first=filters.first_day,
            last=filters.last_day,
        )


def check_named(store: Store, filters: Filters) -> None:
    """Raise BadInput where a name that is asked for is nowhere in the store."""
    known = choices(store)
    for meaning, chosen in NAMED.items():
        names = known.loc[known["meaning"] == meaning, "value"]
        for name in set(getattr(filters, chosen)) - set(names) - set(COUNTED):  # what is counted unless said otherwise
            examples = ", ".join(one for one in names.head(EXAMPLES) if one) or "none"
            raise BadInput(
                "not_in_store",
                "Nothing in the store has the {meaning} {name}; the most frequent are: {known}.",
                meaning=meaning.replace("_", " "),
                name=name,
                known=examples,
            )


def utc_now() -> datetime:
    """Now, UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
