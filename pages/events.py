"""The Events page: what will this event do to us?"""

from pages.shared import event_choices, happenings
from pages.shared.frame import open_page

with open_page("events", needs_complaints=False) as (answers, filters, text):
    happenings.headline(answers, filters, text)
    part = event_choices.part(text)
    happenings.show(part, answers, filters, text)
