//! The ways back in: recovery codes, and the operator's help.

use std::collections::HashSet;
use std::time::Duration;

use super::{Verification, Verifier, VerifierError, check_user};
use crate::otp::RecoveryCode;
use crate::policy::{Charge, milliseconds};
use crate::store::{KeyRing, Redeemed, Redemption, Status, Unlocking};

/// The most recovery codes a user can have.
pub const MAX_RECOVERY_CODES: usize = 20;

/// What an operator can see of a user: no secret, no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserStatus {
    /// What the table says.
    pub stored: Status,
    /// Whether no attempt is granted until an unlock or a recovery code.
    pub locked: bool,
    /// Attempts that would be granted at once.
    pub attempts_left: u32,
    /// How long until the next attempt, when there is none left.
    pub retry_after: Duration,
    /// How far ahead of this clock the last accepted code is, beyond the window. If it is
    /// not zero, a clock is or was wrong, and right codes are refused until then or until
    /// an unlock.
    pub ahead: Duration,
}

/// So many codes, no two alike: at least so many.
pub(super) fn generate(count: usize, least: usize) -> Result<Vec<RecoveryCode>, VerifierError> {
    if !(least..=MAX_RECOVERY_CODES).contains(&count) {
        return Err(VerifierError::InvalidCount { least });
    }
    Ok((0..count).map(|_| RecoveryCode::generate()).collect::<Result<_, _>>()?)
}

/// What is stored of them: a set, as DynamoDB demands.
pub(super) fn hashes(user: &str, codes: &[RecoveryCode], keys: &KeyRing) -> Vec<String> {
    let hashes: HashSet<_> = codes.iter().map(|code| keys.recovery_hash(user, code)).collect();
    hashes.into_iter().collect()
}

impl Verifier {
    /// Gives a user new recovery codes, 1 to 20 of them; earlier ones are revoked.
    ///
    /// # Errors
    /// [`VerifierError::InvalidUser`], [`VerifierError::InvalidCount`],
    /// [`VerifierError::UserNotFound`], [`VerifierError::Store`].
    pub async fn new_recovery_codes(
        &self,
        user: &str,
        count: usize,
    ) -> Result<Vec<RecoveryCode>, VerifierError> {
        check_user(user)?;
        let codes = generate(count, 1)?;
        let hashes = hashes(user, &codes, &self.0.config.store.keys);
        let replaced = async { Ok(self.0.store.replace_recovery(user, hashes).await?) };
        if self.in_time(replaced).await? { Ok(codes) } else { Err(VerifierError::UserNotFound) }
    }

    /// Forgives a user's misses, and what their attempts owe. If a wrong clock accepted a code
    /// of the future, right codes work again within two windows.
    ///
    /// # Errors
    /// [`VerifierError::InvalidUser`], [`VerifierError::UserNotFound`],
    /// [`VerifierError::Store`].
    pub async fn unlock(&self, user: &str) -> Result<(), VerifierError> {
        check_user(user)?;
        let (now, window) = (self.now().as_secs(), self.0.config.window.steps());
        let unlocking = Unlocking { user, now, window };
        let found = self.in_time(async { Ok(self.0.store.unlock(unlocking).await?) }).await?;
        if found { Ok(()) } else { Err(VerifierError::UserNotFound) }
    }

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
    pub(super) fn judge(&self, stored: Status) -> UserStatus {
        let (policy, now) = (&self.0.config.policy, self.now());
        let now_ms = milliseconds(now);
        let charge = policy.charge(stored.throttle_at, stored.misses, now_ms);
        let retry_after = match charge {
            Charge::Throttled(wait) | Charge::Overdrawn(wait) => wait,
            Charge::Idle | Charge::Busy | Charge::Locked => Duration::ZERO,
        };
        let period = stored.period.seconds();
        let latest = now.as_secs() / period + self.0.config.window.steps();
        let steps = stored.last_step.map_or(0, |last| last.saturating_sub(latest));
        UserStatus {
            locked: charge == Charge::Locked,
            attempts_left: policy.left(stored.throttle_at, stored.misses, now_ms),
            retry_after,
            ahead: Duration::from_secs(steps.saturating_mul(period)),
            stored,
        }
    }

    /// Checks a recovery code, and uses it up, in one write.
    pub(super) async fn recover(
        &self,
        user: &str,
        code: &RecoveryCode,
        now: Duration,
    ) -> Result<Verification, VerifierError> {
        let redemption = Redemption { user, code, now: now.as_secs() };
        match self.0.store.redeem(redemption).await? {
            Redeemed::Used(left) => Ok(Verification::Recovered { left }),
            Redeemed::Unknown => Ok(Verification::Rejected),
            Redeemed::NotFound => Err(VerifierError::UserNotFound),
        }
    }
}
