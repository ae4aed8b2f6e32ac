"""The Data page: what did we load, and can I trust it?"""

from pages.shared.frame import open_page

with open_page("data", needs_complaints=False) as (answers, filters, text):
    pass
