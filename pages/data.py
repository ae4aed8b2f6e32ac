"""The Data page: what did we load, and can I trust it?"""

from pages.shared import intake, own_settings, records
from pages.shared.frame import open_page

with open_page("data", needs_complaints=False) as (answers, filters, text):
    records.holdings(answers, text)
    if not answers.is_empty():
        records.health(answers, text)
    intake.take_in(answers, text)
    if not answers.is_empty():
        records.completeness(answers.completeness(filters), text)
        records.history(answers, text)
        records.settings(answers, text)
        own_settings.own_settings(answers, text)
