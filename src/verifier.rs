//! The rules: who may try a code, when and how often, and what uses it up.
//!
//! Each operation is one `async fn` of [`Verifier`]. It reads the clock once; everything
//! below takes the time as an argument.

#[cfg(feature = "admin")]
pub mod admin;
mod config;
mod delete;
mod error;
mod recovery;
mod register;
mod rotation;
mod status;
mod unlock;
mod verify;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::store::{Store, StoreError};

pub use crate::config_error::ConfigError;
pub use crate::policy::{Charge, Policy};
pub use config::{Config, Window};
pub use error::VerifierError;
pub use recovery::MAX_RECOVERY_CODES;
pub use register::{Enrollment, Label, Registration};
pub use status::UserStatus;
pub use verify::{Outcome, Verification};

/// The longest user id, in bytes of UTF-8.
const MAX_USER_BYTES: usize = 256;

/// Registers users and checks their codes against one table.
///
/// Cloning is shallow: clones share one client and its connections.
#[derive(Debug, Clone)]
pub struct Verifier(Arc<Shared>);

#[cfg_attr(not(feature = "simulation"), derive(Debug))]
struct Shared {
    config: Config,
    store: Store,
    #[cfg(feature = "simulation")]
    time: Option<Arc<dyn crate::simulation::Time>>,
}

impl Verifier {
    /// Checks the configuration. No I/O happens before the first operation.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that can never work.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let store = Store::new(&config.table_name, config.store.clone())?;
        Ok(Self(Arc::new(Shared {
            config,
            store,
            #[cfg(feature = "simulation")]
            time: None,
        })))
    }

    /// A verifier over a network and a clock under a test's hands.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[cfg(feature = "simulation")]
    pub fn simulated(
        config: Config,
        network: Arc<dyn crate::simulation::Network>,
        time: Arc<dyn crate::simulation::Time>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let settings = config.store.clone();
        let store = Store::simulated(&config.table_name, settings, network, Arc::clone(&time))?;
        Ok(Self(Arc::new(Shared { config, store, time: Some(time) })))
    }

    /// Time since 1970; a clock set before that counts as 1970.
    #[cfg_attr(not(feature = "simulation"), expect(clippy::unused_self, reason = "its clock"))]
    fn now(&self) -> Duration {
        #[cfg(feature = "simulation")]
        if let Some(time) = &self.0.time {
            return time.now();
        }
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// What this verifier was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Opens a connection and keeps it, so that the next call finds one: for the time
    /// before the first request, which nobody waits for.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn connect(&self) -> Result<(), VerifierError> {
        self.in_time(async { Ok(self.0.store.warm_up().await?) }).await
    }

    /// Bounds a whole operation, waiting for a connection and retries included.
    async fn in_time<T>(
        &self,
        operation: impl Future<Output = Result<T, VerifierError>>,
    ) -> Result<T, VerifierError> {
        let limit = self.0.config.timeout;
        let too_late = || {
            let mut waited = format!("no answer within {} s", limit.as_secs_f32());
            if let Some(obstacle) = self.0.store.obstacle() {
                waited = format!("{waited}: {obstacle}");
            }
            Err(StoreError::Unavailable(waited).into())
        };
        #[cfg(feature = "simulation")]
        if let Some(time) = &self.0.time {
            let done = crate::simulation::within(time, limit, operation).await;
            return done.unwrap_or_else(too_late);
        }
        tokio::time::timeout(limit, operation).await.unwrap_or_else(|_| too_late())
    }
}

/// Any text of 1 to 256 bytes without control characters. It is used as it is: no
/// case folding, no Unicode normalization.
fn check_user(user: &str) -> Result<(), VerifierError> {
    check_name(user).map_err(VerifierError::InvalidUser)
}

/// What is wrong with a user id or an account name.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("it is empty")
    } else if name.len() > MAX_USER_BYTES {
        Err("it is longer than 256 bytes of UTF-8")
    } else if name.chars().any(char::is_control) {
        Err("it contains control characters")
    } else {
        Ok(())
    }
}

#[cfg(feature = "simulation")]
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}
