from beside import make_importable

make_importable(__file__, "conformance_cases", "published_grammar", "written_expressions")
