//! Recovery codes: the way back in without an authenticator.

use std::collections::HashSet;
use std::time::Duration;

use super::{Outcome, Verification, Verifier, VerifierError, check_user};
use crate::otp::RecoveryCode;
use crate::store::{KeyRing, Redeemed, Redemption};

/// The most recovery codes a user can have.
pub const MAX_RECOVERY_CODES: usize = 20;

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

    /// Checks a recovery code, and uses it up, in one write.
    pub(super) async fn recover(
        &self,
        user: &str,
        code: &RecoveryCode,
        now: Duration,
    ) -> Result<Verification, VerifierError> {
        let redemption = Redemption { user, code, now: now.as_secs() };
        match self.0.store.redeem(redemption).await? {
            Redeemed::Used(standing) => Ok(Verification {
                first: !standing.confirmed,
                ..self.verdict(Outcome::Recovered, &standing, now)
            }),
            Redeemed::Unknown(standing) => Ok(self.verdict(Outcome::Rejected, &standing, now)),
            Redeemed::NotFound => Err(VerifierError::UserNotFound),
        }
    }
}
