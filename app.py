"""The Overview: what needs my attention this week?"""

from pages.shared import coming, components
from pages.shared.frame import open_page

with open_page("overview") as (answers, filters, text):
    components.headline(answers.headline(filters), filters, text)
    if foreseen := coming.is_there(answers, filters, text):
        coming.three_things(answers, filters, text)
    components.tiles(answers.tiles(filters), filters, text)
    if foreseen:
        left, right = components.halves()
        with left:
            coming.signals(answers, filters, text)
        with right:
            coming.expected_change(answers, filters, text)
    components.over_time(answers.received_and_closed(filters), filters, text)
    left, right = components.halves()
    with left:
        components.what_moved(answers.movers(filters, "topic"), "topic", filters.compare, text)
    with right:
        places = answers.places(filters)
        components.what_moved(answers.movers(filters, places), places, filters.compare, text)
    components.completeness(answers.completeness(filters), text)
