"""The Trends page: what is changing?"""

from pages.shared import components, trend_headline, trends
from pages.shared.frame import open_page

with open_page("trends") as (answers, filters, text):
    last_line = trend_headline.headline(answers, filters, text)
    trends.parts(answers, filters, text)
    trends.year_over_year(answers, filters, text)
    trends.what_moved(answers, filters, text)
    left, right = components.halves()
    with left:
        trends.new_topics(answers, filters, text)
    with right:
        trends.gone_topics(answers, filters, text)
    left, right = components.halves()
    with right:
        trends.arrival(answers, filters, text)
    with left:
        trends.moved_labels(answers, filters, text, last_line)
