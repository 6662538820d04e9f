//! Checking a code: reserve, check, accept.

use std::time::Duration;

use super::{Verifier, VerifierError, check_user};
use crate::otp::{Code, RecoveryCode};
use crate::policy::milliseconds;
use crate::store::{Acceptance, Accepted, Attempt, Reserved, Standing};

/// What became of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The right code, used up from now on.
    Accepted,
    /// A wrong code, or a text that cannot be a code.
    Rejected,
    /// A right code that was used before.
    Replayed,
    /// A recovery code, used up from now on.
    Recovered,
}

/// The verdict on a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// What became of it.
    pub outcome: Outcome,
    /// The step that an accepted code belongs to.
    pub step: Option<u64>,
    /// Whether this code confirmed the enrollment: it is the first that was accepted.
    pub first: bool,
    /// How many attempts the user has left right now; `None` for a text that cannot be a code,
    /// which is not checked at all.
    pub attempts_left: Option<u32>,
    /// Recovery codes left; `None` as above.
    pub recovery_codes_left: Option<usize>,
    /// Identifies the enrollment; `None` as above, and for a user of the original application.
    /// It changes with a new registration and with a confirmed rotation.
    pub enrollment_id: Option<String>,
}

impl Verification {
    /// Whether the user may log in.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted | Outcome::Recovered)
    }

    /// Of which nothing else is known.
    pub(super) const fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            step: None,
            first: false,
            attempts_left: None,
            recovery_codes_left: None,
            enrollment_id: None,
        }
    }
}

impl Verifier {
    /// Checks a code, or a recovery code, and uses it up when it is right.
    ///
    /// Two round trips for a right code, one for a wrong one, none for a text that cannot be a
    /// code. Every other attempt is charged before the code is looked at,
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
            None => Ok(Verification::of(Outcome::Rejected)),
        }
    }

    async fn check(
        &self,
        user: &str,
        code: &Code,
        now: Duration,
    ) -> Result<Verification, VerifierError> {
        let config = &self.0.config;
        let reserved = self.0.store.reserve(self.attempt(user, now)).await?;
        let record = Self::granted(reserved)?;
        let seconds = now.as_secs();
        let search = |after| record.totp.verify_after(code, seconds, config.window.steps(), after);
        let Some(step) = search(record.last_step) else {
            let used = search(None).is_some();
            let outcome = if used { Outcome::Replayed } else { Outcome::Rejected };
            return Ok(self.verdict(outcome, &record.standing, now));
        };
        let acceptance = Acceptance {
            user,
            record: &record,
            step,
            refund_ms: config.policy.refill_ms(),
            now: seconds,
        };
        Ok(match self.0.store.accept(acceptance).await? {
            Accepted::Stored { first, enrollment_id } => {
                self.accepted(step, first, enrollment_id, &record.standing, now)
            }
            Accepted::Replayed => self.verdict(Outcome::Replayed, &record.standing, now),
            Accepted::Superseded => self.verdict(Outcome::Rejected, &record.standing, now),
        })
    }

    /// An attempt of a user, now.
    pub(super) fn attempt<'a>(&'a self, user: &'a str, now: Duration) -> Attempt<'a> {
        let config = &self.0.config;
        let period = config.period.seconds().saturating_mul(config.window.steps().max(1));
        Attempt {
            user,
            now_ms: milliseconds(now),
            policy: &config.policy,
            apart_ms: milliseconds(Duration::from_secs(period)),
        }
    }

    /// What a reservation gave, or why it gave nothing.
    pub(super) fn granted<T>(reserved: Reserved<T>) -> Result<T, VerifierError> {
        match reserved {
            Reserved::Granted(granted) => Ok(granted),
            Reserved::NotFound => Err(VerifierError::UserNotFound),
            Reserved::NoRotation => Err(VerifierError::NoRotation),
            Reserved::Throttled(retry_after) => Err(VerifierError::TooManyAttempts { retry_after }),
            Reserved::Locked => Err(VerifierError::Locked),
        }
    }

    /// A verdict, with what the table has said on the way.
    pub(super) fn verdict(
        &self,
        outcome: Outcome,
        standing: &Standing,
        now: Duration,
    ) -> Verification {
        let Standing { throttle_at, misses, .. } = *standing;
        let left = self.0.config.policy.left(throttle_at, misses, milliseconds(now));
        Verification {
            attempts_left: Some(left),
            recovery_codes_left: Some(standing.recovery_codes),
            enrollment_id: standing.enrollment_id.clone(),
            ..Verification::of(outcome)
        }
    }

    /// The verdict on an accepted code: its attempt was given back, and the misses are over.
    pub(super) fn accepted(
        &self,
        step: u64,
        first: bool,
        enrollment_id: Option<String>,
        reserved: &Standing,
        now: Duration,
    ) -> Verification {
        let refill_ms = self.0.config.policy.refill_ms();
        let throttle_at = reserved.throttle_at.map(|at| at.saturating_sub(refill_ms));
        let standing = Standing { throttle_at, misses: 0, ..reserved.clone() };
        Verification {
            step: Some(step),
            first,
            enrollment_id,
            ..self.verdict(Outcome::Accepted, &standing, now)
        }
    }
}
