//! Checking a code: reserve, check, accept.

use std::time::Duration;

use super::{Verifier, VerifierError, check_user};
use crate::otp::{Code, RecoveryCode};
use crate::policy::milliseconds;
use crate::store::{Acceptance, Accepted, Attempt, Reserved};

/// The verdict on a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// The right code, used up from now on.
    Accepted {
        /// The step it belongs to.
        step: u64,
    },
    /// Not the code, or no code at all.
    Rejected,
    /// A right code that was used before.
    Replayed,
    /// A recovery code, used up from now on.
    Recovered {
        /// How many are left.
        left: usize,
    },
}

impl Verification {
    /// Whether the user may come in.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Recovered { .. })
    }
}

impl Verifier {
    /// Checks a code, or a recovery code, and uses it up when it is right.
    ///
    /// Two round trips for a right code, one for a wrong one, none for a text that
    /// can be no code. Every other attempt is charged before the code is looked at,
    /// so that parallel guesses cannot outrun the budget.
    ///
    /// # Errors
    /// [`VerifierError::InvalidUser`], [`VerifierError::UserNotFound`],
    /// [`VerifierError::TooManyAttempts`], [`VerifierError::Locked`],
    /// [`VerifierError::Store`].
    pub async fn verify(&self, user: &str, code: &str) -> Result<Verification, VerifierError> {
        self.verify_at(user, code, self.now()).await
    }

    /// As [`verify`](Self::verify), at a given time since 1970.
    ///
    /// For tests and simulations. Never take the time from a request.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn verify_at(
        &self,
        user: &str,
        code: &str,
        now: Duration,
    ) -> Result<Verification, VerifierError> {
        check_user(user)?;
        if let Some(code) = Code::parse(code) {
            return self.in_time(self.check(user, &code, now)).await;
        }
        match RecoveryCode::parse(code) {
            Some(code) => self.in_time(self.recover(user, &code, now)).await,
            None => Ok(Verification::Rejected),
        }
    }

    async fn check(
        &self,
        user: &str,
        code: &Code,
        now: Duration,
    ) -> Result<Verification, VerifierError> {
        let config = &self.0.config;
        let period = config.period.seconds().saturating_mul(config.window.steps().max(1));
        let attempt = Attempt {
            user,
            now_ms: milliseconds(now),
            policy: &config.policy,
            apart_ms: milliseconds(Duration::from_secs(period)),
        };
        let record = match self.0.store.reserve(attempt).await? {
            Reserved::Granted(record) => record,
            Reserved::NotFound => return Err(VerifierError::UserNotFound),
            Reserved::Throttled(retry_after) => {
                return Err(VerifierError::TooManyAttempts { retry_after });
            }
            Reserved::Locked => return Err(VerifierError::Locked),
        };
        let seconds = now.as_secs();
        let search = |after| record.totp.verify_after(code, seconds, config.window.steps(), after);
        let Some(step) = search(record.last_step) else {
            let used = search(None).is_some();
            return Ok(if used { Verification::Replayed } else { Verification::Rejected });
        };
        let acceptance = Acceptance {
            user,
            record: &record,
            step,
            refund_ms: config.policy.refill_ms(),
            now: seconds,
        };
        match self.0.store.accept(acceptance).await? {
            Accepted::Stored => Ok(Verification::Accepted { step }),
            Accepted::Replayed => Ok(Verification::Replayed),
            Accepted::Superseded => Ok(Verification::Rejected),
        }
    }
}
