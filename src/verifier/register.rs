//! Making a user.

use super::{Verifier, VerifierError, check_user, now};
use crate::otp::{Factor, KeyUri, Secret, Totp};
use crate::qr::Qr;
use crate::store::{NewUser, Registered};

/// A new user's secret, to be shown once and never again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrollment {
    user: String,
    uri: KeyUri,
}

impl Enrollment {
    /// The user id it was registered under.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The key URI, taken apart.
    #[must_use]
    pub const fn uri(&self) -> &KeyUri {
        &self.uri
    }

    /// The key URI as a QR code.
    ///
    /// # Errors
    /// [`VerifierError::Qr`] when it is too long for one.
    pub fn qr(&self) -> Result<Qr, VerifierError> {
        Ok(Qr::new(&self.uri.to_uri())?)
    }
}

impl Verifier {
    /// Registers a user, with a fresh 160-bit secret or the one given.
    ///
    /// One round trip. Should its reply be lost, the repetition finds its own write
    /// and returns the same enrollment.
    ///
    /// # Errors
    /// [`VerifierError::InvalidUser`], [`VerifierError::UserExists`],
    /// [`VerifierError::Qr`] for a key URI that fits no QR code,
    /// [`VerifierError::Store`].
    pub async fn register(
        &self,
        user: &str,
        secret: Option<Secret>,
    ) -> Result<Enrollment, VerifierError> {
        check_user(user)?;
        let config = &self.0.config;
        let secret = match secret {
            Some(secret) => secret,
            None => Secret::generate().map_err(VerifierError::InvalidSecret)?,
        };
        let totp = Totp::with(secret, config.algorithm, config.digits, config.period);
        let uri = KeyUri {
            factor: Factor::Totp(config.period),
            issuer: Some(config.issuer.clone()),
            account_name: user.to_owned(),
            secret: totp.secret().clone(),
            algorithm: config.algorithm,
            digits: config.digits,
        };
        let enrollment = Enrollment { user: user.to_owned(), uri };
        // Before anything is stored: a user whose code cannot be shown is no use.
        enrollment.qr()?;
        let new = NewUser { user, totp: &totp, registered_at: now().as_secs() };
        let stored = self.in_time(async { Ok(self.0.store.register(&new).await?) }).await?;
        match stored {
            Registered::Created => Ok(enrollment),
            Registered::Exists => Err(VerifierError::UserExists),
        }
    }
}
