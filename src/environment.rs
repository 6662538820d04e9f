//! Environment variables. An empty one counts as absent, everywhere in this crate.

/// The value of a variable that is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    set(std::env::var(name).ok())
}

/// A value, unless it is empty.
pub(crate) fn set(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}
