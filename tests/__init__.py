"""The tests: the crate's in Rust, the package's and the service's in python/."""
