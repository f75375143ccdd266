"""The configurations that come with callsheet: YAML, and the small files that `recipe=demo` trains on."""
