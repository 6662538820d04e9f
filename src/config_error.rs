//! A setting that cannot be.

/// Which setting cannot be as it is, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {name}: {problem}")]
pub struct ConfigError {
    /// The setting, or the environment variable.
    pub name: String,
    /// What it must be. Never a key.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(name: impl Into<String>, problem: impl ToString) -> Self {
        Self { name: name.into(), problem: problem.to_string() }
    }

    /// This error, unless the setting is as it must be.
    pub(crate) fn unless(fits: bool, name: &str, problem: &str) -> Result<(), Self> {
        if fits { Ok(()) } else { Err(Self::new(name, problem)) }
    }
}
