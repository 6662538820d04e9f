//! What a store is told.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::seal::KeyRing;
use crate::config_error::ConfigError;

/// Where the table is, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// AWS region; by default `AWS_REGION`, `AWS_DEFAULT_REGION`, then the profile's.
    pub region: Option<String>,
    /// Another endpoint than AWS's own; by default `AWS_ENDPOINT_URL_DYNAMODB`.
    pub endpoint_url: Option<String>,
    /// Use the embedded engine instead of AWS: a file, or `:memory:`.
    pub embedded: Option<String>,
    /// What seals the secrets.
    pub keys: KeyRing,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long one try of one request may take.
    pub attempt_timeout: Duration,
    /// How many requests may be under way at once; others wait their turn.
    pub max_connections: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            embedded: None,
            keys: KeyRing::default(),
            connect_timeout: Duration::from_millis(1500),
            attempt_timeout: Duration::from_millis(2500),
            max_connections: 64,
        }
    }
}

/// Times that a client can wait: anything shorter is a mistake, and Lambda ends after 15
/// minutes.
pub(crate) const WAITS: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_mins(15);
pub(crate) const WAITS_IN_WORDS: &str = "use 0.001 to 900 seconds";

impl Settings {
    /// Checks what can be checked without I/O and without the table's name.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for (name, wait) in
            [("connect_timeout", self.connect_timeout), ("attempt_timeout", self.attempt_timeout)]
        {
            ConfigError::unless(WAITS.contains(&wait), name, WAITS_IN_WORDS)?;
        }
        let connections = (1..=10_000).contains(&self.max_connections);
        ConfigError::unless(connections, "max_connections", "use 1 to 10000")?;
        self.endpoint_url.as_deref().map_or(Ok(()), |url| check_endpoint(url).map(drop))
    }
}

/// Checks what a table can be called.
pub(super) fn check_table(name: &str) -> Result<(), ConfigError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let fits = (3..=255).contains(&name.len()) && name.bytes().all(legal);
    let problem = format!("{name:?} is not 3 to 255 letters, digits, '_', '-' and '.'");
    ConfigError::unless(fits, "table_name", &problem)
}

/// Whether the endpoint is plain http, which needs no certificates.
pub(super) fn check_endpoint(url: &str) -> Result<bool, ConfigError> {
    for (scheme, plain) in [("http://", true), ("https://", false)] {
        if url.strip_prefix(scheme).is_some_and(|host| !host.is_empty()) {
            return Ok(plain);
        }
    }
    let problem = format!("{url:?} does not start with http:// or https://");
    Err(ConfigError::new("endpoint_url", problem))
}
