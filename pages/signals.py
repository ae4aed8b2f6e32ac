"""The Signals page: where will it spike, how sure are we, and why?"""

from pages.shared import components, outbreaks_now, signal_cards, spikes
from pages.shared.frame import open_page

with open_page("signals") as (answers, filters, text):
    if spikes.is_there(answers, filters, text):
        spikes.headline(answers, filters, text)
        outbreaks_now.going_on(answers, filters, text)
        signal_cards.cards(answers, filters, text)
        left, right = components.halves()
        with left:
            spikes.by_day(answers, filters, text)
            spikes.over(answers, filters, text)
        with right:
            spikes.record(answers, text)
        spikes.beyond(answers.signals(filters), text)
