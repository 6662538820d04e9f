//! Looking at a user.

use std::time::Duration;

use super::{Verifier, VerifierError, check_user};
use crate::otp::Period;
use crate::policy::{Charge, milliseconds};
use crate::store::{Status, furthest_step};

/// What an operator can see of a user: no secret, no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserStatus {
    /// What the table holds, without an expired rotation.
    pub stored: Status,
    /// Whether no attempt is granted until an unlock or a recovery code.
    pub locked: bool,
    /// How many attempts are left right now.
    pub attempts_left: u32,
    /// How long until the next attempt, when there is none left.
    pub retry_after: Duration,
    /// How far the last accepted code is beyond the last that a right clock can have accepted:
    /// the window, and once more for clocks that differ by less than it. If it is not zero, a clock is or was wrong, and right codes are refused until then or until
    /// an unlock.
    pub ahead: Duration,
}

impl Verifier {
    /// Looks at a user. Needs the permission `dynamodb:GetItem`, which logins do not.
    ///
    /// # Errors
    /// [`VerifierError::InvalidUser`], [`VerifierError::UserNotFound`],
    /// [`VerifierError::Store`].
    pub async fn status(&self, user: &str) -> Result<UserStatus, VerifierError> {
        check_user(user)?;
        let stored = self.in_time(async { Ok(self.0.store.status(user).await?) }).await?;
        let stored = stored.ok_or(VerifierError::UserNotFound)?;
        Ok(self.judge(stored))
    }

    /// What the policy says to what the table says.
    pub(super) fn judge(&self, mut stored: Status) -> UserStatus {
        let (policy, now) = (&self.0.config.policy, self.now());
        stored.rotation_expires_at = stored.rotation_expires_at.filter(|&at| at > now.as_secs());
        let now_ms = milliseconds(now);
        let charge = policy.charge(stored.throttle_at, stored.misses, now_ms);
        let retry_after = match charge {
            Charge::Throttled(wait) | Charge::Overdrawn(wait) => wait,
            Charge::Idle | Charge::Busy | Charge::Locked => Duration::ZERO,
        };
        UserStatus {
            locked: charge == Charge::Locked,
            attempts_left: policy.left(stored.throttle_at, stored.misses, now_ms),
            retry_after,
            ahead: self.ahead(stored.last_step, stored.period),
            stored,
        }
    }

    /// How far a step is beyond the last one that a right clock can have accepted.
    pub(super) fn ahead(&self, last_step: Option<u64>, period: Period) -> Duration {
        let window = self.0.config.window.steps();
        let latest = furthest_step(self.now().as_secs(), period, window);
        let steps = last_step.map_or(0, |last| last.saturating_sub(latest));
        Duration::from_secs(steps.saturating_mul(period.seconds()))
    }
}
