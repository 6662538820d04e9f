//! Opening a connection before it is needed.

use super::{Store, StoreError};

impl Store {
    /// Opens a connection and keeps it, so that the next call finds one. The service
    /// answers an empty GET without looking at any table; whatever it answers is fine.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Configuration`].
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        let turn = self.connection.turn().await?;
        match turn.greet().await {
            Err(error) if error.raw_response().is_none() => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }
}
