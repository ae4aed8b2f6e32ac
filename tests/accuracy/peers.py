"""Forecasts of the peers, in an environment of their own (requirements-bench.txt: they need pandas below 3).

python peers.py FOLDER METHOD: for each panel in FOLDER (NAME.parquet with `series, day, complaints`; origins in
NAME.json) writes METHOD_NAME.npz: `values` (origins × series × 28 × [mean, 13 quantiles]) and `seconds`.
"""

import json
import logging
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

LEVELS = [0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975]
WIDTHS = [95, 90, 80, 60, 40, 20]
HORIZON = 28
warnings.filterwarnings("ignore")
logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
logging.getLogger("prophet").setLevel(logging.ERROR)


def with_statsforecast(history: pd.DataFrame, model) -> np.ndarray:
    from statsforecast import StatsForecast

    long = history.rename(columns={"series": "unique_id", "day": "ds", "complaints": "y"})
    found = StatsForecast(models=[model], freq="D", n_jobs=2).forecast(df=long, h=HORIZON, level=WIDTHS)
    found = found.sort_values(["unique_id", "ds"])
    name = next(c for c in found.columns if "-" not in c and c not in ("unique_id", "ds"))
    columns = [name, *(f"{name}-lo-{w}" for w in WIDTHS), name, *(f"{name}-hi-{w}" for w in WIDTHS[::-1])]
    return found[columns].to_numpy().reshape(-1, HORIZON, 14)


def auto_ets(history):
    from statsforecast.models import AutoETS

    return with_statsforecast(history, AutoETS(season_length=7))


def theta(history):
    from statsforecast.models import DynamicOptimizedTheta

    return with_statsforecast(history, DynamicOptimizedTheta(season_length=7))


def mstl(history):
    from statsforecast.models import MSTL

    days = history["day"].nunique()
    return with_statsforecast(history, MSTL(season_length=[7, 365] if days > 2 * 365 else 7))


def prophet_one(counts: pd.DataFrame) -> np.ndarray:
    from prophet import Prophet

    model = Prophet(uncertainty_samples=300)
    model.fit(counts.rename(columns={"day": "ds", "complaints": "y"})[["ds", "y"]])
    ahead = model.make_future_dataframe(HORIZON, include_history=False)
    draws = model.predictive_samples(ahead)["yhat"]
    return np.column_stack([draws.mean(axis=1), np.quantile(draws, LEVELS, axis=1).T])


def prophet(history):
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(2) as pool:
        return np.stack(list(pool.map(prophet_one, [part for _, part in history.groupby("series")])))


def light_gbm(history):
    import lightgbm as lgb
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean

    long = history.rename(columns={"series": "unique_id", "day": "ds", "complaints": "y"})
    long["y"] = long["y"].astype(float)
    common = dict(n_estimators=200, learning_rate=0.05, num_leaves=31, verbosity=-1, n_jobs=2, random_state=1)
    models = {f"q{level}": lgb.LGBMRegressor(objective="quantile", alpha=level, **common) for level in LEVELS}
    models["mean"] = lgb.LGBMRegressor(objective="poisson", **common)
    # Direct features that are known at the origin for all 28 days: lags of 28 days and more.
    engine = MLForecast(
        models=models,
        freq="D",
        lags=[28, 35, 42, 364],
        lag_transforms={28: [RollingMean(7), RollingMean(28), RollingMean(91)]},
        date_features=["dayofweek", "month", "dayofyear"],
    )
    recent = long[long["ds"] > long["ds"].max() - pd.Timedelta(days=4 * 365)]
    engine.fit(recent, static_features=[])
    found = engine.predict(HORIZON).sort_values(["unique_id", "ds"])
    values = found[["mean", *(f"q{level}" for level in LEVELS)]].to_numpy().reshape(-1, HORIZON, 14)
    values[..., 1:] = np.sort(values[..., 1:], axis=2)
    return values


METHODS = {"auto_ets": auto_ets, "theta": theta, "mstl": mstl, "prophet": prophet, "light_gbm": light_gbm}


def main(folder: Path, method: str) -> None:
    for table in sorted(folder.glob("*.parquet")):
        target = folder / f"{method}_{table.stem}.npz"
        if target.exists():
            continue
        panel = pd.read_parquet(table)
        origins = pd.to_datetime(json.loads(table.with_suffix(".json").read_text()))
        began = time.monotonic()
        values = [METHODS[method](panel[panel["day"] <= origin].copy()) for origin in origins]
        np.savez(target, values=np.maximum(np.stack(values), 0), seconds=time.monotonic() - began)
        print(method, table.stem, round(time.monotonic() - began), "s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
