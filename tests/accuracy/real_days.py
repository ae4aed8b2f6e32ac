"""Holidays and a storm that really were: errors of the forecast with and without what is known of the days."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from analytics.almanac import Almanac
from analytics.drivers import Drivers
from analytics.forecast import forecast
from analytics.panel import Panel, dense_panel
from tests.accuracy import panels

FLOODS = {  # of Houston: the days with most complaints about floods before August 2017, and those of Harvey
    "2012-01-09": "2012-01-09",
    "2015-05-25": "2015-05-27",
    "2015-06-24": "2015-06-24",
    "2015-10-31": "2015-10-31",
    "2016-04-18": "2016-04-19",
    "2017-01-18": "2017-01-18",
    "2017-08-26": "2017-08-29",
}
BEFORE_HARVEY = "2017-08-24"


def judge_holidays(name: str, folder: Path) -> pd.DataFrame:
    """Errors on public holidays that fall on working days and on the days beside them, with and without the almanac."""
    whole = dense_panel(panels.panel(name, folder))
    almanac = Almanac(*panels.COUNTRIES[name])
    calendar = almanac.calendar(sorted(set(whole.days.year)))
    special = np.array([day.date() in calendar and day.day_of_week < 5 for day in whole.days])
    near = special | np.append(special[1:], False) | np.append(False, special[:-1])
    tables = []
    for origin in panels.origins(whole.days):
        known = int((origin - whole.days[0]).days) + 1
        past = Panel(whole.days[:known], whole.series, whole.counts[:, :known])
        inside = whole.days[known : known + panels.HORIZON][near[known : known + panels.HORIZON]]
        if not len(inside):
            continue
        for title, days in (("with", almanac), ("without", Almanac())):
            said = forecast(past, panels.HORIZON, almanac=days)
            tables.append(_beside(said[said["day"].isin(inside)], whole).assign(engine=title))
    return pd.concat(tables).assign(panel=name)


def _beside(said: pd.DataFrame, whole: Panel) -> pd.DataFrame:
    """The errors of the median, of the panel's series and of its grand total."""
    position = (said["day"] - whole.days[0]).dt.days.to_numpy()
    row = pd.MultiIndex.from_frame(whole.series).get_indexer(pd.MultiIndex.from_frame(said[["region", "topic"]]))
    grand = ((said["region"] == "*") & (said["topic"] == "*")).to_numpy()
    actual = np.where(grand, np.nansum(whole.counts, axis=0)[position], whole.counts[row, position])
    found = said.assign(complaints=actual, level=np.where(grand, "total of all", "bottom"))[grand | (row >= 0)]
    found["error"] = (found["0.5"] - found["complaints"]).abs()
    return found.loc[found["complaints"].notna(), ["level", "day", "complaints", "error"]]


def harvey(folder: Path) -> pd.DataFrame:
    """Floods and potholes of Houston on Harvey's days: what came, what was said without and with its announcement."""
    whole = dense_panel(panels.panel("houston", folder))
    origin = pd.Timestamp(BEFORE_HARVEY)
    known = whole.days <= origin
    past = Panel(whole.days[known], whole.series, whole.counts[:, known])
    events = pd.DataFrame({"starts_on": list(FLOODS), "ends_on": list(FLOODS.values())})
    events = events.assign(id=events["starts_on"], type="weather.flood", known_since=events["starts_on"])
    events.loc[len(events) - 1, "known_since"] = BEFORE_HARVEY
    told = Drivers(events, windows={"weather.flood": (1, 14)})
    almanac = Almanac(*panels.COUNTRIES["houston"])
    found = {}
    for title, drivers in (("without", None), ("told", told)):
        said = forecast(past, 14, almanac=almanac, drivers=drivers)
        said = said[said["region"] == "*"].set_index(["topic", "day"])
        found[title] = said[["mean", "0.1", "0.9", "0.975"]]
    table = pd.concat(found, axis=1).loc["Flooding"].loc[:"2017-09-05"]
    rows = (whole.series["topic"] == "Flooding").to_numpy()
    actual = pd.Series(np.nansum(whole.counts[rows], axis=0), whole.days)
    return pd.DataFrame(
        {
            "day": table.index.strftime("%Y-%m-%d"),
            "came": actual.loc[table.index].astype(int).to_numpy(),
            "said, nothing known": table["without", "mean"].round(1).to_numpy(),
            "its 95 % reach": table["without", "0.975"].astype(int).to_numpy(),
            "said, a flood announced": table["told", "mean"].round(0).astype(int).to_numpy(),
            "its 80 % interval": [
                f"{low:.0f} – {high:.0f}" for low, high in zip(table["told", "0.1"], table["told", "0.9"], strict=True)
            ],
            "its 95 % reach ": table["told", "0.975"].astype(int).to_numpy(),
        }
    )
