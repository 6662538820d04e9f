//! The ways back in: recovery codes, and the operator's help.

use std::collections::HashSet;
use std::time::Duration;

use super::{Verification, Verifier, VerifierError, check_user};
use crate::otp::RecoveryCode;
use crate::policy::{Charge, milliseconds};
use crate::store::{Attempt, Redemption, Reserved, Status};

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
}

/// So many codes, no two alike: at least so many.
pub(super) fn generate(count: usize, least: usize) -> Result<Vec<RecoveryCode>, VerifierError> {
    if !(least..=MAX_RECOVERY_CODES).contains(&count) {
        return Err(VerifierError::InvalidCount { least });
    }
    Ok((0..count).map(|_| RecoveryCode::generate()).collect::<Result<_, _>>()?)
}

/// What is stored of them: a set, as DynamoDB demands.
pub(super) fn hashes(user: &str, codes: &[RecoveryCode]) -> Vec<String> {
    codes.iter().map(|code| code.hash(user)).collect::<HashSet<_>>().into_iter().collect()
}

impl Verifier {
    /// Gives a user new recovery codes, 1 to 20 of them; earlier ones are void.
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
        let hashes = hashes(user, &codes);
        let replaced = async { Ok(self.0.store.replace_recovery(user, hashes).await?) };
        if self.in_time(replaced).await? { Ok(codes) } else { Err(VerifierError::UserNotFound) }
    }

    /// Forgives a user's misses, and what their attempts owe.
    ///
    /// # Errors
    /// [`VerifierError::InvalidUser`], [`VerifierError::UserNotFound`],
    /// [`VerifierError::Store`].
    pub async fn unlock(&self, user: &str) -> Result<(), VerifierError> {
        check_user(user)?;
        let found = self.in_time(async { Ok(self.0.store.unlock(user).await?) }).await?;
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
        let (policy, now_ms) = (&self.0.config.policy, milliseconds(self.now()));
        let charge = policy.charge(stored.throttle_at, stored.misses, now_ms);
        let retry_after = match charge {
            Charge::Throttled(wait) => wait,
            Charge::Idle | Charge::Busy | Charge::Locked => Duration::ZERO,
        };
        UserStatus {
            locked: charge == Charge::Locked,
            attempts_left: policy.left(stored.throttle_at, stored.misses, now_ms),
            retry_after,
            stored,
        }
    }

    /// Checks a recovery code, and uses it up: charged first, like any attempt.
    pub(super) async fn recover(
        &self,
        user: &str,
        code: &RecoveryCode,
        now: Duration,
    ) -> Result<Verification, VerifierError> {
        let policy = &self.0.config.policy;
        let attempt = Attempt { user, now_ms: milliseconds(now), policy };
        let left = match self.0.store.reserve_recovery(attempt).await? {
            Reserved::Granted(left) => left,
            Reserved::NotFound => return Err(VerifierError::UserNotFound),
            Reserved::Locked => return Err(VerifierError::Locked),
            Reserved::Throttled(retry_after) => {
                return Err(VerifierError::TooManyAttempts { retry_after });
            }
        };
        // Of a hash, so the time that a comparison takes tells nothing about the code.
        let hash = code.hash(user);
        if !left.contains(&hash) {
            return Ok(Verification::Rejected);
        }
        let redemption =
            Redemption { user, hash: &hash, refund_ms: policy.refill_ms(), now: now.as_secs() };
        Ok(match self.0.store.redeem(redemption).await? {
            Some(left) => Verification::Recovered { left },
            None => Verification::Replayed,
        })
    }
}
