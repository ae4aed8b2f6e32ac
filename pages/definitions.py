"""The page of definitions: what does each number and each chart mean?"""

from pages.shared import definitions
from pages.shared.frame import open_page

with open_page("definitions", needs_complaints=False) as page:
    definitions.measures(page.text)
    definitions.terms(page.text)
    definitions.charts(page.text)
