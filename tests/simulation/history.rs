//! What was asked, what was answered, and what the promises of DESIGN.md make of it.
//!
//! The checks know nothing of the protocol. They compare answers by who asked before whom:
//! `before(a, b)` when `a` had its answer, or had been given up, before `b` was asked.

use std::fmt;
use std::time::Duration;

use lambdatotp::otp::Totp;

/// Something a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// With so many recovery codes.
    Register(usize),
    /// The same, also in the place of an enrollment that no code was accepted for.
    Replace(usize),
    /// A secret that waits beside the one that is there.
    Rotate,
    /// Confirms the newest acknowledged rotation with its current code.
    Confirm,
    /// Tries that with the current code of an earlier secret.
    ConfirmOld,
    /// And with a wrong one.
    ConfirmWrong,
    /// Verifies the current code of the newest acknowledged rotation.
    Pending,
    /// The code of the newest acknowledged secret, so many steps from now.
    Right(i64),
    /// The same by the clock of the client, which may be wrong.
    RightHere,
    /// The current code of the secret before that.
    Old,
    /// The code that was accepted last.
    Replay,
    Wrong,
    Delete,
    Unlock,
    NewCodes(usize),
    /// A code of the newest acknowledged set, by its place.
    Redeem(usize),
    /// A code of the set before that.
    RedeemOld,
    /// A recovery code that nobody was given.
    MadeUp,
    Reseal,
    Import,
    Status,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Exists,
    NotFound,
    NoRotation,
    Accepted(u64),
    Rejected,
    Replayed,
    Recovered(usize),
    Throttled(Duration),
    Locked,
    Done,
    /// 503: nothing is known.
    NoVerdict,
    /// The client died.
    Crashed,
    /// An error that only an operator or we could have caused.
    Broken(String),
}

/// What a client typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// The code of a step of the secret that this record's registration or rotation made.
    Code { registration: usize, step: u64 },
    /// A recovery code of the set that this record made.
    Recovery { set: usize, place: usize },
    /// A code that nobody has.
    Nothing,
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Record {
    pub client: usize,
    pub user: usize,
    pub action: Action,
    pub typed: Typed,
    /// Places in the order of all starts and ends.
    pub start: u64,
    pub end: Option<u64>,
    pub outcome: Option<Outcome>,
    /// Milliseconds of true time.
    pub started_ms: u64,
    pub ended_ms: u64,
    /// What a registration, a rotation or an import gave.
    pub totp: Option<Totp>,
    pub codes: Vec<String>,
}

impl Record {
    fn is(&self, outcome: &Outcome) -> bool {
        self.outcome.as_ref() == Some(outcome)
    }

    fn registers(&self) -> bool {
        matches!(self.action, Action::Register(_) | Action::Replace(_) | Action::Import)
    }

    /// Whether it is asked to make a pending secret the secret.
    fn confirms(&self) -> bool {
        matches!(self.action, Action::Confirm | Action::ConfirmOld | Action::ConfirmWrong)
    }

    fn entered(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Accepted(_) | Outcome::Recovered(_)))
    }

    /// Whether nobody knows whether it was done, or it was.
    fn may_be_done(&self) -> bool {
        matches!(
            self.outcome,
            None | Some(
                Outcome::Done
                    | Outcome::Created
                    | Outcome::Accepted(_)
                    | Outcome::NoVerdict
                    | Outcome::Crashed
                    | Outcome::Broken(_)
            )
        )
    }

    fn ends_enrollments(&self) -> bool {
        self.action == Action::Delete
            || (matches!(self.action, Action::Replace(_)) && self.may_be_done())
    }

    fn deletion_is_known(&self) -> bool {
        self.action == Action::Delete && (self.is(&Outcome::Done) || self.is(&Outcome::NotFound))
    }

    fn known_at(&self) -> u64 {
        self.end.unwrap_or(u64::MAX)
    }
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub promise: &'static str,
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.detail)
    }
}

/// The rules of a run that the checks depend on.
#[derive(Debug, Clone)]
pub struct Rules {
    pub burst: u64,
    pub refill_ms: u64,
    pub max_misses: u64,
    /// Whether enrollments that no code was accepted for may lapse.
    pub lapse: bool,
    /// How long a rotation waits.
    pub rotation_ms: u64,
    /// What clocks differ from the true time by, each client's, in milliseconds.
    pub skews_ms: Vec<i64>,
}

impl Rules {
    /// Beyond this, a clock is wrong.
    const CLOSE_MS: u64 = 20_000;

    fn clock_is_right(&self, client: usize) -> bool {
        self.skews_ms[client].unsigned_abs() <= Self::CLOSE_MS
    }

    fn clocks_are_right(&self) -> bool {
        (0..self.skews_ms.len()).all(|client| self.clock_is_right(client))
    }
}

/// Every operation so far.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub records: Vec<Record>,
}

impl History {
    fn before(a: &Record, b: &Record) -> bool {
        a.known_at() < b.start
    }

    fn of_user(&self, user: usize) -> impl Iterator<Item = (usize, &Record)> {
        self.records.iter().enumerate().filter(move |(_, record)| record.user == user)
    }

    /// The newest acknowledged secret, `back` before the last: of an enrollment, or of a
    /// rotation that was confirmed.
    pub fn secret(&self, user: usize, back: usize) -> Option<usize> {
        let made = self.of_user(user).filter_map(|(place, record)| match record.typed {
            Typed::Code { registration, .. } if record.confirms() && record.entered() => {
                Some((record.end, registration))
            }
            _ if record.registers() && record.is(&Outcome::Created) && record.totp.is_some() => {
                Some((record.end, place))
            }
            _ => None,
        });
        let mut places: Vec<_> = made.collect();
        places.sort_unstable();
        places.iter().rev().nth(back).map(|(_, place)| *place)
    }

    /// The newest acknowledged rotation.
    pub fn rotation(&self, user: usize) -> Option<usize> {
        let done = self
            .of_user(user)
            .filter(|(_, record)| record.action == Action::Rotate && record.is(&Outcome::Done));
        done.max_by_key(|(_, record)| record.end).map(|(place, _)| place)
    }

    /// What made a secret the one that counts, as far as that is known: its registration, or
    /// the confirmation of its rotation.
    fn made(&self, secret: usize) -> Option<&Record> {
        let record = &self.records[secret];
        if record.registers() {
            return Some(record);
        }
        self.confirmations(secret).find(|confirmation| confirmation.entered())
    }

    /// The attempts to confirm a rotation with its own codes.
    fn confirmations(&self, rotation: usize) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| {
            record.confirms()
                && matches!(record.typed, Typed::Code { registration, .. } if registration == rotation)
        })
    }

    /// Whether a rotation may have put another secret in the place of this one by now. A
    /// confirmation without a verdict has not, if the old secret was good afterwards, and never
    /// will: what is late does nothing.
    fn may_be_rotated_away(&self, secret: usize, by: &Record) -> bool {
        let Some(made) = self.made(secret) else { return true };
        self.of_user(by.user).any(|(_, confirmation)| {
            let of_another = !matches!(confirmation.typed,
                Typed::Code { registration, .. } if registration == secret);
            let good_since = self.of_user(by.user).any(|(_, entry)| {
                !entry.confirms()
                    && entry.entered()
                    && Self::before(confirmation, entry)
                    && Self::before(entry, by)
                    && matches!(entry.typed,
                        Typed::Code { registration, .. } if registration == secret)
            });
            confirmation.confirms()
                && of_another
                && confirmation.may_be_done()
                && !Self::before(confirmation, made)
                && confirmation.start < by.known_at()
                && !good_since
        })
    }

    /// Whether an enrollment may be replaced by an operation: no code of it is known to have
    /// been accepted before, and its secret was made here.
    fn may_be_replaced(&self, registration: &Record, by: &Record) -> bool {
        registration.action != Action::Import
            && !self.of_user(by.user).any(|(_, entry)| {
                entry.entered() && Self::before(registration, entry) && Self::before(entry, by)
            })
    }

    /// The newest acknowledged set of recovery codes, `back` before the last.
    pub fn set(&self, user: usize, back: usize) -> Option<usize> {
        let with_codes = self.of_user(user).filter(|(_, record)| {
            !record.codes.is_empty()
                && matches!(record.outcome, Some(Outcome::Done | Outcome::Created))
        });
        let mut places: Vec<_> = with_codes.map(|(place, record)| (record.end, place)).collect();
        places.sort_unstable();
        places.iter().rev().nth(back).map(|(_, place)| *place)
    }

    /// Whether an enrollment was acknowledged before `by` was asked, and nothing that could
    /// have removed it since has begun.
    fn lives(&self, registration: &Record, by: &Record, rules: &Rules) -> bool {
        (registration.is(&Outcome::Created) || registration.confirms())
            && Self::before(registration, by)
            && !(rules.lapse && Self::may_have_lapsed(registration))
            && self.of_user(by.user).all(|(_, other)| {
                !other.ends_enrollments()
                    || other.start == by.start
                    || (other.action != Action::Delete
                        && !self.may_be_replaced(registration, other))
                    || Self::before(other, registration)
                    || by.known_at() < other.start
            })
    }

    fn unlocked_since(&self, earlier: &Record, by: &Record) -> bool {
        self.of_user(by.user).any(|(_, record)| {
            record.action == Action::Unlock
                && !Self::before(record, earlier)
                && record.start < by.known_at()
        })
    }

    /// Whether the last sealing of the table, if any, is known to be complete: before, nobody
    /// takes a key away.
    fn resealed(&self) -> bool {
        let mut sealing = self.records.iter().filter(|record| record.action == Action::Reseal);
        sealing.next_back().is_none_or(|record| record.is(&Outcome::Done))
    }

    /// Whether more enrollments have ended by now than deletions can have ended them.
    fn outlived(&self, by: &Record) -> bool {
        let ended = self.of_user(by.user).filter(|(_, record)| {
            record.registers() && record.is(&Outcome::Created) && Self::before(record, by)
        });
        let deletions = self.of_user(by.user).filter(|(_, record)| {
            record.ends_enrollments()
                && !record.is(&Outcome::NotFound)
                && record.start < by.known_at()
        });
        ended.count() > deletions.count()
    }

    /// Whether there may be an enrollment for this operation to find.
    fn may_be_there(&self, place: usize) -> bool {
        let record = &self.records[place];
        self.of_user(record.user).any(|(other, registration)| {
            other != place
                && registration.registers()
                && !registration.is(&Outcome::Exists)
                && registration.start < record.known_at()
                && !self.is_gone(registration, record)
        })
    }

    /// Lapsing ends with the first accepted code that somebody was told of.
    fn may_have_lapsed(registration: &Record) -> bool {
        matches!(registration.action, Action::Register(_) | Action::Replace(_))
    }

    /// Whether an enrollment ended, by an acknowledged deletion or a newer enrollment,
    /// before `by` was asked.
    fn is_gone(&self, registration: &Record, by: &Record) -> bool {
        self.of_user(by.user).any(|(_, other)| {
            (other.deletion_is_known() || (other.registers() && other.is(&Outcome::Created)))
                && Self::before(registration, other)
                && Self::before(other, by)
        })
    }

    /// Checks an answer that has just come.
    pub fn check(&self, place: usize, rules: &Rules) -> Result<(), Violation> {
        let record = &self.records[place];
        let Some(outcome) = &record.outcome else { return Ok(()) };
        let broken = |promise| {
            let detail = format!("operation {place} ({:?}): {outcome:?}", record.action);
            Err(Violation { promise, detail })
        };
        match outcome {
            Outcome::Broken(_) if self.resealed() => return broken("nothing breaks"),
            Outcome::NotFound => {
                let living = self
                    .of_user(record.user)
                    .any(|(_, other)| other.registers() && self.lives(other, record, rules));
                if living {
                    return broken("an acknowledged enrollment is there");
                }
                if !rules.lapse && self.outlived(record) {
                    return broken("a deletion removes one enrollment");
                }
            }
            Outcome::Created => {
                let replaces = matches!(record.action, Action::Replace(_));
                let over_another = self.of_user(record.user).any(|(other, registration)| {
                    other != place
                        && registration.registers()
                        && self.lives(registration, record, rules)
                        && !(replaces && self.may_be_replaced(registration, record))
                });
                if over_another {
                    return broken("nobody is registered over");
                }
                if !rules.lapse && self.outlived(record) {
                    return broken("a deletion removes one enrollment");
                }
            }
            Outcome::Exists if !self.may_be_there(place) => {
                return broken("a deletion leaves nobody behind");
            }
            Outcome::Done if record.action == Action::Delete && !self.may_be_there(place) => {
                return broken("nobody is deleted who was not there");
            }
            Outcome::Throttled(wait) => {
                let longest = Duration::from_millis(rules.burst * rules.refill_ms + 1000);
                if *wait > longest {
                    return broken("no clock locks anybody for longer than the budget says");
                }
                if matches!(record.typed, Typed::Recovery { .. }) {
                    return broken("nobody spends the recovery codes' budget");
                }
            }
            Outcome::NoRotation if self.waits(record, rules).is_some() => {
                return broken("an acknowledged rotation is there");
            }
            Outcome::Accepted(_) | Outcome::Recovered(_) => self.check_entry(place, rules)?,
            Outcome::Rejected | Outcome::Replayed => self.check_refusal(place, rules)?,
            _ => {}
        }
        self.check_budget(place, rules)
    }

    /// The acknowledged rotation that is known to wait when an operation is asked for.
    fn waits(&self, by: &Record, rules: &Rules) -> Option<usize> {
        let (place, rotation) =
            self.rotation(by.user).map(|place| (place, &self.records[place]))?;
        let long = by.ended_ms.saturating_sub(rotation.started_ms) + 2 * Rules::CLOSE_MS;
        let settled = self.of_user(by.user).all(|(other, changing)| {
            let changes = changing.action == Action::Rotate
                || changing.confirms()
                || changing.registers()
                || changing.action == Action::Delete;
            !changes
                || other == place
                || changing.start == by.start
                || !changing.may_be_done()
                || Self::before(changing, rotation)
                || by.known_at() < changing.start
        });
        let waits = Self::before(rotation, by)
            && settled
            && rules.clocks_are_right()
            && long < rules.rotation_ms
            && !rules.lapse;
        waits.then_some(place)
    }

    /// What entitles a code of a rotation's secret, and what ended those of before.
    fn check_rotation(&self, place: usize, secret: usize, rules: &Rules) -> Result<(), Violation> {
        let (record, made) = (&self.records[place], &self.records[secret]);
        let broken = |promise| {
            let detail = format!("operation {place} ({:?}), secret of {secret}", record.action);
            Err(Violation { promise, detail })
        };
        if record.confirms() {
            if made.action != Action::Rotate {
                return broken("only a pending secret is confirmed");
            }
            if self.confirmations(secret).filter(|other| other.entered()).count() > 1 {
                return broken("a rotation is confirmed once");
            }
            let replaced = self.of_user(record.user).any(|(_, other)| {
                other.action == Action::Rotate
                    && other.is(&Outcome::Done)
                    && Self::before(made, other)
                    && Self::before(other, record)
            });
            if replaced {
                return broken("a rotation ends the one before");
            }
            let since = record.started_ms.saturating_sub(made.ended_ms);
            if rules.clocks_are_right() && since > rules.rotation_ms + 2 * Rules::CLOSE_MS {
                return broken("a rotation lapses");
            }
        } else {
            let confirmed = self
                .confirmations(secret)
                .any(|other| other.may_be_done() && other.start < record.known_at());
            if made.action == Action::Rotate && !confirmed {
                return broken("a pending secret lets nobody in");
            }
            let rotated_away = self.of_user(record.user).any(|(_, other)| {
                other.confirms()
                    && other.entered()
                    && !matches!(other.typed,
                        Typed::Code { registration, .. } if registration == secret)
                    && Self::before(made, other)
                    && Self::before(other, record)
            });
            if rotated_away {
                return broken("a confirmation ends the secret before");
            }
        }
        Ok(())
    }

    fn check_entry(&self, place: usize, rules: &Rules) -> Result<(), Violation> {
        let record = &self.records[place];
        let broken = |promise, other: &dyn fmt::Debug| {
            let detail = format!("operation {place} ({:?}), see {other:?}", record.action);
            Err(Violation { promise, detail })
        };
        match record.typed {
            Typed::Nothing => return broken("nobody guesses", &()),
            Typed::Code { registration, step } => {
                self.check_rotation(place, registration, rules)?;
                for (other, earlier) in self.of_user(record.user) {
                    let Typed::Code { registration: theirs, step: used } = earlier.typed else {
                        continue;
                    };
                    if other == place
                        || theirs != registration
                        || !matches!(earlier.outcome, Some(Outcome::Accepted(_)))
                    {
                        continue;
                    }
                    // An unlock takes back what a wrong clock accepted of the future.
                    if !rules.clocks_are_right() && self.unlocked_since(earlier, record) {
                        continue;
                    }
                    if used == step {
                        return broken("a code is accepted once", &other);
                    }
                    if used > step && Self::before(earlier, record) {
                        return broken("no code older than the last is accepted", &other);
                    }
                }
                if self.is_gone(&self.records[registration], record) {
                    return broken("a deleted enrollment lets nobody in", &registration);
                }
            }
            Typed::Recovery { set, .. } => {
                for (other, earlier) in self.of_user(record.user) {
                    if other == place {
                        continue;
                    }
                    if earlier.typed == record.typed
                        && matches!(earlier.outcome, Some(Outcome::Recovered(_)))
                    {
                        return broken("a recovery code works once", &other);
                    }
                    let replaces =
                        matches!(earlier.action, Action::NewCodes(_)) && earlier.is(&Outcome::Done);
                    if replaces
                        && Self::before(&self.records[set], earlier)
                        && Self::before(earlier, record)
                    {
                        return broken("replaced recovery codes are revoked", &other);
                    }
                }
                if self.is_gone(&self.records[set], record) {
                    return broken("a deleted enrollment lets nobody in", &set);
                }
            }
        }
        Ok(())
    }

    fn check_refusal(&self, place: usize, rules: &Rules) -> Result<(), Violation> {
        let record = &self.records[place];
        let tried_elsewhere = |other: usize, earlier: &Record, same: bool| {
            other != place && same && earlier.start < record.known_at()
        };
        match record.typed {
            Typed::Code { registration, .. } if record.confirms() => {
                if self.waits(record, rules) == Some(registration) {
                    let now = record.started_ms / 1000 / 30;
                    let right = matches!(record.typed,
                        Typed::Code { step, .. } if now.abs_diff(step) == 0);
                    if right {
                        let detail = format!("operation {place}: {:?}", record.outcome);
                        let promise = "a right code confirms a rotation";
                        return Err(Violation { promise, detail });
                    }
                }
            }
            Typed::Code { registration, step } => {
                let Some(newest) = self.made(registration) else { return Ok(()) };
                if self.may_be_rotated_away(registration, record) {
                    return Ok(());
                }
                // The last step may be another clock's; `unlock` fixes that.
                if !rules.clocks_are_right() || !self.lives(newest, record, rules) {
                    return Ok(());
                }
                if self.of_user(record.user).any(|(_, later)| {
                    later.start != newest.start
                        && later.registers()
                        && !later.is(&Outcome::Exists)
                        && !Self::before(later, newest)
                        && later.start < record.known_at()
                }) {
                    return Ok(());
                }
                let now = record.started_ms / 1000 / 30;
                let current = now.abs_diff(step) == 0;
                let used = self.of_user(record.user).any(|(other, earlier)| {
                    let same = matches!(earlier.typed, Typed::Code { registration: theirs, step: used }
                        if theirs == registration && used >= step);
                    tried_elsewhere(other, earlier, same)
                });
                if current && !used {
                    let detail = format!("operation {place}: {:?}", record.outcome);
                    return Err(Violation { promise: "a right code is accepted", detail });
                }
            }
            Typed::Recovery { set, .. } => {
                let made = &self.records[set];
                let settled = self.of_user(record.user).all(|(other, changing)| {
                    let changes = matches!(
                        changing.action,
                        Action::Delete
                            | Action::NewCodes(_)
                            | Action::Register(_)
                            | Action::Replace(_)
                            | Action::Import
                    ) && !changing.is(&Outcome::Exists);
                    !changes
                        || other == set
                        || Self::before(changing, made)
                        || record.known_at() < changing.start
                });
                let used = self.of_user(record.user).any(|(other, earlier)| {
                    tried_elsewhere(other, earlier, earlier.typed == record.typed)
                });
                let lapsed = rules.lapse;
                if Self::before(made, record) && settled && !used && !lapsed {
                    let detail = format!("operation {place}: {:?}", record.outcome);
                    return Err(Violation { promise: "a right recovery code is accepted", detail });
                }
            }
            Typed::Nothing => {}
        }
        Ok(())
    }

    /// How many deletions of the user there were at the same time.
    fn deletions_beside(&self, record: &Record) -> u64 {
        let beside = self.of_user(record.user).filter(|(_, other)| {
            other.ends_enrollments()
                && other.start != record.start
                && !Self::before(other, record)
                && !Self::before(record, other)
        });
        beside.count() as u64
    }

    /// How often the user may have had a new budget by this operation. A registration whose
    /// reply is lost may be deleted by somebody, and be done once more by its retry.
    fn budgets_from(&self, record: &Record) -> u64 {
        match record.action {
            Action::Unlock => 1,
            Action::Register(_) | Action::Replace(_) | Action::Import => {
                u64::from(!record.is(&Outcome::Exists)) + self.deletions_beside(record)
            }
            _ => 0,
        }
    }

    /// Codes that were looked at, and were not accepted, against the budget.
    fn check_budget(&self, place: usize, rules: &Rules) -> Result<(), Violation> {
        let record = &self.records[place];
        // A right code may have been accepted, and its attempt given back, before a deletion
        // came; and its caller learns after it, from a retry, that there is nobody.
        let deleted_meanwhile = |record: &Record| {
            matches!(record.typed, Typed::Code { .. }) && self.deletions_beside(record) > 0
        };
        let looked_at = |record: &Record| {
            !matches!(record.typed, Typed::Recovery { .. })
                && !deleted_meanwhile(record)
                && matches!(
                    record.action,
                    Action::Right(_)
                        | Action::RightHere
                        | Action::Wrong
                        | Action::Old
                        | Action::Replay
                        | Action::Pending
                        | Action::Confirm
                        | Action::ConfirmOld
                        | Action::ConfirmWrong
                )
                && matches!(record.outcome, Some(Outcome::Rejected | Outcome::Replayed))
        };
        if !looked_at(record) {
            return Ok(());
        }
        let (mut looks, mut fresh, mut ends) = (0, 0, 1);
        let mut first_ms = record.started_ms;
        for (_, other) in self.of_user(record.user) {
            looks += u64::from(looked_at(other));
            first_ms = first_ms.min(other.started_ms);
            let anew = self.budgets_from(other);
            fresh += anew;
            // What ends a run of misses.
            let entered = matches!(other.typed, Typed::Code { .. } | Typed::Recovery { .. });
            ends += anew.max(u64::from(entered));
        }
        let apart = rules.skews_ms.iter().map(|skew| skew.unsigned_abs()).max().unwrap_or(0);
        let elapsed = record.ended_ms.saturating_sub(first_ms) + 2 * apart.min(2 * Rules::CLOSE_MS);
        let budget = rules.burst * fresh + elapsed / rules.refill_ms;
        let detail = format!("operation {place}: {looks} looked at, {budget} allowed");
        if looks > budget && rules.clocks_are_right() {
            return Err(Violation { promise: "guesses stay within the budget", detail });
        }
        if let Some(budget) = self.since_unlock(record, rules, looked_at)
            && rules.clocks_are_right()
        {
            let detail =
                format!("operation {place}: {budget} more than the burst since the unlock");
            return Err(Violation { promise: "an unlock forgives once", detail });
        }
        if looks > rules.max_misses * ends {
            return Err(Violation { promise: "misses in a row lock the user", detail });
        }
        Ok(())
    }

    /// How many looks more than the budget there were since the last unlock, if any.
    fn since_unlock(
        &self,
        by: &Record,
        rules: &Rules,
        looked_at: impl Fn(&Record) -> bool,
    ) -> Option<u64> {
        let renews = |record: &Record| self.budgets_from(record) > 0;
        let users = || self.of_user(by.user).map(|(_, record)| record);
        let last =
            users().filter(|record| renews(record)).max_by_key(|record| record.known_at())?;
        let alone = users().all(|record| {
            !renews(record) || record.start == last.start || Self::before(record, last)
        });
        if last.action != Action::Unlock || !last.is(&Outcome::Done) || !alone {
            return None;
        }
        let looks =
            users().filter(|record| looked_at(record) && Self::before(last, record)).count();
        let elapsed = by.ended_ms.saturating_sub(last.started_ms) + 2 * Rules::CLOSE_MS;
        let budget = rules.burst + elapsed / rules.refill_ms;
        (looks as u64).checked_sub(budget).filter(|more| *more > 0)
    }
}
