"""The label job, the learn job, and the fitting of boosted trees."""
