"""Numbers become scores: what learners, snapshots and keyed detectors are, and the catalogue of all."""
