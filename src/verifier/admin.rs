//! What operators do: the table itself, and many users at once. Each call keeps the
//! verifier's time limit.

use tokio::task::JoinSet;

use super::{MAX_RECOVERY_CODES, UserStatus, Verifier, VerifierError, check_user};
use crate::store::admin::{
    Imported, ImportedUser, Listed, Page, PageRequest, StoredUser, Switch, TOGETHER, Table,
    TableRequest, Tombstone,
};
use crate::store::{Deleted, Enrolled, StoreError};

/// Writes under way at once: below the connections there are, so that none spends its
/// time waiting for one.
const AT_ONCE: usize = 32;

/// Which users of a page can log in, and which cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// Users whom the original application wrote, and who can log in.
    pub original: usize,
    /// Users whom this crate wrote, and who can log in.
    pub registered: usize,
    /// How many of all of these have a sealed secret.
    pub sealed: usize,
    /// Who cannot log in with a right code, and why: what cannot be read, and whose last
    /// accepted code is in the future.
    pub problems: Vec<String>,
    /// Users whose id is invalid.
    pub unusable: Vec<UnusableUser>,
}

/// A user whose id is invalid: the original application, and other programs, could
/// write ids of every kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableUser {
    /// The id.
    pub user: String,
    /// Why it is invalid.
    pub problem: &'static str,
}

/// What became of one page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// Secrets that were sealed now.
    pub sealed: usize,
    /// Secrets that were under the first key already, or that a login has just put there.
    pub already: usize,
    /// What could not be sealed, and why.
    pub refused: Vec<String>,
}

fn check_imported(user: &ImportedUser) -> Result<(), VerifierError> {
    check_user(&user.user)?;
    if user.state.recovery.len() > MAX_RECOVERY_CODES {
        return Err(VerifierError::InvalidCount { least: 0 });
    }
    Ok(())
}

/// Why a user id is invalid, where it is.
fn unusable(user: &str) -> Option<&'static str> {
    match check_user(user) {
        Err(VerifierError::InvalidUser(problem)) => Some(problem),
        _ => None,
    }
}

/// Users.
impl Verifier {
    /// One page of users, without their secrets.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn list(&self, request: PageRequest<'_>) -> Result<Page<UserStatus>, VerifierError> {
        let page = self.in_time(async { Ok(self.0.store.list(request).await?) }).await?;
        let users = page.users.into_iter();
        let users = users.map(|Listed { user, read }| {
            let read = read.map(|stored| self.judge(stored));
            Listed { user, read }
        });
        Ok(Page { users: users.collect(), tombstones: page.tombstones, next: page.next })
    }

    /// One page of users with everything that moves with them, their secrets included.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn export(
        &self,
        request: PageRequest<'_>,
    ) -> Result<Page<StoredUser>, VerifierError> {
        let now = self.now().as_secs();
        self.in_time(async { Ok(self.0.store.users(request, now).await?) }).await
    }

    /// Reads one page of users as a login would, and changes none. Tombstones that have expired
    /// are swept away.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn survey(&self, request: PageRequest<'_>) -> Result<Survey, VerifierError> {
        let page = self.export(request).await?;
        self.sweep(&page.tombstones).await?;
        let mut survey = Survey { next: page.next, ..Survey::default() };
        for Listed { user, read } in page.users {
            if let Some(problem) = unusable(&user) {
                survey.unusable.push(UnusableUser { user, problem });
                continue;
            }
            match read {
                Ok(StoredUser { record, state }) => {
                    let ahead = self.ahead(state.last_step, record.totp.period());
                    if !ahead.is_zero() {
                        survey.problems.push(format!(
                            "user {user:?}: the last accepted code is {} s in the future: a clock \
                             was wrong. `lambdatotp unlock` lets right codes in again",
                            ahead.as_secs()
                        ));
                        continue;
                    }
                    match record.enrolled {
                        Enrolled::Legacy(_) => survey.original += 1,
                        Enrolled::Id(_) => survey.registered += 1,
                    }
                    survey.sealed += usize::from(record.sealed_by.is_some());
                }
                Err(error) => survey.problems.push(error.to_string()),
            }
        }
        Ok(survey)
    }

    async fn sweep(&self, tombstones: &[Tombstone]) -> Result<(), VerifierError> {
        let now = self.now().as_secs();
        self.in_time(async { Ok(self.0.store.sweep(tombstones, now).await?) }).await
    }

    /// Removes an item whose user id is invalid, [`delete`](Self::delete) included.
    ///
    /// # Errors
    /// [`VerifierError::UserNotFound`] where there is none, or where it is a user like any
    /// other; [`VerifierError::Store`].
    pub async fn delete_unusable(&self, user: &str) -> Result<(), VerifierError> {
        if unusable(user).is_none() {
            return Err(VerifierError::UserNotFound);
        }
        match self
            .in_time(async { Ok(self.0.store.delete(user, self.now().as_secs()).await?) })
            .await?
        {
            Deleted::Deleted => Ok(()),
            Deleted::NotFound => Err(VerifierError::UserNotFound),
        }
    }

    /// Imports users, each as a whole or not at all, and never over an existing one. A rehearsal
    /// writes nothing and returns what would happen. The answers are in the users' order.
    pub async fn import(
        &self,
        users: Vec<ImportedUser>,
        rehearsal: bool,
    ) -> Vec<Result<Imported, VerifierError>> {
        if !rehearsal && self.0.store.gains_by_transactions() {
            let mut answers = Vec::with_capacity(users.len());
            for users in users.chunks(TOGETHER) {
                answers.extend(self.import_together(users).await);
            }
            return answers;
        }
        self.import_one_by_one(users, rehearsal).await
    }

    /// In one transaction, without those who stop it: these are written one by one, to learn
    /// what is in their way.
    async fn import_together(
        &self,
        users: &[ImportedUser],
    ) -> Vec<Result<Imported, VerifierError>> {
        let places = 0..users.len();
        let (mut together, mut alone): (Vec<_>, Vec<_>) =
            places.partition(|&place| check_imported(&users[place]).is_ok());
        while !together.is_empty() {
            let batch: Vec<_> = together.iter().map(|&place| &users[place]).collect();
            let now = self.now().as_secs();
            let written = async { Ok(self.0.store.import_together(&batch, now).await?) };
            match self.in_time(written).await {
                Ok(stopping) if stopping.is_empty() => break,
                Ok(stopping) => {
                    for place in stopping.into_iter().rev() {
                        alone.push(together.remove(place));
                    }
                }
                Err(VerifierError::Store(error @ StoreError::Unavailable(_))) => {
                    return users.iter().map(|_| Err(error.clone().into())).collect();
                }
                Err(_) => alone.append(&mut together),
            }
        }
        let mut answers: Vec<_> = users.iter().map(|_| Ok(Imported::New)).collect();
        let left = alone.iter().map(|&place| users[place].clone()).collect();
        for (place, answer) in alone.iter().zip(self.import_one_by_one(left, false).await) {
            answers[*place] = answer;
        }
        answers
    }

    async fn import_one_by_one(
        &self,
        users: Vec<ImportedUser>,
        rehearsal: bool,
    ) -> Vec<Result<Imported, VerifierError>> {
        let lost = || Err(StoreError::Unavailable("the write was abandoned".to_owned()).into());
        let mut answers: Vec<_> = users.iter().map(|_| lost()).collect();
        let mut under_way = JoinSet::new();
        let mut users = users.into_iter().enumerate();
        loop {
            while under_way.len() < AT_ONCE
                && let Some((place, user)) = users.next()
            {
                let verifier = self.clone();
                under_way
                    .spawn(async move { (place, verifier.import_one(&user, rehearsal).await) });
            }
            match under_way.join_next().await {
                None => return answers,
                Some(Ok((place, answer))) => answers[place] = answer,
                // It panicked: its answer stays what it was.
                Some(Err(_)) => {}
            }
        }
    }

    async fn import_one(
        &self,
        user: &ImportedUser,
        rehearsal: bool,
    ) -> Result<Imported, VerifierError> {
        check_imported(user)?;
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

    /// Seals the secrets of one page of users with the first key, while logins continue.
    /// Interrupted and called again, it does what is left. The page and each of its writes
    /// have the verifier's time limit for themselves.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn reseal(&self, request: PageRequest<'_>) -> Result<Resealed, VerifierError> {
        let store = &self.0.store;
        if !store.seals() {
            let problem = "there is no key to seal with: set LAMBDATOTP_KEYS".to_owned();
            return Err(StoreError::Configuration(problem).into());
        }
        let page = self.export(request).await?;
        self.sweep(&page.tombstones).await?;
        let now = self.now().as_secs();
        let mut resealed = Resealed { next: page.next, ..Resealed::default() };
        for Listed { user, read } in page.users {
            let sealed = match read {
                Ok(stored) => {
                    let record = &stored.record;
                    let write = async { Ok(store.reseal(&user, record, now).await?) };
                    self.in_time(write).await
                }
                Err(error) => Err(error.into()),
            };
            match sealed {
                Ok(true) => resealed.sealed += 1,
                Ok(false) => resealed.already += 1,
                Err(error @ VerifierError::Store(StoreError::Unavailable(_))) => return Err(error),
                Err(error) => resealed.refused.push(error.to_string()),
            }
        }
        Ok(resealed)
    }
}

/// The table.
impl Verifier {
    /// The requests that [`create_table`](Self::create_table),
    /// [`add_replicas`](Self::add_replicas), if there are any, and the switches would send
    /// to this Region. Nothing is sent.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn table_requests(
        &self,
        replicas: &[String],
        witness: Option<&str>,
    ) -> Result<Vec<TableRequest>, VerifierError> {
        self.in_time(async { Ok(self.0.store.table_requests(replicas, witness).await?) }).await
    }

    /// The region that requests go to, once credentials and settings were found.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn region(&self) -> Result<String, VerifierError> {
        self.in_time(async { Ok(self.0.store.region().await?) }).await
    }

    /// The table as it is, if there is one.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn describe_table(&self) -> Result<Option<Table>, VerifierError> {
        self.in_time(async { Ok(self.0.store.describe_table().await?) }).await
    }

    /// Asks for the table. It can be used once [`Table::usable`] says so. Returns whether
    /// it is new.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn create_table(&self) -> Result<bool, VerifierError> {
        self.in_time(async { Ok(self.0.store.create_table().await?) }).await
    }

    /// Asks for copies in other Regions that decide as one: two, or one and a witness, of an
    /// empty table. Returns whether this call did it; otherwise it is under way.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn add_replicas(
        &self,
        regions: &[String],
        witness: Option<&str>,
    ) -> Result<bool, VerifierError> {
        self.in_time(async { Ok(self.0.store.add_replicas(regions, witness).await?) }).await
    }

    /// Lets the table refuse to be deleted, in this Region.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn switch_protection_on(&self) -> Result<Switch, VerifierError> {
        self.in_time(async { Ok(self.0.store.switch_protection_on().await?) }).await
    }

    /// Whether items that have expired are swept away, by `expires_at`.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn expiry(&self) -> Result<Switch, VerifierError> {
        self.in_time(async { Ok(self.0.store.expiry().await?) }).await
    }

    /// Lets DynamoDB sweep away items whose `expires_at` has passed.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn switch_expiry_on(&self) -> Result<Switch, VerifierError> {
        self.in_time(async { Ok(self.0.store.switch_expiry_on().await?) }).await
    }

    /// Whether the table can be restored to any second of the last 35 days.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn backups(&self) -> Result<Switch, VerifierError> {
        self.in_time(async { Ok(self.0.store.backups().await?) }).await
    }

    /// Switches point-in-time recovery on.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub async fn switch_backups_on(&self) -> Result<Switch, VerifierError> {
        self.in_time(async { Ok(self.0.store.switch_backups_on().await?) }).await
    }
}
