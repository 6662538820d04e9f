"""Programs and servers for tests, benchmarks, packaging and the site: `python -m tools.NAME`."""
