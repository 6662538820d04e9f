//! The embedded engine: DynamoDB's API inside the process, on SQLite.
//!
//! The client is the same; only its HTTP connector is ours, and hands each
//! request to the engine instead of a socket. So no port is open, and nobody else
//! on the machine can read the table through one. A file may be open in several
//! processes: SQLite's own locks keep each conditional write whole. A request that finds
//! the file locked waits for as long as its caller does.
//!
//! Built with the feature `embedded`; without it every use is a configuration error.

#[cfg(feature = "embedded")]
mod engine;
#[cfg(feature = "embedded")]
mod file;

#[cfg(feature = "embedded")]
pub use engine::call;
#[cfg(feature = "embedded")]
pub(crate) use engine::{connector, locked};

use crate::config_error::ConfigError;
#[cfg(not(feature = "embedded"))]
use crate::store::StoreError;

/// Whether this build has the engine.
///
/// # Errors
/// [`ConfigError`] when it was left out.
pub fn available() -> Result<(), ConfigError> {
    let problem = "this build has no embedded engine: install lambdatotp with the feature \
                   'embedded', or unset LAMBDATOTP_EMBEDDED to use DynamoDB";
    ConfigError::unless(cfg!(feature = "embedded"), "embedded", problem)
}

/// One raw DynamoDB request to the engine, which this build does not have.
///
/// # Errors
/// Always [`StoreError::Configuration`].
#[cfg(not(feature = "embedded"))]
#[expect(clippy::unused_async, reason = "as the one that waits")]
pub async fn call(
    _at: &str,
    _table: &str,
    _operation: &str,
    _body: &str,
) -> Result<(u16, String), StoreError> {
    available()?;
    Err(StoreError::Unavailable("no embedded engine".to_owned()))
}

#[cfg(not(feature = "embedded"))]
pub(crate) fn locked(_at: &str) -> bool {
    false
}

#[cfg(not(feature = "embedded"))]
#[expect(clippy::unused_async, reason = "as the one that waits")]
pub(crate) async fn connector(
    _at: &str,
    _table: &str,
) -> Result<aws_smithy_runtime_api::client::http::SharedHttpConnector, StoreError> {
    available()?;
    Err(StoreError::Unavailable("no embedded engine".to_owned()))
}
