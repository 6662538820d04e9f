//! Removing a user.

use super::{Verifier, VerifierError, check_user};
use crate::store::Deleted;

impl Verifier {
    /// Removes a user: every code they have is invalid from now on. Two round trips.
    ///
    /// # Errors
    /// [`VerifierError::InvalidUser`], [`VerifierError::UserNotFound`],
    /// [`VerifierError::Store`].
    pub async fn delete(&self, user: &str) -> Result<(), VerifierError> {
        check_user(user)?;
        match self
            .in_time(async { Ok(self.0.store.delete(user, self.now().as_secs()).await?) })
            .await?
        {
            Deleted::Deleted => Ok(()),
            Deleted::NotFound => Err(VerifierError::UserNotFound),
        }
    }
}
