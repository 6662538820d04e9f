//! Why an operation gave no verdict.

use std::time::Duration;

use super::MAX_RECOVERY_CODES;
use crate::otp::OtpError;
use crate::qr::QrError;
use crate::random::RandomError;
use crate::store::StoreError;

/// Why an operation failed. A wrong code is not a failure: see
/// [`Verification`](super::Verification).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierError {
    /// The user id is empty, too long, or holds control characters.
    #[error("invalid user: {0}")]
    InvalidUser(&'static str),
    /// An account name or an issuer is empty, too long, or holds control characters.
    #[error("invalid {name}: {problem}")]
    InvalidLabel {
        /// Which of the two.
        name: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
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
    /// The user is already registered; the stored secret is unchanged.
    #[error("the user is already registered")]
    UserExists,
    /// There is no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// There is no rotation to confirm.
    #[error("there is no rotation to confirm: none was started, or it has expired")]
    NoRotation,
    /// The attempt budget is spent.
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
