//! Users that come from elsewhere, with secrets that phones have already.

use super::{Pending, UserState};
use crate::otp::Totp;
use crate::store::item::{Item, attributes, field, n, pending, write_id};
use crate::store::{NewUser, Store, StoreError};

/// A user from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedUser {
    /// Hash key of the table.
    pub user: String,
    /// The secret and how codes are made of it.
    pub totp: Totp,
    /// What they have behind them.
    pub state: UserState,
}

/// What became of a user from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// Written; or, in a rehearsal, would be.
    New,
    /// There already, with the very same secret: nothing is left to do.
    Same,
    /// There already, with another secret or other parameters; untouched.
    Other,
    /// There already, and not to be read; untouched.
    Unreadable(StoreError),
}

impl Store {
    /// Writes a user from elsewhere, whole or not at all, and never over another one.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn import(&self, user: &ImportedUser, now: u64) -> Result<Imported, StoreError> {
        let id = write_id()?;
        let state = &user.state;
        let new = NewUser {
            user: &user.user,
            totp: &user.totp,
            registered_at: state.registered_at.unwrap_or(now),
            // A phone has the secret already, so it never lapses.
            expires_at: None,
            generated: false,
            recovery: state.recovery.clone(),
        };
        let mut item = attributes(&new, &id, &self.keys)?;
        for (name, value) in [
            (field::CONFIRMED_AT, state.confirmed_at.map(n)),
            (field::LAST_STEP, state.last_step.map(n)),
            (field::MISSES, state.misses.map(n)),
            (field::THROTTLE_AT, state.throttle_at.map(n)),
            (field::RECOVERY_AT, state.recovery_at.map(n)),
        ] {
            item.extend(value.map(|value| (name.to_owned(), value)));
        }
        if let Some(Pending { totp, expires_at }) =
            state.pending.as_ref().filter(|pending| pending.expires_at > now)
        {
            let pending = pending(&user.user, &write_id()?, totp, *expires_at, &self.keys)?;
            item.insert(field::PENDING.to_owned(), pending);
        }
        Ok(match self.put_new(&user.user, item, &id, |old| old.has_lapsed(now)).await? {
            None => Imported::New,
            Some(there) => self.compare(&there, user),
        })
    }

    /// Returns what [`import`](Self::import) would do, and does nothing.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn rehearse_import(&self, user: &ImportedUser) -> Result<Imported, StoreError> {
        let there = self.read(&user.user).await?;
        Ok(there.map_or(Imported::New, |there| self.compare(&there, user)))
    }

    fn compare(&self, there: &Item, user: &ImportedUser) -> Imported {
        match there.record(&self.keys) {
            Ok(record) if record.totp == user.totp => Imported::Same,
            Ok(_) => Imported::Other,
            Err(error) => Imported::Unreadable(error),
        }
    }
}
