from beside import make_importable

make_importable(__file__, "plain_conditions", "written_conditions", "../../features/expressions/written_expressions")
