//! Environment variables. An empty one counts as absent, everywhere in this crate; one that
//! is not UTF-8 never does, and nothing is replaced in it.

use std::ffi::OsString;
use std::path::PathBuf;

/// The value of a variable that is set to something. Of AWS's, [`unreadable`] has looked
/// at all before.
pub(crate) fn variable(name: &str) -> Option<String> {
    set(std::env::var_os(name)).and_then(|value| value.into_string().ok())
}

/// The path that a variable names, as it is.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    set(std::env::var_os(name)).map(PathBuf::from)
}

/// A value, unless it is empty.
pub(crate) fn set(value: Option<OsString>) -> Option<OsString> {
    value.filter(|value| !value.is_empty())
}

/// The first of the variables whose names start with `prefix` that is not UTF-8. Paths that
/// [`path`] reads need not be.
pub(crate) fn unreadable(prefix: &str) -> Option<String> {
    let names = std::env::vars_os().filter(|(_, value)| value.to_str().is_none());
    names
        .filter_map(|(name, _)| name.into_string().ok())
        .find(|name| name.starts_with(prefix) && name != "AWS_CA_BUNDLE")
}
