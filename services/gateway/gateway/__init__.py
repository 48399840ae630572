"""One door and one OpenAPI document for all HTTP calls."""
