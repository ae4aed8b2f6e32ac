"""The Heatmap: where, and when?"""

from pages.shared import choosing, heat, heat_headline
from pages.shared.frame import open_page

with open_page("heatmap") as (answers, filters, text):
    heat_headline.headline(answers, filters, text)
    choosing.way_back(answers, filters, text)
    view = choosing.one_of("view", heat.views(answers), text)
    measure = choosing.one_of("measure", heat.measures(view, answers, filters), text)
    heat.show(view, measure, answers, filters, text)
