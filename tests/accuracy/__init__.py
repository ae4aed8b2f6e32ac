"""How good the forecasts are on real panels, against their peers: make backtest."""
