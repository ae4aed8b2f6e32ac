"""The Forecast page: what comes next, and how good were we?"""

from pages.shared import components, outlook
from pages.shared.frame import open_page

with open_page("forecast") as (answers, filters, text):
    if outlook.is_there(answers, filters, text):
        outlook.headline(answers, filters, text)
        outlook.fan(answers, filters, text)
        outlook.made_of(answers, filters, text)
        left, right = components.halves()
        with left:
            outlook.will_it_exceed(answers, filters, text)
        with right:
            outlook.record(answers, filters, text)
        outlook.municipalities(answers, filters, text)
