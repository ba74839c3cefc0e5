from beside import make_importable

make_importable(__file__, "rule_scope", "golden_refusals")
