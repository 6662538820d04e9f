//! Letting a user try again.

use super::{Verifier, VerifierError, check_user};
use crate::store::Unlocking;

impl Verifier {
    /// Clears a user's misses and refills their attempt budget. If a wrong clock accepted a code
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
}
