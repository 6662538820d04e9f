//! Many users at once: listing them, and taking them in from elsewhere.

use tokio::task::JoinSet;

use super::recovery::MAX_RECOVERY_CODES;
use super::{UserStatus, Verifier, VerifierError, check_user};
use crate::store::{Deleted, Imported, Newcomer, Page, Part, StoreError};

/// Writes under way at once: below the connections there are, so that none spends its
/// time waiting for one.
const AT_ONCE: usize = 32;

impl Verifier {
    /// One page of users, without their secrets.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn list(&self, part: Part<'_>) -> Result<Page<UserStatus>, VerifierError> {
        let page = self.in_time(async { Ok(self.0.store.list(part).await?) }).await?;
        let users = page.users.into_iter();
        let users = users.map(|(user, read)| (user, read.map(|stored| self.judge(stored))));
        Ok(Page { users: users.collect(), next: page.next })
    }

    /// Takes in users from elsewhere, each whole or not at all, and never over one who
    /// is there. A rehearsal only tells what would become of them. The answers come in
    /// the users' order.
    pub async fn import(
        &self,
        users: Vec<Newcomer>,
        rehearsal: bool,
    ) -> Vec<Result<Imported, VerifierError>> {
        let lost = || Err(StoreError::Unavailable("the write was given up".to_owned()).into());
        let mut answers: Vec<_> = users.iter().map(|_| lost()).collect();
        let mut under_way = JoinSet::new();
        let mut users = users.into_iter().enumerate();
        loop {
            while under_way.len() < AT_ONCE
                && let Some((place, user)) = users.next()
            {
                let verifier = self.clone();
                under_way.spawn(async move { (place, verifier.take_in(&user, rehearsal).await) });
            }
            match under_way.join_next().await {
                None => return answers,
                Some(Ok((place, answer))) => answers[place] = answer,
                // It panicked: its answer stays what it was.
                Some(Err(_)) => {}
            }
        }
    }

    /// Why no call accepts a user id that is in the table, where that is so. The original
    /// application, and other hands, could write ids of every kind.
    #[must_use]
    pub fn unusable_id(user: &str) -> Option<&'static str> {
        match check_user(user) {
            Err(VerifierError::InvalidUser(why)) => Some(why),
            _ => None,
        }
    }

    /// Removes an item whose user id no call accepts, [`delete`](Self::delete) included.
    ///
    /// # Errors
    /// [`VerifierError::UserNotFound`] where there is none, or where it is a user as any
    /// other; [`VerifierError::Store`].
    pub async fn delete_unusable(&self, user: &str) -> Result<(), VerifierError> {
        if Self::unusable_id(user).is_none() {
            return Err(VerifierError::UserNotFound);
        }
        match self.in_time(async { Ok(self.0.store.delete(user).await?) }).await? {
            Deleted::Deleted => Ok(()),
            Deleted::NotFound => Err(VerifierError::UserNotFound),
        }
    }

    async fn take_in(&self, user: &Newcomer, rehearsal: bool) -> Result<Imported, VerifierError> {
        check_user(&user.user)?;
        if user.history.recovery.len() > MAX_RECOVERY_CODES {
            return Err(VerifierError::InvalidCount);
        }
        let store = &self.0.store;
        self.in_time(async {
            Ok(if rehearsal {
                store.rehearse_import(user).await?
            } else {
                store.import(user, self.now().as_secs()).await?
            })
        })
        .await
    }
}
