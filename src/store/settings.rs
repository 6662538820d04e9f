//! What a store is told.

use std::time::Duration;

use super::StoreError;
use super::seal::KeyRing;

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

/// Whether the endpoint is plain http, which needs no certificates.
pub(super) fn check_endpoint(url: &str) -> Result<bool, StoreError> {
    for (scheme, plain) in [("http://", true), ("https://", false)] {
        if url.strip_prefix(scheme).is_some_and(|host| !host.is_empty()) {
            return Ok(plain);
        }
    }
    Err(StoreError::Configuration(format!(
        "invalid endpoint_url {url:?}: it must start with http:// or https://"
    )))
}
