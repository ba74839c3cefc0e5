"""The API from Python: a method for each route that programs call."""
