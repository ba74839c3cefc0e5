from beside import make_importable

make_importable(__file__, "value_streams")
