//! Making a user.

use super::{Verifier, VerifierError, check_user, recovery};
use crate::otp::{Factor, KeyUri, RecoveryCode, Secret, Totp};
use crate::qr::Qr;
use crate::store::{NewUser, Registered};

/// A new user's secret, to be shown once and never again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrollment {
    user: String,
    uri: KeyUri,
    recovery_codes: Vec<RecoveryCode>,
}

/// What a new user is to have.
#[derive(Debug, Clone, Default)]
pub struct Registration {
    /// The secret of an authenticator they have; otherwise a fresh one.
    pub secret: Option<Secret>,
    /// How many recovery codes, 0 to 20.
    pub recovery_codes: usize,
}

impl Enrollment {
    /// The user id it was registered under.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Their recovery codes, to be written down.
    #[must_use]
    pub fn recovery_codes(&self) -> &[RecoveryCode] {
        &self.recovery_codes
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
    /// [`VerifierError::InvalidUser`], [`VerifierError::InvalidCount`],
    /// [`VerifierError::UserExists`], [`VerifierError::Qr`] for a key URI that fits no QR code,
    /// [`VerifierError::Store`].
    pub async fn register(
        &self,
        user: &str,
        registration: Registration,
    ) -> Result<Enrollment, VerifierError> {
        check_user(user)?;
        let config = &self.0.config;
        let recovery_codes = recovery::generate(registration.recovery_codes, 0)?;
        // A secret that is given is on a phone already: nothing has to be confirmed, and
        // lapsing would let somebody else register in the user's place.
        let ttl = config.enrollment_ttl.filter(|_| registration.secret.is_none());
        let secret = match registration.secret {
            Some(secret) => secret,
            None => Secret::generate()?,
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
        let enrollment = Enrollment { user: user.to_owned(), uri, recovery_codes };
        // Before anything is stored: a user whose code cannot be shown is no use.
        Qr::check(&enrollment.uri.to_uri())?;
        let now = self.now();
        let new = NewUser {
            user,
            totp: &totp,
            registered_at: now.as_secs(),
            expires_at: ttl.map(|ttl| (now + ttl).as_secs()),
            recovery: recovery::hashes(user, &enrollment.recovery_codes, &config.store.keys),
        };
        let stored = self.in_time(async { Ok(self.0.store.register(&new).await?) }).await?;
        match stored {
            Registered::Created => Ok(enrollment),
            Registered::Exists => Err(VerifierError::UserExists),
        }
    }
}
