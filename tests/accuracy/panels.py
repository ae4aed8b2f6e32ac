"""The real panels that forecasts are measured on, made from the exports beside the project; none of them is kept in it.

Each is a table `day, region, topic, complaints`. NYC: cases of the City Council by borough and by office, New York
state's holidays; Houston: potholes and floods by district; snow: a snowy city. Series with at least 0.1 complaints a
day, at most the 60 largest: the slow peers set that limit.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

FEWEST_A_DAY, MOST_SERIES = 0.1, 60
ORIGINS, STEP, HORIZON = 13, 29, 28
COUNTRIES = {"nyc_borough": ("US", "NY"), "nyc_office": ("US", "NY"), "houston": ("US", "TX"), "snow": ("US", "IL")}
COUNCIL = "exports/nyc_council/council_constituent_services_2015_2022.csv.gz"
QUERIES = {
    "nyc_borough": f"""
        select strptime(OPENDATE, '%m/%d/%Y')::date as day, coalesce(nullif(BOROUGH, ''), 'unknown') as region,
          coalesce(nullif(COMPLAINT_TYPE, ''), 'unknown') as topic, count(*) as complaints
        from read_csv('{{folder}}/{COUNCIL}', all_varchar = true) group by all
    """,
    "nyc_office": f"""
        select strptime(OPENDATE, '%m/%d/%Y')::date as day, ACCOUNT as region,
          coalesce(nullif(COMPLAINT_TYPE, ''), 'unknown') as topic, count(*) as complaints
        from read_csv('{{folder}}/{COUNCIL}', all_varchar = true) group by all
    """,
    "houston": """
        select "SR CREATE DATE"::timestamp::date as day, coalesce(nullif(DISTRICT, ''), 'Unknown') as region,
          "SR TYPE" as topic, count(distinct "CASE NUMBER") as complaints
        from read_csv('{folder}/exports/houston_311/*.csv.gz', all_varchar = true, union_by_name = true) group by all
    """,
    "snow": "select day::date as day, region, topic, complaints from '{folder}/bench/snow/panel.parquet'",
}


def panel(name: str, folder: Path) -> pd.DataFrame:
    """The panel's larger series; every day of each from the panel's first to its last, quiet days 0."""
    table = duckdb.sql(QUERIES[name].format(folder=folder)).df()
    wide = table.pivot(index="day", columns=["region", "topic"], values="complaints")
    wide = wide.reindex(pd.date_range(wide.index.min(), wide.index.max())).fillna(0)
    wide = wide.loc[:, wide.mean() >= FEWEST_A_DAY]
    wide = wide[wide.sum().sort_values(ascending=False).index[:MOST_SERIES]].sort_index(axis=1)
    long = wide.rename_axis(index="day").stack(["region", "topic"], future_stack=True)
    return long.rename("complaints").astype(int).reset_index()


def origins(days: pd.DatetimeIndex) -> list[pd.Timestamp]:
    """Up to thirteen origins, 29 days apart, so that they rotate over the weekdays; the last knows all but 28 days."""
    found = [days[-1] - pd.Timedelta(days=HORIZON + STEP * number) for number in range(ORIGINS)]
    return [origin for origin in reversed(found) if (origin - days[0]).days >= 300]
