//! What moves with a user besides the secret.

use crate::otp::Totp;
use crate::store::KeyRing;
use crate::store::StoreError;
use crate::store::item::{Item, field};

/// What a user has behind them, as far as it moves with them to another table: with it,
/// a code stays used up, a guess counted and a recovery code good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserState {
    /// When they were registered, in seconds since 1970.
    pub registered_at: Option<u64>,
    /// When a code was first accepted, in seconds since 1970.
    pub confirmed_at: Option<u64>,
    /// When the registration expires unless a code is accepted first.
    pub expires_at: Option<u64>,
    /// The last step accepted.
    pub last_step: Option<u64>,
    /// Misses since the last success.
    pub misses: Option<u64>,
    /// When the attempt budget is full again, in milliseconds since 1970.
    pub throttle_at: Option<i64>,
    /// The same for attempts with recovery codes, which versions before the second edition
    /// of the protocol charged.
    pub recovery_at: Option<i64>,
    /// The hashes of the recovery codes that are left.
    pub recovery: Vec<String>,
    /// The rotation in progress.
    pub pending: Option<Pending>,
}

/// The secret of a rotation that nobody has confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The secret, and how codes are made of it.
    pub totp: Totp,
    /// When it expires, in seconds since 1970.
    pub expires_at: u64,
}

impl Item {
    /// Everything that moves with the user besides the secret. A rotation that has lapsed does
    /// not.
    pub(super) fn state(&self, keys: &KeyRing, now: u64) -> Result<UserState, StoreError> {
        let pending = match self.live_pending(now)? {
            Some(pending) => Some(Pending {
                totp: pending.record(keys)?.totp,
                expires_at: pending.number(field::EXPIRES_AT)?.unwrap_or(0),
            }),
            None => None,
        };
        Ok(UserState {
            registered_at: self.number(field::REGISTERED_AT)?,
            confirmed_at: self.number(field::CONFIRMED_AT)?,
            expires_at: self.number(field::EXPIRES_AT)?,
            last_step: self.number(field::LAST_STEP)?,
            misses: self.number(field::MISSES)?,
            throttle_at: self.number(field::THROTTLE_AT)?,
            recovery_at: self.number(field::RECOVERY_AT)?,
            recovery: self.recovery()?.to_vec(),
            pending,
        })
    }
}
