from beside import make_importable

make_importable(__file__, "../language/rule_scope")
