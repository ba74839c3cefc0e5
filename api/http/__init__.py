"""What all routes share: problems, bodies, queries, entity tags, and the OpenAPI texts beside routes."""
