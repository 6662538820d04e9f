//! The rules: who may try a code, when, how often, and what uses it up.
//!
//! Each operation is one `async fn`. The clock is read once a call; everything
//! below takes the time as an argument.

#[cfg(feature = "admin")]
pub mod admin;
mod config;
mod delete;
mod recovery;
mod register;
mod verify;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::otp::OtpError;
use crate::qr::QrError;
use crate::random::RandomError;
use crate::store::{Store, StoreError};

pub use crate::config_error::ConfigError;
pub use crate::policy::{Charge, Policy};
pub use config::{Config, Window};
pub use recovery::{MAX_RECOVERY_CODES, UserStatus};
pub use register::{Enrollment, Registration};
pub use verify::Verification;

/// The longest user id, in bytes of UTF-8.
const MAX_USER_BYTES: usize = 256;

/// Why an operation failed. A wrong code is no failure: see [`Verification`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierError {
    /// The user id is empty, too long, or holds control characters.
    #[error("invalid user: {0}")]
    InvalidUser(&'static str),
    /// The secret given to `register` cannot be used.
    #[error(transparent)]
    InvalidSecret(OtpError),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// More recovery codes than [`MAX_RECOVERY_CODES`], or none where some are needed.
    #[error("invalid number of recovery codes: use {least} to {MAX_RECOVERY_CODES}")]
    InvalidCount {
        /// The fewest that this call takes.
        least: usize,
    },
    /// The user is registered already; the stored secret is untouched.
    #[error("the user is already registered")]
    UserExists,
    /// There is no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// The budget of guesses is spent.
    #[error("too many attempts: try again in {} seconds", .retry_after.as_secs())]
    TooManyAttempts {
        /// How long until the next attempt is granted, in whole seconds.
        retry_after: Duration,
    },
    /// As many misses in a row as the policy allows.
    #[error(
        "the user is locked after too many wrong codes in a row: use a recovery code, or unlock \
         the user"
    )]
    Locked,
    /// The key URI does not fit into a QR code.
    #[error(transparent)]
    Qr(#[from] QrError),
    /// The store failed: no verdict.
    #[error(transparent)]
    Store(#[from] StoreError),
}

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
    let problem = if user.is_empty() {
        "it is empty"
    } else if user.len() > MAX_USER_BYTES {
        "it is longer than 256 bytes of UTF-8"
    } else if user.chars().any(char::is_control) {
        "it holds control characters"
    } else {
        return Ok(());
    };
    Err(VerifierError::InvalidUser(problem))
}

#[cfg(feature = "simulation")]
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}
