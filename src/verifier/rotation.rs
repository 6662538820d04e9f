//! Changing the authenticator: the old one works until the new one has proven itself.

use std::time::Duration;

use super::{Enrollment, Label, Outcome, Verification, Verifier, VerifierError, check_user};
use crate::otp::{Code, Secret};
use crate::store::{Accepted, Confirmation, Rotation};

impl Verifier {
    /// Makes a new secret for a user who has one. It stays pending until it is confirmed;
    /// until then the old one verifies, and nothing else changes. It replaces an earlier
    /// pending secret.
    ///
    /// Ask for a code of the old authenticator first: anyone who may rotate and confirm has
    /// the second factor. Two round trips.
    ///
    /// # Errors
    /// [`VerifierError::InvalidUser`], [`VerifierError::InvalidLabel`],
    /// [`VerifierError::UserNotFound`], [`VerifierError::Qr`], [`VerifierError::Store`].
    pub async fn rotate(&self, user: &str, label: Label) -> Result<Enrollment, VerifierError> {
        check_user(user)?;
        let (totp, enrollment) = self.enroll(user, Secret::generate()?, label, Vec::new())?;
        let expires_at = (self.now() + self.0.config.rotation_ttl).as_secs();
        let rotation = Rotation { user, totp: &totp, expires_at };
        let found = self.in_time(async { Ok(self.0.store.rotate(rotation).await?) }).await?;
        if found { Ok(enrollment) } else { Err(VerifierError::UserNotFound) }
    }

    /// Checks a code of the pending secret. A right code makes it the user's secret, and the
    /// old one stops working. The code is used up; recovery codes stay valid.
    ///
    /// Attempts count against the same budget as those of [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`VerifierError::NoRotation`], and as [`verify`](Self::verify).
    pub async fn confirm(&self, user: &str, code: &str) -> Result<Verification, VerifierError> {
        self.confirm_at(user, code, self.now()).await
    }

    /// As [`confirm`](Self::confirm), at a given time since 1970.
    ///
    /// For tests and simulations. Never take the time from a request.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    pub async fn confirm_at(
        &self,
        user: &str,
        code: &str,
        now: Duration,
    ) -> Result<Verification, VerifierError> {
        check_user(user)?;
        match Code::parse(code) {
            Some(code) => self.in_time(self.check_pending(user, &code, now)).await,
            None => Ok(Verification::of(Outcome::Rejected)),
        }
    }

    async fn check_pending(
        &self,
        user: &str,
        code: &Code,
        now: Duration,
    ) -> Result<Verification, VerifierError> {
        let attempt = self.attempt(user, now);
        let rotating = self.0.store.reserve_rotation(attempt).await?;
        let rotating = Self::granted(rotating)?;
        let (seconds, window) = (now.as_secs(), self.0.config.window.steps());
        let Some(step) = rotating.totp.verify_after(code, seconds, window, None) else {
            return Ok(self.verdict(Outcome::Rejected, &rotating.standing, now));
        };
        let refund_ms = self.0.config.policy.refill_ms();
        let confirmation =
            Confirmation { user, rotating: &rotating, step, refund_ms, now: seconds };
        Ok(match self.0.store.confirm(confirmation).await? {
            Accepted::Stored { first, enrollment_id } => {
                self.accepted(step, first, enrollment_id, &rotating.standing, now)
            }
            Accepted::Replayed | Accepted::Superseded => {
                self.verdict(Outcome::Rejected, &rotating.standing, now)
            }
        })
    }
}
