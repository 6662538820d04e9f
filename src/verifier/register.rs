//! Making a user.

use super::config::{ISSUER_IN_WORDS, is_issuer};
use super::{Verifier, VerifierError, check_name, check_user, recovery};
use crate::otp::{Factor, KeyUri, RecoveryCode, Secret, Totp};
use crate::qr::Qr;
use crate::store::{NewUser, Registered};

/// A new user's secret, to show once and never again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrollment {
    user: String,
    uri: KeyUri,
    recovery_codes: Vec<RecoveryCode>,
}

/// How to register a user.
#[derive(Debug, Clone, Default)]
pub struct Registration {
    /// The secret of an authenticator that the user already has; by default a new one.
    pub secret: Option<Secret>,
    /// How many recovery codes, 0 to 20.
    pub recovery_codes: usize,
    /// How the authenticator app shows it.
    pub label: Label,
    /// Replace an enrollment that has no accepted code yet and whose secret lambdatotp made.
    /// No other enrollment is ever replaced.
    pub replace_unconfirmed: bool,
}

/// How an authenticator app shows an account. The table does not store this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// The account's name; by default the user id, which may mean nothing to people.
    pub account_name: Option<String>,
    /// The service's name; by default the verifier's issuer.
    pub issuer: Option<String>,
}

impl Label {
    fn check(&self) -> Result<(), VerifierError> {
        let invalid = |name, problem| VerifierError::InvalidLabel { name, problem };
        if let Some(account_name) = &self.account_name {
            check_name(account_name).map_err(|problem| invalid("account_name", problem))?;
        }
        if self.issuer.as_deref().is_some_and(|issuer| !is_issuer(issuer)) {
            return Err(invalid("issuer", ISSUER_IN_WORDS));
        }
        Ok(())
    }
}

impl Enrollment {
    /// The user id it was registered under.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The recovery codes to write down.
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
    /// Registers a user, with a new 160-bit secret or with the given one.
    ///
    /// Takes one round trip. If its reply is lost, the retry finds its own write and returns
    /// the same enrollment.
    ///
    /// # Errors
    /// [`VerifierError::InvalidUser`], [`VerifierError::InvalidLabel`],
    /// [`VerifierError::InvalidCount`],
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
        let generated = registration.secret.is_none();
        let ttl = config.enrollment_ttl.filter(|_| generated);
        let secret = match registration.secret {
            Some(secret) => secret,
            None => Secret::generate()?,
        };
        let (totp, enrollment) = self.enroll(user, secret, registration.label, recovery_codes)?;
        let now = self.now();
        let new = NewUser {
            user,
            totp: &totp,
            registered_at: now.as_secs(),
            expires_at: ttl.map(|ttl| (now + ttl).as_secs()),
            generated,
            recovery: recovery::hashes(user, &enrollment.recovery_codes, &config.store.keys),
        };
        let replace = registration.replace_unconfirmed;
        let stored = async { Ok(self.0.store.register(&new, replace).await?) };
        match self.in_time(stored).await? {
            Registered::Created => Ok(enrollment),
            Registered::Exists => Err(VerifierError::UserExists),
        }
    }

    /// Makes what the user will see, before anything is stored: a QR code that cannot be drawn
    /// is of no use.
    pub(super) fn enroll(
        &self,
        user: &str,
        secret: Secret,
        label: Label,
        recovery_codes: Vec<RecoveryCode>,
    ) -> Result<(Totp, Enrollment), VerifierError> {
        label.check()?;
        let config = &self.0.config;
        let totp = Totp::with(secret, config.algorithm, config.digits, config.period);
        let uri = KeyUri {
            factor: Factor::Totp(config.period),
            issuer: Some(label.issuer.unwrap_or_else(|| config.issuer.clone())),
            account_name: label.account_name.unwrap_or_else(|| user.to_owned()),
            secret: totp.secret().clone(),
            algorithm: config.algorithm,
            digits: config.digits,
        };
        Qr::check(&uri.to_uri())?;
        Ok((totp, Enrollment { user: user.to_owned(), uri, recovery_codes }))
    }
}
