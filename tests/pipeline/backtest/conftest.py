from beside import make_importable

make_importable(__file__, "backtest_streams", "stored_system")
